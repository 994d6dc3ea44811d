"""Unknown peers found in the edges, and names proposed for them."""
