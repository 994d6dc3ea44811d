"""`validate` accepts exactly what `run` starts: no configuration that is accepted fails later.

Any value of a file may be another one; what is accepted is built and takes any flows.
"""

from __future__ import annotations

import copy
import io
import json
import os
from collections.abc import Iterator
from contextlib import closing, redirect_stdout
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, event, given, note, settings
from hypothesis import strategies as st

from pipeline import config
from pipeline.app.job import Job
from pipeline.diagnostics import ConfigError
from pipeline.plan.expand import expand_macros
from pipeline.stage import BuildContext, Encoder, Transform, registry
from tests.peer import made, made_extract
from tests.support import configs
from tests.support.commands import flowmatrix

pytestmark = pytest.mark.slow

GOLDEN = Path(__file__).parents[1] / "golden"
ELSEWHERE = ("kafka", "kubernetes", "Kubernetes", "kubeconfig", "fileName", "filename")
"""What a configuration says that takes a broker, a cluster or a file."""
ODD: list[object] = [
    *(None, True, 0, 1, -1, 1.5, 10**30, "", "x", "(", "$(Bytes)", "-1s", "10.0.0.0/8", "SrcAddr"),
    *([], {}, [None], [{}], ["x", "x"], {"a": 1}, "none", "json", "Bytes > 1", "1h"),
]
EXAMPLES = int(os.environ.get("CONFIGURATIONS", "60"))
HEALTH = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]

Path_ = tuple[str | int, ...]


def dialect() -> Iterator[Any]:
    for path in sorted(GOLDEN.glob("*/config.yaml")):
        text = path.read_text()
        if not any(word in text for word in ELSEWHERE):
            yield yaml.safe_load(text)


def native() -> Iterator[Any]:
    for kind in registry().values():
        text = kind.example.config if kind.example else ""
        if issubclass(kind, Transform | Encoder) and not any(word in text for word in ELSEWHERE):
            parts = [{"name": "flows", "type": "ingest_stdin"}, *yaml.safe_load(text)]
            if issubclass(kind, Transform):
                parts.append({"name": "end", "type": "write_stdout", "follows": parts[-1]["name"]})
            yield {"stages": parts}


def paths(node: Any, path: Path_ = ()) -> Iterator[Path_]:
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from paths(value, (*path, key))


@cache
def places() -> list[tuple[Any, Path_]]:
    """Where a file can be changed that is accepted as it is."""
    files = [file for file in [*dialect(), *native()] if accepted(json.dumps(file))]
    assert len(files) > 30, "there is something to change"
    return [(file, path) for file in files for path in paths(file)]


FLOWS = st.one_of(made.flows, made_extract.flows, st.just('{"Bytes":"x","Proto":[1]}\n{}\n'))


def changed(file: Any, path: Path_, value: object) -> Any:
    whole = node = copy.deepcopy(file)
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return whole


def accepted(text: str) -> config.Config | None:
    """What `validate` accepts, as it looks at it."""
    try:
        loaded = config.loads(text, "f", GOLDEN / "network-add-service", environ={})
        expand_macros(
            loaded.stages, BuildContext(folder=loaded.folder), reserved=loaded.settings.reserved
        )
    except ConfigError:
        return None
    return loaded


@given(st.deferred(lambda: st.sampled_from(places())), st.sampled_from(ODD), FLOWS)
@settings(max_examples=100, suppress_health_check=HEALTH)
def test_what_is_accepted_runs(
    tmp_path: Path, place: tuple[Any, Path_], value: object, flows: str
) -> None:
    loaded = accepted(json.dumps(changed(*place, value)))
    if loaded is None or loaded.settings.dead_letters.file:
        return
    recording = tmp_path / "flows.jsonl"
    recording.write_text(flows)
    with closing(Job(loaded, recording=recording)) as job, redirect_stdout(io.StringIO()):
        job.run()
        job.exposer.final()
        account = job.telemetry.account(job.plan)
    assert account.read == flows.count("\n")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that made configurations name."""
    made = tmp_path_factory.mktemp("made")
    for name, text in configs.FILES.items():
        (made / name).write_text(text)
    return made


@given(st.one_of(configs.native(), configs.dialect()), FLOWS)
@settings(max_examples=EXAMPLES, suppress_health_check=HEALTH)
def test_a_whole_configuration(
    folder: Path, caplog: pytest.LogCaptureFixture, text: str, flows: str
) -> None:
    """`validate` and `run` accept the same; what is refused is refused with the same words.

    In what runs every message is read once, what goes into a stage is what comes out of those
    before it, and of that each flow goes on, is filtered or is rejected.
    """
    file, recording = folder / "flow.yaml", folder / "flows.jsonl"
    caplog.clear()
    file.write_text(text)
    recording.write_text(flows)
    checked = flowmatrix("validate", file)
    assert checked.exit_code in {0, 78}, checked.exception
    note(checked.stderr)
    event("accepted" if checked.exit_code == 0 else "refused")
    ran = flowmatrix("run", file, "--once", "--input", recording)
    if checked.exit_code == 78:
        assert (ran.exit_code, errors(ran.stderr)) == (78, errors(checked.stderr))
        return
    assert ran.exit_code in {0, 1}, ran.stderr
    if "no kubeconfig" in ran.stderr:
        return  # it asks for a cluster, and there is none
    assert ran.exit_code == 0 or "everything that was read was rejected" in ran.stderr
    assert "that make it fail" not in caplog.text, "no stage fails"
    with closing(Job(config.load(file), recording=recording)) as job:
        with redirect_stdout(io.StringIO()):
            job.run()
        account = job.telemetry.account(job.plan)
        assert account.read == flows.count("\n")
        hold(job)


def errors(text: str) -> list[str]:
    return [line for line in text.splitlines() if ": error: " in line]


def hold(job: Job) -> None:
    """The sums of each stage agree: an encoder counts each flow in every metric."""
    sums = job.telemetry.snapshot()
    out = sums["stage_flows_out"]
    for node in job.plan.nodes:
        came = sums["stage_flows_in"].get(node.name, 0)
        if node.parents:
            times = len(node.spec.families()) if isinstance(node.spec, Encoder) else 1
            before = sum(out.get(parent, 0) for parent in node.parents)
            assert came == times * before, node.name
        if isinstance(node.spec, Transform) and node.spec.type != "flatten":
            left = sum(sums[f"stage_flows_{why}"].get(node.name, 0) for why in LEFT_OUT)
            assert came == out.get(node.name, 0) + left, node.name


LEFT_OUT = ("filtered", "rejected")
