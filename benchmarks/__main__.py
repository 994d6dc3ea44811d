"""`python -m benchmarks`: the embedded engine."""

from benchmarks.engine import main

main()
