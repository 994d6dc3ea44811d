"""The command line: one module per group of commands, each enrols its own."""

from pipeline.cli import check, cluster, matrix, run, simulate, top
from pipeline.cli.app import app, main

__all__ = ["app", "check", "cluster", "main", "matrix", "run", "simulate", "top"]
