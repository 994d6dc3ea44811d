"""The demo, as `make demo ONCE=1` runs it."""

from __future__ import annotations

import itertools
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shown() -> list[str]:
    """The tables that it prints, each from its title on."""
    command = [sys.executable, "-m", "pipeline.cli.demo", "--once"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    heads = ("Flow matrix ", "Connections ", "External ")
    lines = done.stdout.splitlines()
    places = [at for at, line in enumerate(lines) if line.startswith(heads)] + [len(lines)]
    return ["\n".join(lines[a:b]) for a, b in itertools.pairwise(places)]


def test_the_tables_have_as_many_rows_as_the_scenario(shown: list[str]) -> None:
    """docs/reference/scenario.md#tables: twelve rows out, sixteen in, two external peers.

    As edges, a Service and what is behind it are one row, and so are all nodes; DNS is there.
    """
    assert [table.splitlines()[0] for table in shown] == [
        "Flow matrix out of netobserv (8 edges)",
        "Flow matrix into netobserv (6 edges)",
        "Connections opened by netobserv (12 rows)",
        "Connections accepted by netobserv (16 rows)",
        "External peers of noo-loki, before labelling (2 rows)",
        "External peers of noo-loki, labelled (2 rows)",
    ]


def test_only_the_labelled_table_names_the_external_peer(shown: list[str]) -> None:
    assert ["AWS_S3_eu-west-3" in table for table in shown] == [
        False,
        False,
        False,
        False,
        False,
        True,
    ]
    assert all("loki-ingester" in table for table in shown[4:])


def test_each_connection_is_one_edge(shown: list[str]) -> None:
    """Through the Service to the target port; no port of a client is among them."""
    out, into = shown[:2]
    assert "openshift-dns/dns-default" in out
    assert "5353/UDP" in out
    assert "loki-gateway-http" not in out
    assert [line.split()[2] for line in into.splitlines()[3:] if line.startswith("(6 nodes)")] == [
        "flowlogs-pipeline"
    ] * 2
