"""Calls and phones: what the PBX is told to do, and what it tells."""
