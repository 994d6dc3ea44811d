"""The places that the series of a matrix come from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from simulate import Format, Simulation, simulate
from tests.support.commands import document, flowmatrix
from tests.support.recordings import cli_database

pytestmark = pytest.mark.slow

ENDS = ("client_namespace", "client_workload", "server_namespace", "server_workload", "port")
PLUGIN_OPENS = {
    ("noo-loki", "loki-gateway", 8080),
    ("noo-loki", "loki-query-frontend", 3100),
    ("openshift-dns", "dns-default", 5353),
    ("openshift-monitoring", "thanos-querier", 9091),
}
"""Whom netobserv-plugin opens connections to, beside the API server on its nodes."""


def names(rows: list[dict[str, Any]]) -> set[tuple[Any, ...]]:
    return {tuple(row[name] for name in ENDS) for row in rows}


def opened_by_plugin(rows: list[dict[str, Any]]) -> set[tuple[Any, ...]]:
    found = {edge[2:] for edge in names(rows) if edge[1] == "netobserv-plugin"}
    return {edge for edge in found if edge[0]}


@pytest.mark.parametrize("name", ["flows.pb", "flows.jsonl", "flows.json.gz", "flows.json"])
def test_a_recording_needs_no_pipeline(made: Simulation, tmp_path: Path, name: str) -> None:
    """Protobuf or JSON, found by what is in it, as an argument or by --input."""
    other = simulate("reference", tmp_path / name)
    if name == "flows.json":
        lines = other.recording.read_text().splitlines()
        other.recording.write_text("[\n" + ",\n".join(lines) + ",\n]\n")
    for source in ([other.recording], ["--input", other.recording]):
        found = document(*source, "-n", "netobserv", "--inventory", made.inventory)
        assert opened_by_plugin(found["rows"]) == PLUGIN_OPENS
        assert found["covers"]["rejected"] == 0


def test_a_recording_takes_the_place_of_a_source_whatever_its_decoder(
    made: Simulation, tmp_path: Path
) -> None:
    other = simulate("reference", tmp_path / "flows.jsonl", form=Format.JSON)
    found = document(made.config, "--input", other.recording, "-n", "netobserv")
    assert found["rows"] == document(made.config, "-n", "netobserv")["rows"]


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
        (edge,) = document(tmp_path / name, "-n", "shop")["rows"]
        assert names([edge]) == {("shop", "web", "shop", "db", 5432)}
        assert (edge["attempted"], edge["flows"], edge["evidence"]) == (1, 2, "syn")


def test_a_database_of_the_netobserv_cli_has_no_flags(made: Simulation, tmp_path: Path) -> None:
    """The port says who the server is; no connection was seen opening, which a note says."""
    ends = {"SrcAddr": "10.128.0.3", "DstAddr": "10.0.70.179"}
    back = {"SrcAddr": ends["DstAddr"], "DstAddr": ends["SrcAddr"]}
    cli_database(
        tmp_path / "flows.db",
        [
            ends | {"SrcPort": 40_000, "DstPort": 6443, "Proto": 6, "Bytes": 10, "Packets": 1},
            back | {"SrcPort": 6443, "DstPort": 40_000, "Proto": 6, "Bytes": 30, "Packets": 1},
        ],
    )
    found = document(tmp_path / "flows.db", "--inventory", made.inventory)
    (edge,) = found["rows"]
    assert (edge["client_workload"], edge["port"]) == ("flowlogs-pipeline", 6443)
    assert (edge["flows"], edge["reply_flows"], edge["attempted"]) == (1, 1, 0)
    assert "1 edge with connections that are older than what was seen" in found["notes"][0]


def test_a_pipeline_may_be_the_input_as_with_the_policy_commands(made: Simulation) -> None:
    """By --input alone it is run as if it was the argument, not read as a recording."""
    assert document("--input", made.config) == document(made.config)


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
    assert done.stderr.count("\n") == 1
    (tmp_path / "a.csv").write_text("SrcAddr,DstAddr\n")
    done = flowmatrix("matrix", tmp_path / "a.csv")
    assert done.exit_code == 78
    assert "a.csv is not a recording either: protobuf messages, JSON objects" in done.stderr


def test_an_address_of_the_inventory_that_is_none_is_warned_of(
    made: Simulation, tmp_path: Path
) -> None:
    path = tmp_path / "i.yaml"
    path.write_text("{kind: Pod, metadata: {name: lost}, status: {podIP: 10.0.0.300}}")
    done = flowmatrix("matrix", made.recording, "--inventory", path)
    said = 'i.yaml: document 1: Pod lost: status.podIP "10.0.0.300" is not an address'
    assert done.exit_code == 0
    assert done.stderr.count(said) == 1
    assert done.stderr.startswith(f"{path}: warning: {said}\n")
    path.write_text("{kind: Pod, metadata: {name: lost}, status: 7}")
    done = flowmatrix("matrix", made.recording, "--inventory", path)
    assert done.exit_code == 78
    assert done.stderr.startswith(f"{path}: error: i.yaml: document 1: Pod lost: ")
    assert done.stderr.count("\n") == 1, "that no label is derived of it is about our pipeline"


def test_flows_without_names_ask_for_an_inventory(made: Simulation, tmp_path: Path) -> None:
    note = "the flows name no Kubernetes objects: --inventory FILE has those behind their addresses"
    assert note in document(made.recording)["notes"]
    assert note not in document(made.recording, "--inventory", made.inventory)["notes"]
    (tmp_path / "none.json").write_text("[]")
    assert document(tmp_path / "none.json")["notes"] == []


def test_a_pipeline_that_reads_kafka_is_refused_at_once(tmp_path: Path) -> None:
    """No group is joined: the broker does not even exist."""
    file = tmp_path / "kafka.yaml"
    file.write_text(
        "stages:\n"
        "- {name: in, type: ingest_kafka, brokers: ['127.0.0.1:1'], topics: [t], decoder: json}\n"
        "- {name: out, type: encode_prometheus, follows: in, metrics: [{name: m}]}\n"
    )
    done = flowmatrix("matrix", file)
    assert done.exit_code == 2
    assert "--server" in done.stderr


def test_a_command_that_reads_writes_nothing(made: Simulation) -> None:
    """Its pipeline may have writers: flows would be there again after each look at the matrix."""
    stages = yaml.safe_load(made.config.read_text())["stages"]
    behind = {"follows": stages[1]["name"]}
    raw = {"name": "raw", "type": "write_parquet", "folder": "raw", **behind}
    shown = {"name": "shown", "type": "write_stdout", **behind}
    path = made.config.with_name("writers.yaml")
    path.write_text(yaml.safe_dump({"stages": [*stages, raw, shown]}))
    found = document(path)
    assert found == document(made.config)
    assert len(found["rows"]) > 20
    assert not (path.parent / "raw").exists()


def test_a_file_that_is_not_there_is_named_with_an_inventory_too(tmp_path: Path) -> None:
    done = flowmatrix("matrix", tmp_path / "gone.pb", "--inventory", tmp_path / "i.yaml")
    assert done.exit_code == 78
    assert "gone.pb: error: cannot be read: No such file or directory" in done.stderr
