"""The API server of a cluster: reaching it, listing, watching, and its objects."""
