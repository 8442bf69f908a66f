"""What administrators of the platform do. Every deed is `(conn, actor, now, …)`: a page runs it by
`rights.as_admin`, a command in the name of whoever gave it, so the two cannot differ."""
