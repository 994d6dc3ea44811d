"""What is kept in step with a cluster: the index, subnet labels, FlowMetrics and their status."""
