"""Kubernetes: which object an address belongs to."""
