"""Which object has which address or key, now and before."""
