"""YAML text to plain data in which every value has a place."""
