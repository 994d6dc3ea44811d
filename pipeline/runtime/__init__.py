"""Runtimes: what feeds a plan and delivers what comes out of it."""
