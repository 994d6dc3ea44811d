"""A cluster as a file: inventories read, taken and exported."""
