"""Stages compiled to a plan, and batches run through it."""
