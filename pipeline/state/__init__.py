"""The counts, and how they survive a restart."""
