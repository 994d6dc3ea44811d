"""The command line: one module per group of commands, each enrols its own."""

from pipeline.cli import check, cluster, dead_letters, matrix, run, simulate, top
from pipeline.cli.app import app, main

__all__ = ["app", "check", "cluster", "dead_letters", "main", "matrix", "run", "simulate", "top"]
