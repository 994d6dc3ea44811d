"""The flow matrix of a namespace, read from the ledger."""
