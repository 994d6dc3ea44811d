"""The value model of a frame: columns of flows, their fields, and rules for values."""
