"""How long tests wait for what others bring about: so long that only a fault takes longer."""

PATIENCE_SECONDS = 60.0
"""Of a machine that is busy with other things; a test that passes never waits so long."""
