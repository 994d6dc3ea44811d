"""What is synchronised with a cluster: the index, subnet labels, FlowMetrics and their status."""
