"""Benchmarks: ratios and figures of one run, printed; never a test."""
