"""The command line: a module per group of commands, imported when one of them is called."""

from pipeline.cli.app import app, main

__all__ = ["app", "main"]
