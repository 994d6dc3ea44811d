"""Inventory files: reading them, taking them from a cluster, exporting them from an index."""
