"""Judges edges by network policies."""
