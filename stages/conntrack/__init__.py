"""Connections out of flows (docs/reference/flowlogs-pipeline.md#conntrack)."""
