"""Policies generated from edges: what they name, their rules, the kinds they are written as."""
