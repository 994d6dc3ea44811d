"""`policy verify`, `diff` and `explain` of the reference scenario. generate: its own file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from pipeline.kube.inventory import file
from simulate import Simulation
from tests.support.commands import flowmatrix

PLUGIN = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: plugin, namespace: netobserv}
spec:
  podSelector: {matchLabels: {app: netobserv-plugin}}
  ingress:
  - from:
    - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: openshift-monitoring}}
      podSelector: {matchLabels: {app.kubernetes.io/name: prometheus}}
    ports: [{port: 9002}]
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "plugin.yaml"
    path.write_text(PLUGIN)
    return path


@pytest.fixture
def given(made: Simulation) -> list[str]:
    folder, name = made.config.parent, made.config.stem
    recording = folder / f"{name}.pb"
    inventory = folder / f"{name}.inventory.yaml"
    return ["--input", str(recording), "--inventory", str(inventory), "-n", "netobserv"]


def test_a_recording_is_held_against_policies(plugin: Path, given: list[str]) -> None:
    done = flowmatrix("policy", "verify", plugin, *given)
    print(done.stdout, done.stderr)
    assert done.exit_code == 3


def test_policies_in_force(plugin: Path, given: list[str], tmp_path: Path) -> None:
    """`cluster` are those among the objects."""
