"""Messages that could not be used: where they go, when they are too many, how they come back."""
