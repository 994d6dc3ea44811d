"""Where addresses are on the map (docs/reference/transforms.md#add_location)."""
