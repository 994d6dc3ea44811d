"""The command line: a module per group of commands, imported when one of them is called."""

from pipeline.cli.entry import drop_in, main

__all__ = ["drop_in", "main"]
