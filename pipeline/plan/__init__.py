"""Stages to a plan; a batch through the plan."""
