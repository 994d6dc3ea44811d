"""The policies of deploy/policy are what the command writes for the recorded stack."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.deployed import HOME, OVERLAYS
from tests.deploy.stack import KAFKA_PORTS, POLICIES, generated, record
from tests.real.apiserver import ApiServer
from tests.real.cluster import path
from tests.support.commands import flowmatrix

NAMES = sorted(KAFKA_PORTS)
WORKER, KAFKA = f"{HOME}/flowmatrix", "netobserv/kafka-cluster-kafka"


@pytest.mark.parametrize("name", NAMES)
def test_they_are_what_is_generated(name: str, tmp_path: Path) -> None:
    """`python -m tests.deploy.stack` brings them up to date."""
    assert generated(name, tmp_path).read_text() == (POLICIES / f"{name}.yaml").read_text()


def test_there_is_one_for_each_way_to_kafka() -> None:
    assert {file.stem for file in POLICIES.iterdir()} == set(NAMES) <= set(OVERLAYS)


@pytest.mark.parametrize("name", NAMES)
def test_the_recorded_stack_goes_on_working(name: str, tmp_path: Path) -> None:
    source = record(name, tmp_path)
    done = flowmatrix("policy", "verify", POLICIES / f"{name}.yaml", *source, "-n", HOME)
    assert done.exit_code == 0, done.stdout
    (first, *_) = done.stdout.splitlines()
    assert first.startswith("allowed: 12 of 12 edges, ")


@pytest.mark.parametrize(
    ("client", "server", "verdict"),
    [
        (WORKER, f"{KAFKA}:9091", "denied"),
        (WORKER, "192.0.2.12:6443", "allowed"),
        (WORKER, "198.51.100.1:443", "denied"),
        ("monitoring/prometheus-k8s", f"{WORKER}:9102", "allowed"),
        (KAFKA, f"{WORKER}:9102", "denied"),
    ],
)
def test_and_nothing_else_does(client: str, server: str, verdict: str, tmp_path: Path) -> None:
    source = record("kafka-mtls", tmp_path)
    asked = ["policy", "explain", client, server, "-p", POLICIES / "kafka-mtls.yaml", *source[2:]]
    done = flowmatrix(*asked)
    assert done.stdout.splitlines()[0].endswith(f": {verdict}")


@pytest.mark.parametrize("name", NAMES)
def test_a_server_accepts_it(kube_server: ApiServer, space: str, name: str) -> None:
    """In a dry run, and without a change."""
    one: dict[str, Any] = yaml.safe_load((POLICIES / f"{name}.yaml").read_text())
    one["metadata"]["namespace"] = space
    url = path(one).rpartition("/")[0]
    answer = kube_server.request("POST", f"{url}?dryRun=All&fieldValidation=Strict", one)
    assert answer["spec"] == one["spec"]
