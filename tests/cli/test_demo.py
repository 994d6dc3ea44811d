"""The demo, as `make demo ONCE=1` runs it."""

from __future__ import annotations

import itertools
import subprocess
import sys

import pytest


@pytest.fixture(scope="module")
def shown() -> list[str]:
    """The tables that it prints, each from its title on."""
    command = [sys.executable, "-m", "pipeline.cli.demo", "--once"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    heads = ("Connections ", "External ")
    lines = done.stdout.splitlines()
    places = [at for at, line in enumerate(lines) if line.startswith(heads)] + [len(lines)]
    return ["\n".join(lines[a:b]) for a, b in itertools.pairwise(places)]


def test_the_tables_have_as_many_rows_as_the_scenario(shown: list[str]) -> None:
    """docs/reference/scenario.md#tables: twelve rows out, sixteen in, two external peers."""
    assert [table.splitlines()[0] for table in shown] == [
        "Connections opened by netobserv (12 rows)",
        "Connections accepted by netobserv (16 rows)",
        "External peers of noo-loki, before labelling (2 rows)",
        "External peers of noo-loki, labelled (2 rows)",
    ]


def test_only_the_labelled_table_names_the_external_peer(shown: list[str]) -> None:
    assert ["AWS_S3_eu-west-3" in table for table in shown] == [False, False, False, True]
    assert all("loki-ingester" in table for table in shown[2:])
