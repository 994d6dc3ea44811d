"""HTTP: the server, what it answers, and the client for it."""
