"""`policy verify`, `diff` and `explain` of the reference scenario. generate: its own file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from pipeline.kube.inventory import file
from simulate import Simulation
from tests.support.commands import flowmatrix

pytestmark = pytest.mark.slow

PROMETHEUS = "StatefulSet openshift-monitoring/prometheus-k8s"
TARGET = "Deployment netobserv/netobserv-plugin"
PLUGIN = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: plugin, namespace: netobserv}
spec:
  podSelector: {matchLabels: {app: netobserv-plugin}}
  ingress:
  - from:
    - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: openshift-monitoring}}
      podSelector: {matchLabels: {app: prometheus-k8s}}
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
    assert done.exit_code == 3
    lines = done.stdout.splitlines()
    assert lines[0].startswith("allowed: 25 of 27 edges, 2282 of 2290 flows")
    assert lines[1].startswith("denied: 2 of 27 edges, 8 of 2290 flows")
    denied = [line.split("  ")[0] for line in lines if "netobserv/plugin ingress" in line]
    assert denied == ["Deployment openshift-console/console"] * 2
    assert "netobserv/plugin  ingress[0]  1      80     2025-10-28T10:04:59Z" in done.stdout


def test_a_state_has_the_same_edges(
    plugin: Path, given: list[str], made: Simulation, tmp_path: Path
) -> None:
    run = flowmatrix("run", made.config, "--once", "--state", tmp_path / "state")
    assert run.exit_code == 0, run.stderr
    of_state = flowmatrix("policy", "verify", plugin, "--state", tmp_path / "state", *given[2:])
    of_recording = flowmatrix("policy", "verify", plugin, *given)
    assert of_state.stdout == of_recording.stdout


def test_a_pipeline_names_its_inventory(
    plugin: Path, given: list[str], made: Simulation, tmp_path: Path
) -> None:
    """Of a recording nobody knows the objects: the option is asked for."""
    of_pipeline = flowmatrix("policy", "verify", plugin, "--input", made.config, *given[4:])
    assert of_pipeline.stdout == flowmatrix("policy", "verify", plugin, *given).stdout
    for command in (("generate",), ("verify", plugin), ("diff", "cluster", plugin)):
        refused = flowmatrix("policy", *command, *given[:2], *given[4:])
        assert refused.exit_code == 2
        assert "give --inventory FILE, the objects of the cluster" in refused.stderr
    out = flowmatrix("policy", "generate", "--input", made.config, *given[4:], "--out", tmp_path)
    assert out.exit_code == 0, out.stderr


@pytest.mark.parametrize("command", [("verify",), ("diff", "cluster")])
def test_a_namespace_that_nothing_is_in_is_no_success(
    plugin: Path, given: list[str], command: tuple[str, ...]
) -> None:
    """A misspelt name would otherwise find no connection denied."""
    done = flowmatrix("policy", *command, plugin, *given[:-1], "netobsrv")
    assert (done.exit_code, done.stdout) == (1, "")
    assert 'nothing is in namespace "netobsrv"; did you mean "netobserv"?' in done.stderr


def test_forms_for_programs(plugin: Path, given: list[str]) -> None:
    document = json.loads(flowmatrix("policy", "verify", plugin, *given, "--format", "json").stdout)
    assert document["coverage"]["denied"]["edges"] == 2
    suite = flowmatrix("policy", "verify", plugin, *given, "--format", "junit").stdout
    assert 'tests="27" failures="2" skipped="0"' in suite


def test_policies_in_force(plugin: Path, given: list[str], tmp_path: Path) -> None:
    """`cluster` are those among the objects; with more of them than a file of one."""
    inventory = Path(given[3])
    objects = [*file.manifests(inventory, []), yaml.safe_load(PLUGIN)]
    file.write(objects, tmp_path / "cluster.json")
    options = [*given[:2], "--inventory", tmp_path / "cluster.json"]
    in_force = flowmatrix("policy", "verify", "cluster", *options)
    assert in_force.stdout == flowmatrix("policy", "verify", plugin, *options).stdout
    wider = tmp_path / "wider.yaml"
    wider.write_text(PLUGIN.replace("    ports: [{port: 9002}]\n", "  - {}\n"))
    done = flowmatrix("policy", "diff", "cluster", wider, *options)
    assert done.exit_code == 0
    assert "Verdicts that change (2)" in done.stdout
    assert "gone    ingress" in done.stdout
    back = flowmatrix("policy", "diff", wider, "cluster", *options, "--json")
    assert back.exit_code == 3
    assert [row["after"] for row in json.loads(back.stdout)["edges"]] == ["denied"] * 2


def test_explain(plugin: Path, given: list[str]) -> None:
    asked = ["policy", "explain", "-p", plugin, *given[2:4]]
    prometheus, target = "openshift-monitoring/prometheus-k8s", "netobserv/netobserv-plugin"
    done = flowmatrix(*asked, prometheus, f"{target}:9002")
    assert (done.exit_code, done.stdout.splitlines()) == (
        0,
        [
            f"{PROMETHEUS} to {TARGET} at TCP 9002: allowed",
            f"  egress of {PROMETHEUS}: no policy isolates it",
            f"  ingress of {TARGET}: allowed, by netobserv/plugin ingress[0]",
        ],
    )
    denied = flowmatrix(*asked, prometheus, f"{target}:9003")
    assert denied.exit_code == 3
    assert "denied, isolated by netobserv/plugin" in denied.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["prometheus-k8s", "netobserv/netobserv-plugin:1"], 'nothing is called "prometheus-k8s"'),
        (["10.0.0.1", "netobserv/netobserv-plugin"], "write SERVER:PORT"),
        (["10.0.0.1", "netobserv/netobserv-plugin:0"], "write SERVER:PORT"),
        (["10.0.0.1", "netobserv/netobserv-plugin:\u00b2"], "write SERVER:PORT"),
        (["10.0.0.1", f"netobserv/netobserv-plugin:{'1' * 5000}"], "write SERVER:PORT"),
    ],
)
def test_explain_says_what_it_does_not_understand(
    arguments: list[str], message: str, plugin: Path, given: list[str]
) -> None:
    done = flowmatrix("policy", "explain", "-p", plugin, *given[2:4], *arguments)
    assert done.exit_code == 2
    assert message in " ".join(done.stderr.replace("\u2502", "").split())


def test_refused_policies(plugin: Path, given: list[str]) -> None:
    plugin.write_text(PLUGIN.replace("ports:", "prots:"))
    done = flowmatrix("policy", "verify", plugin, *given)
    message = 'field spec.ingress[0].prots: unknown field; did you mean "ports"?'
    assert (done.exit_code, done.stderr) == (78, f"{plugin}:10:5: error: {message}\n")


@pytest.mark.parametrize(
    ("command", "name"), [(["verify"], "POLICIES"), (["diff"], "BEFORE"), (["diff"], "AFTER")]
)
@pytest.mark.parametrize("given_as", ["gone.yaml", ""])
def test_policies_that_are_not_there_are_those_of_an_argument(
    plugin: Path, given: list[str], command: list[str], name: str, given_as: str
) -> None:
    """An argument is no list of a file, of which there was "field [0]"."""
    before = [str(plugin)] if name == "AFTER" else []
    after = [str(plugin)] if name == "BEFORE" else []
    done = flowmatrix("policy", *command, *before, given_as, *after, *given)
    why = 'there is no file or folder "gone.yaml"' if given_as else "the name of a file is empty"
    assert done.exit_code == 78
    assert done.stderr.startswith(f"{name}: error: {why}")


def test_one_origin_of_edges(plugin: Path, given: list[str]) -> None:
    done = flowmatrix("policy", "verify", plugin, *given, "--state", plugin)
    assert done.exit_code == 2
    none = flowmatrix("policy", "verify", plugin, *given[2:])
    assert none.exit_code == 2
    assert "give one of" in none.stderr
