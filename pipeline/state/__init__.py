"""What was counted, and how it survives."""
