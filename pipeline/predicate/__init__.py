"""Conditions on flows, each parsed once and compiled to a Polars expression."""
