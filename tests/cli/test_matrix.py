"""`matrix` of counters; that of edges is in test_edge_output.py and test_series.py.

The reference scenario in the dialect of flowlogs-pipeline counts no edges.
"""

from __future__ import annotations

import csv
import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from simulate import Simulation, simulate
from tests.support.commands import document, flowmatrix

COMMAND = [sys.executable, "-c", "from pipeline.cli import main; main()"]


def test_matrix_from_a_config_and_from_its_state(made: Simulation, tmp_path: Path) -> None:
    assert flowmatrix("run", made.flp_config, "--once", "--state", tmp_path).exit_code == 0
    found = [
        document(*source, "-n", "netobserv", "--direction", "out")
        for source in ([made.flp_config], ["--state", tmp_path])
    ]
    assert len(found[0]["rows"]) == 12
    assert found[0] == found[1]


def test_one_document_has_every_namespace_and_both_directions(made: Simulation) -> None:
    """As one JSON document and as one CSV table, with ports that are numbers."""
    asked = [made.flp_config, "-n", "netobserv", "-n", "noo-loki", "-n", "netobserv"]
    rows = document(*asked)["rows"]
    shown = [(row["namespace"], row["direction"]) for row in rows]
    assert {place: shown.count(place) for place in dict.fromkeys(shown)} == {
        ("netobserv", "outgoing"): 12,
        ("netobserv", "incoming"): 16,
        ("noo-loki", "outgoing"): 2,
        ("noo-loki", "incoming"): 6,
    }
    assert all(isinstance(row["port"], int) for row in rows)
    done = flowmatrix("matrix", *asked, "--format", "csv")
    table = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [(row["namespace"], row["direction"]) for row in table] == shown
    assert [row["port"] for row in table] == [str(row["port"]) for row in rows]


def test_the_largest_count_comes_first_unless_asked_otherwise(made: Simulation) -> None:
    asked = [made.flp_config, "-n", "netobserv", "--direction", "in"]
    counts = [row["count"] for row in document(*asked)["rows"]]
    assert counts == sorted(counts, reverse=True)
    assert len(set(counts)) > 1
    ports = [row["port"] for row in document(*asked, "--sort", "port")["rows"]]
    assert ports == sorted(ports)
    assert ports[0] == 2055


def test_notes_are_in_the_document_and_beside_csv_on_stderr(tmp_path: Path) -> None:
    made = simulate("reference", tmp_path / "ipfix.pb", ipfix_replies=True)
    asked = [made.flp_config, "-n", "netobserv"]
    (note,) = document(*asked)["notes"]
    assert note == (
        "Connections opened by netobserv: 2 uncertain: the port is a client's, "
        "the flow may be a reply"
    )
    done = flowmatrix("matrix", *asked, "--format", "csv")
    assert f"note: {note}\n" in done.stderr
    assert "uncertain:" not in done.stdout


def test_matrix_of_a_namespace_that_is_not_there(made: Simulation) -> None:
    done = flowmatrix("matrix", made.flp_config, "-n", "netobsrv", "--format", "csv")
    assert done.exit_code == 1
    assert done.stderr.endswith(
        'warning: nothing was seen of namespace "netobsrv"; did you mean "netobserv"?\n'
    )


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["--peer", "noo-lok"], 'no edge has the end "noo-lok"; did you mean "noo-loki"?'),
        (
            ["--between", "netobserv", "noo-loki/loki-gatway"],
            'no edge has the end "noo-loki/loki-gatway"; did you mean "noo-loki/loki-gateway"?',
        ),
        (
            ["--peer", "3.5.204.0/22"],
            'no edge has the end "3.5.204.0/22"; an address with a subnet label has its name',
        ),
    ],
)
def test_an_end_that_no_edge_has_is_told(made: Simulation, asked: list[str], said: str) -> None:
    done = flowmatrix("matrix", made.config, *asked)
    assert done.exit_code == 1
    assert f"warning: {said}\n" in done.stderr
    assert done.stderr.count("no edge has the end") == 1


@pytest.mark.parametrize(
    "asked",
    [["--port", "1"], ["--until", "2001-01-01"], ["--only", "denied"], ["--peer", "3.5.204.9/31"]],
)
def test_a_question_that_no_edge_fits_is_told(made: Simulation, asked: list[str]) -> None:
    """Where an end is not there at all, that is said instead."""
    done = flowmatrix("matrix", made.config, *asked)
    told = "note: none of 30 edges fits what was asked for\n" in done.stderr
    assert (told, done.exit_code) == (("--peer" not in asked), int("--peer" in asked))


def test_matrix_wants_one_source(made: Simulation, tmp_path: Path) -> None:
    assert flowmatrix("matrix").exit_code == 2
    assert flowmatrix("matrix", made.config, "--state", tmp_path).exit_code == 2
    assert flowmatrix("matrix", made.recording, "--input", made.recording).exit_code == 2
    assert flowmatrix("matrix", made.config, "--inventory", made.inventory).exit_code == 2
    asked = ["--prometheus", "http://127.0.0.1:1", "--inventory", made.inventory]
    assert flowmatrix("matrix", *asked).exit_code == 2
    nothing = flowmatrix("matrix", "--state", tmp_path)
    assert (nothing.exit_code, nothing.stderr) == (1, f"error: there is no state in {tmp_path}\n")


@pytest.mark.slow
@pytest.mark.parametrize("width", [80, 200])
def test_tables_fit_the_terminal(made: Simulation, width: int) -> None:
    shown = _on_terminal(width, "matrix", str(made.flp_config), "-n", "netobserv")
    lines = [line for line in shown.splitlines() if "flowlogs" in line or "plugin" in line]
    assert len(lines) == 28
    assert max(map(len, shown.splitlines())) <= width
    assert ("last seen" in shown) == (width == 200)


def _on_terminal(width: int, *arguments: str) -> str:
    """What a command writes to a terminal of this width."""
    leader, follower = pty.openpty()
    environment = os.environ | {"COLUMNS": str(width), "TERM": "xterm"}
    done = subprocess.Popen(
        [*COMMAND, *arguments], stdout=follower, stderr=subprocess.PIPE, env=environment
    )
    os.close(follower)
    parts: list[bytes] = []
    while part := _read(leader):
        parts.append(part)
    os.close(leader)
    _, errors = done.communicate(timeout=120)
    assert done.returncode == 0, errors
    return b"".join(parts).decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # nobody writes any more
        return b""
