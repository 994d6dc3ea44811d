"""The command itself: its version, its help, and how little that imports."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pipeline.cli.app import app
from pipeline.cli.commands import COMMANDS
from simulate import Simulation

HEAVY = [
    *("aiohttp", "aiokafka", "confluent_kafka", "faust", "kafka", "kubernetes", "polars"),
    *("google", "grpc", "numpy", "prometheus_client", "ptars", "pyarrow", "urllib3"),
]
IMPORTED = f"""
import sys
from pipeline.cli import main
sys.argv = ["flowmatrix", *sys.argv[1:]]
try:
    main()
finally:
    loaded = {{name.partition(".")[0] for name in sys.modules if "." in name}}
    print([name for name in {HEAVY} if name in loaded])
"""


def flowmatrix(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version_is_that_of_the_package(option: str) -> None:
    done = flowmatrix(option)
    assert (done.exit_code, done.stdout) == (0, f"flowmatrix {version('flowmatrix')}\n")


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_lists_every_command(option: str) -> None:
    lines = flowmatrix(option).stdout.splitlines()
    listed = [re.split("  +", line.strip()) for line in lines[lines.index("Commands:") + 1 :]]
    assert listed == [[name, command.summary] for name, command in COMMANDS.items()]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_summary_is_how_the_help_of_its_command_begins(name: str) -> None:
    usage, _, about = flowmatrix(name, "-h").stdout.partition("\n\n")
    assert usage.startswith(f"Usage: root {name} ")
    assert " ".join(about.split()).startswith(COMMANDS[name].summary.rstrip("."))


def test_an_unknown_command_is_answered_with_what_is_like_it() -> None:
    done = flowmatrix("simulat")
    assert done.exit_code == 2
    assert "No such command 'simulat'. Did you mean 'simulate'?" in done.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["top", "--help"]])
def test_what_needs_no_engine_imports_none(arguments: list[str]) -> None:
    """Neither clients of Kafka and Kubernetes nor the frames of flows."""
    command = [sys.executable, "-c", IMPORTED, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.endswith("\n[]\n")


KAFKA = """
stages:
- {name: flows, type: ingest_kafka, brokers: ["b:1"], topics: [t], decoder: json}
- {name: out, type: encode_kafka, follows: flows, brokers: ["b:1"], topic: o}
"""
FLP = """
pipeline: [{name: in}, {name: keep, follows: in}, {name: out, follows: keep}]
parameters:
- {name: in, ingest: {type: file, file: {filename: flows.pb, decoder: {type: protobuf}}}}
- name: keep
  transform: {type: filter, filter: {rules: [{type: keep_entry_query, keepEntryQuery: Bytes>1}]}}
- name: out
  encode: {type: prom, prom: {metrics: [{name: n, type: counter, valueKey: Bytes, labels: []}]}}
"""


def validated(config: Path) -> set[str]:
    """Which of the heavy packages are imported once a configuration is found to be valid."""
    command = [sys.executable, "-c", IMPORTED, "validate", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    *_, ok, imported = done.stdout.splitlines()
    assert done.stdout.startswith(f"{config}: ok"), ok
    return set(re.findall(r"\w+", imported))


@pytest.mark.parametrize("text", [KAFKA, FLP])
def test_what_validates_imports_neither_clients_nor_decoders_nor_frames(
    text: str, tmp_path: Path
) -> None:
    """Only what reads and checks a configuration; a broker or an API server is not asked."""
    config = tmp_path / "pipeline.yaml"
    config.write_text(text)
    config.with_name("flows.pb").touch()
    assert validated(config) <= {"prometheus_client"}


def test_nor_do_the_stages_of_a_flow_matrix_import_frames(made: Simulation) -> None:
    """Those of the README: enrichment, subnet labels, edges, FlowMetrics."""
    assert validated(made.config).isdisjoint({"numpy", "polars", "pyarrow"})
