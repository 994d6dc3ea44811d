"""Policies held against what was seen."""
