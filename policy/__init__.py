"""Network policies: what they allow, judged on the edges of a flow matrix."""
