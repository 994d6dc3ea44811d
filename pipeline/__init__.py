"""The engine: configuration, plan, ledger and exposition. It never names a stage."""
