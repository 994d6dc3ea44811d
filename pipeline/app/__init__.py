"""A whole run, put together from its parts."""
