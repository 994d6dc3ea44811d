"""gRPC: the server that takes flows, its calls and its certificates."""
