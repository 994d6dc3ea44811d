"""What Prometheus reads: the text format, and the engine's own metrics."""
