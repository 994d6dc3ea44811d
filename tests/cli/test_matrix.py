"""`matrix`: the tables of a namespace, from every place that counts are in."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from simulate import Format, Simulation, simulate
from tests.support.commands import flowmatrix
from tests.support.recordings import cli_database

COMMAND = [sys.executable, "-c", "from pipeline.cli import main; main()"]
NAMES = ("kind", "workload", "port", "peer_kind", "peer_namespace", "peer_workload")


def document(*arguments: object) -> dict[str, Any]:
    """The JSON document that `matrix` prints."""
    done = flowmatrix("matrix", *arguments, "--format", "json")
    assert done.exit_code == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def names(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return sorted(tuple(row[name] for name in NAMES) for row in rows)


def test_matrix_from_a_config_and_from_its_state(made: Simulation, tmp_path: Path) -> None:
    assert flowmatrix("run", made.config, "--once", "--state", tmp_path).exit_code == 0
    found = [
        document(*source, "-n", "netobserv", "--direction", "out")
        for source in ([made.config], ["--state", tmp_path])
    ]
    assert len(found[0]["rows"]) == 12
    assert found[0] == found[1]


def test_one_document_has_every_namespace_and_both_directions(made: Simulation) -> None:
    """As one JSON document and as one CSV table, with ports that are numbers."""
    asked = [made.config, "-n", "netobserv", "-n", "noo-loki", "-n", "netobserv"]
    rows = document(*asked)["rows"]
    shown = [(row["namespace"], row["direction"]) for row in rows]
    assert {place: shown.count(place) for place in dict.fromkeys(shown)} == {
        ("netobserv", "outgoing"): 12,
        ("netobserv", "incoming"): 16,
        ("noo-loki", "outgoing"): 2,
        ("noo-loki", "incoming"): 7,
    }
    assert all(isinstance(row["port"], int) for row in rows)
    done = flowmatrix("matrix", *asked, "--format", "csv")
    table = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [(row["namespace"], row["direction"]) for row in table] == shown
    assert [row["port"] for row in table] == [str(row["port"]) for row in rows]


def test_the_largest_count_comes_first_unless_asked_otherwise(made: Simulation) -> None:
    asked = [made.config, "-n", "netobserv", "--direction", "in"]
    counts = [row["count"] for row in document(*asked)["rows"]]
    assert counts == sorted(counts, reverse=True)
    assert len(set(counts)) > 1
    ports = [row["port"] for row in document(*asked, "--sort", "port")["rows"]]
    assert ports == sorted(ports)
    assert ports[0] == 2055


def test_notes_are_in_the_document_and_beside_csv_on_stderr(tmp_path: Path) -> None:
    made = simulate("reference", tmp_path / "ipfix.pb", ipfix_replies=True)
    asked = [made.config, "-n", "noo-loki"]
    (note,) = document(*asked)["notes"]
    assert note.startswith("Connections opened by noo-loki: ")
    assert note.endswith(" uncertain: the port is a client's, the flow may be a reply")
    done = flowmatrix("matrix", *asked, "--format", "csv")
    assert f"note: {note}\n" in done.stderr
    assert "uncertain:" not in done.stdout


def test_matrix_of_a_namespace_that_is_not_there(made: Simulation) -> None:
    done = flowmatrix("matrix", made.config, "-n", "netobsrv", "--format", "csv")
    assert done.exit_code == 0
    assert done.stderr.endswith(
        'warning: no row is of namespace "netobsrv"; did you mean "netobserv"?\n'
    )


def test_matrix_wants_one_source(made: Simulation, tmp_path: Path) -> None:
    assert flowmatrix("matrix").exit_code == 2
    assert flowmatrix("matrix", made.config, "--state", tmp_path).exit_code == 2
    assert flowmatrix("matrix", made.recording, "--input", made.recording).exit_code == 2
    assert flowmatrix("matrix", made.config, "--inventory", made.inventory).exit_code == 2
    assert flowmatrix("matrix", "--state", tmp_path, "--inventory", made.inventory).exit_code == 2
    nothing = flowmatrix("matrix", "--state", tmp_path)
    assert (nothing.exit_code, nothing.stderr) == (1, f"error: there is no state in {tmp_path}\n")


@pytest.mark.parametrize("name", ["flows.pb", "flows.jsonl", "flows.json.gz", "flows.json"])
def test_a_recording_needs_no_pipeline(made: Simulation, tmp_path: Path, name: str) -> None:
    """Protobuf or JSON, found by what is in it, as an argument or by --input."""
    other = simulate("reference", tmp_path / name)
    if name == "flows.json":
        lines = other.recording.read_text().splitlines()
        other.recording.write_text("[\n" + ",\n".join(lines) + ",\n]\n")
    expected = document(made.config, "-n", "netobserv")
    for source in ([other.recording], ["--input", other.recording]):
        found = document(*source, "-n", "netobserv", "--inventory", made.inventory)
        assert names(found["rows"]) == names(expected["rows"])
        assert found["metrics"] == ["opened"]


def test_a_recording_takes_the_place_of_a_source_whatever_its_decoder(
    made: Simulation, tmp_path: Path
) -> None:
    other = simulate("reference", tmp_path / "flows.jsonl", form=Format.JSON)
    found = document(made.config, "--input", other.recording, "-n", "netobserv")
    assert names(found["rows"]) == names(document(made.config, "-n", "netobserv")["rows"])


def test_flows_of_the_netobserv_cli_name_their_objects_themselves(tmp_path: Path) -> None:
    """Its text file, with a comma behind each flow, before and after it is made an array."""
    flow = {
        "SrcAddr": "10.128.0.14", "DstAddr": "10.128.2.7", "DstPort": 5432, "Flags": 2,
        "SrcK8S_Namespace": "shop", "SrcK8S_OwnerName": "web", "SrcK8S_OwnerType": "Deployment",
        "DstK8S_Namespace": "shop", "DstK8S_OwnerName": "db", "DstK8S_OwnerType": "StatefulSet",
        "TimeFlowEndMs": 1_700_000_000_000,
    }  # fmt: skip
    text = ",\n".join([json.dumps(flow), json.dumps(flow | {"Flags": 16})]) + ",\n"
    for name, written in (("a.txt", text), ("b.json", f"[{text}]")):
        (tmp_path / name).write_text(written)
        rows = document(tmp_path / name, "-n", "shop", "--direction", "out")["rows"]
        assert names(rows) == [("Deployment", "web", 5432, "StatefulSet", "shop", "db")]
        assert (rows[0]["count"], rows[0]["evidence"]) == (1, "SYN")


def test_a_database_of_the_netobserv_cli_has_no_flags(made: Simulation, tmp_path: Path) -> None:
    """All flows count, the rows say by what they are known, and a note says why."""
    ends = {"SrcAddr": "10.128.0.3", "DstAddr": "10.0.70.179"}
    back = {"SrcAddr": ends["DstAddr"], "DstAddr": ends["SrcAddr"]}
    cli_database(
        tmp_path / "flows.db",
        [
            ends | {"SrcPort": 40_000, "DstPort": 6443, "Proto": 6},
            back | {"SrcPort": 6443, "DstPort": 40_000, "Proto": 6},
        ],
    )
    found = document(tmp_path / "flows.db", "--inventory", made.inventory)
    assert "no flow of the recording has a SYN" in found["notes"][0]
    assert {(row["port"], row["evidence"]) for row in found["rows"]} == {
        (6443, "port"),
        (40_000, "uncertain"),
    }


def test_what_cannot_be_read_is_named(made: Simulation, tmp_path: Path) -> None:
    (tmp_path / "a.pcap").write_bytes(b"\xd4\xc3\xb2\xa1" + bytes(20))
    done = flowmatrix("matrix", tmp_path / "a.pcap")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "a.pcap: the input is a pcap capture, which is not read" in done.stderr
    done = flowmatrix("matrix", tmp_path / "none.json")
    assert done.exit_code == 78
    assert "none.json" in done.stderr
    done = flowmatrix("matrix", made.recording, "--inventory", tmp_path / "none.yaml")
    assert done.exit_code == 78
    assert "none.yaml" in done.stderr
    assert '"stages"' not in done.stderr


def test_a_pipeline_that_reads_kafka_is_refused_at_once(tmp_path: Path) -> None:
    """No group is joined: the broker does not even exist."""
    file = tmp_path / "kafka.yaml"
    file.write_text(
        "stages:\n- {name: in, type: ingest_kafka, brokers: ['127.0.0.1:1'], topics: [t]}\n"
        "- {name: out, type: encode_prometheus, follows: in, metrics: [{name: m}]}\n"
    )
    done = flowmatrix("matrix", file)
    assert done.exit_code == 2
    assert "--server" in done.stderr


@pytest.mark.parametrize("width", [80, 200])
def test_tables_fit_the_terminal(made: Simulation, width: int) -> None:
    shown = _on_terminal(width, "matrix", str(made.config), "-n", "netobserv")
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
