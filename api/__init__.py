"""Ways in: HTTP endpoints, the command line; the only importer of starlette."""
