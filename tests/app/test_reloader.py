from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from pipeline import config
from pipeline.app.job import Job
from pipeline.app.reloader import Reloader
from pipeline.diagnostics import ConfigError, Severity
from pipeline.files import write
from pipeline.plan.live import ActivePlan, unchanged
from pipeline.stage.fingerprint import fingerprints
from pipeline.state.series_rows import TIMES

pytestmark = pytest.mark.slow

CONFIG = """\
stages:
  - {{name: flows, type: ingest_file, path: flows.json, decoder: json}}
  - {{name: subnets, type: subnet_label, follows: flows, labels: {labels}}}
  - {{name: metrics, type: flow_metrics, follows: subnets, files: [metrics]}}
  - {{name: expose, type: encode_prometheus, follows: metrics, prefix: n_, expiry: {expiry}}}
{more}"""
ONE_FILTER = "[{field: Proto, value: '6'}]"
STAMPS = TIMES
LABELS = "[{name: A, cidrs: [10.0.0.0/8]}]"
METRIC = """\
apiVersion: flows.netobserv.io/v1alpha1
kind: FlowMetric
metadata: {{name: {name}, namespace: netobserv}}
spec: {{type: Counter, help: {help}, labels: {labels}, filters: {filters}}}
"""


class Folder:
    """A configuration with its FlowMetrics in a folder, and one flow to count."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = path / "config.yaml"
        (path / "metrics").mkdir()
        flow = {"SrcAddr": "10.0.0.1", "DstAddr": "11.0.0.1", "Proto": 6, "Bytes": 7}
        (path / "flows.json").write_text(json.dumps(flow) + "\n")
        self.metric("one")
        self.metric("two", labels="[SrcSubnetLabel]")
        self.write()

    def write(self, labels: str = LABELS, expiry: str = "2m", more: str = "") -> None:
        write(self.file, CONFIG.format(labels=labels, expiry=expiry, more=more))

    def metric(
        self,
        name: str,
        labels: str = "[Proto]",
        filters: str = "[]",
        text: str = "x",
        more: str = "",
    ) -> None:
        written = METRIC.format(name=name, labels=labels, filters=filters + more, help=text)
        write(self.path / "metrics" / f"{name}.yaml", written)

    def edit(self, *texts: str) -> None:
        """Put other texts into the configuration: what is there, what comes there, and so on."""
        text = self.file.read_text()
        for old, new in zip(texts[::2], texts[1::2], strict=True):
            assert old in text
            text = text.replace(old, new)
        write(self.file, text)

    def load(self) -> config.Config:
        return config.load(self.file)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def job(folder: Folder) -> Iterator[Job]:
    made = Job(folder.load())
    made.run()
    yield made
    made.close()


def samples(job: Job, prefix: str = "n_") -> dict[str, float]:
    lines = [line for line in job.exposer.page().splitlines() if line.startswith(prefix)]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_what_did_not_change_goes_on_counting(folder: Folder, job: Job) -> None:
    assert samples(job) == {'n_one{Proto="6"}': 1, 'n_two{SrcSubnetLabel="A"}': 1}
    folder.metric("two", labels="[SrcSubnetLabel]", filters=ONE_FILTER)
    job.reload(folder.load())
    assert samples(job) == {'n_one{Proto="6"}': 1}
    job.run()
    assert samples(job) == {'n_one{Proto="6"}': 2, 'n_two{SrcSubnetLabel="A"}': 1}


def test_an_exposition_of_some_metrics(job: Job) -> None:
    whole = set(job.exposer.page().splitlines())
    some = set(job.exposer.page(["n_two", "flowmatrix_series"]).splitlines())
    assert some <= whole
    assert {line.split()[2] for line in some if line.startswith("# TYPE")} == {
        "n_two",
        "flowmatrix_series",
    }
    assert job.exposer.page(["nothing"]) == ""


def test_metrics_come_and_go(folder: Folder, job: Job) -> None:
    (folder.path / "metrics" / "one.yaml").unlink()
    folder.metric("three")
    job.reload(folder.load())
    assert samples(job) == {'n_two{SrcSubnetLabel="A"}': 1}
    assert [table.family.name for table in job.counts.tables()] == ["n_three", "n_two"]
    assert set(samples(job, "flowmatrix_series")) == {
        'flowmatrix_series{metric="n_three"}',
        'flowmatrix_series{metric="n_two"}',
    }
    job.run()
    assert samples(job) == {'n_three{Proto="6"}': 1, 'n_two{SrcSubnetLabel="A"}': 2}
    assert {status["prometheusName"] for status in job.plan.statuses} == {"n_three", "n_two"}


def test_other_labels_of_a_metric_restart_it(folder: Folder, job: Job) -> None:
    folder.metric("one", labels="[Proto, DstAddr]")
    job.reload(folder.load())
    job.run()
    assert samples(job) == {
        'n_one{Proto="6",DstAddr="11.0.0.1"}': 1,
        'n_two{SrcSubnetLabel="A"}': 2,
    }


def test_subnet_labels_change_without_losing_counters(folder: Folder, job: Job) -> None:
    folder.write(labels="[{name: B, cidrs: [10.0.0.0/8]}]")
    job.reload(folder.load())
    job.run()
    assert samples(job) == {
        'n_one{Proto="6"}': 2,
        'n_two{SrcSubnetLabel="A"}': 1,
        'n_two{SrcSubnetLabel="B"}': 1,
    }


def test_help_and_expiry_change_without_losing_counters(folder: Folder, job: Job) -> None:
    folder.metric("one", text="better")
    folder.write(expiry="7m")
    job.reload(folder.load())
    assert "# HELP n_one better" in job.exposer.page()
    assert {table.policy.expiry for table in job.counts.tables()} == {420.0}
    assert samples(job)['n_one{Proto="6"}'] == 1


@pytest.mark.parametrize("zero_first", [True, False])
def test_series_start_at_zero_again(folder: Folder, *, zero_first: bool) -> None:
    """What was shown of a metric before is not compared with what it counts now."""
    folder.write(more=f"    zero_first: {str(zero_first).lower()}\n")
    text = folder.file.read_text().replace("expiry: 2m}\n    zero", "expiry: 2m, zero")
    folder.file.write_text(text.replace(": true\n", ": true}\n").replace(": false\n", ": false}\n"))
    job = Job(folder.load())
    job.run()
    job.exposer.page()
    folder.metric("one", labels="[Proto, DstAddr]")
    job.reload(folder.load())
    job.run()
    assert samples(job)['n_one{Proto="6",DstAddr="11.0.0.1"}'] == 1


SUBNETS = "  - {name: subnets, type: subnet_label, follows: flows"
CHANGES: dict[str, tuple[Callable[[Folder], None], set[str]]] = {
    "nothing": (lambda _: None, set()),
    "help": (lambda folder: folder.metric("one", text="better"), set()),
    "expiry": (lambda folder: folder.write(expiry="7m"), set()),
    "other subnets": (lambda f: f.write(labels="[{name: B, cidrs: [10.0.0.0/8]}]"), set()),
    "names of stages": (lambda folder: folder.edit("subnets", "networks"), set()),
    "a stage more": (
        lambda folder: folder.edit(
            SUBNETS,
            "  - {name: more, type: tcp_flags, follows: flows}\n"
            + SUBNETS.replace("flows", "more"),
        ),
        {"n_one", "n_two"},
    ),
    "a filter": (lambda folder: folder.metric("one", filters=ONE_FILTER), {"n_one"}),
    "a value": (lambda folder: folder.metric("one", more=", valueField: Bytes"), {"n_one"}),
    "labels": (lambda folder: folder.metric("one", labels="[DstAddr]"), {"n_one"}),
    "no subnets": (
        lambda folder: folder.edit("subnet_label", "pass_through", ", labels: " + LABELS, ""),
        {"n_one", "n_two"},
    ),
}
"""What is done to a configuration, and the metrics that start again because of it."""


@pytest.mark.parametrize("change", CHANGES)
def test_a_restart_counts_from_the_start_what_a_reload_starts_again(
    folder: Folder, change: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A restart reads the input again for metrics that have changed, a reload cannot."""
    edit, restarted = CHANGES[change]
    state = folder.path / "state"
    first = Job(folder.load(), state=state)
    first.run()
    assert set(counted(first)) == {"n_one", "n_two"}
    edit(folder)
    again = Job(folder.load(), state=state)
    again.run()
    assert sorted(caplog.messages) == sorted(
        f"metric {name} has changed: it is counted from the start of flows" for name in restarted
    )
    fresh = Job(folder.load())
    fresh.run()
    assert counted(again) == {
        name: (counted(fresh) if name in restarted else counted(first))[name]
        for name in ("n_one", "n_two")
    }
    caplog.clear()
    first.reload(folder.load())
    assert sorted(caplog.messages) == sorted(
        f"metric {name} has changed: it starts again from zero" for name in restarted
    )
    assert set(counted(first)) == {"n_one", "n_two"} - restarted, "the input was read before"


def test_a_reload_in_the_middle_is_made_up_for_by_the_next_run(folder: Folder) -> None:
    """The metric that started again there is not in the state; the other one counts on."""
    flow = (folder.path / "flows.json").read_text()
    (folder.path / "flows.json").write_text(flow * 6)
    folder.edit("decoder: json}", "decoder: json, batch_size: 2}")
    first = Job(folder.load(), state=folder.path / "state")
    batches: list[int] = []

    def advance(messages: int) -> None:
        batches.append(messages)
        if len(batches) == 1:
            folder.metric("one", labels="[DstAddr]")
            first.reload(folder.load())

    first.run(advance)
    assert counted(first) == {"n_one": [("11.0.0.1", 4.0)], "n_two": [("A", 6.0)]}
    again = Job(folder.load(), state=folder.path / "state")
    again.run()
    assert counted(again) == {"n_one": [("11.0.0.1", 6.0)], "n_two": [("A", 6.0)]}


def counted(job: Job) -> dict[str, list[tuple[object, ...]]]:
    """The series of the metrics that have some, without times."""
    tables = {table.family.name: table.series() for table in job.counts.tables()}
    return {name: found.drop(STAMPS).rows() for name, found in tables.items() if found.height}


CHAINS = """
import sys
from pathlib import Path
from pipeline import config
from pipeline.app.job import Job
families = Job(config.load(Path(sys.argv[1]))).plan.families
print(*sorted((family.name, family.chain) for family, _ in families.values()))
"""


@pytest.mark.slow
def test_what_decides_sameness_is_the_same_in_every_process(folder: Folder) -> None:
    folder.metric("three", labels="[SrcAddr, Proto]", filters=ONE_FILTER)

    def told(seed: str) -> bytes:
        command = [sys.executable, "-c", CHAINS, str(folder.file)]
        return subprocess.check_output(command, env={**os.environ, "PYTHONHASHSEED": seed})

    chains = told("1")
    assert len(set(re.findall(rb"[0-9a-f]{32}", chains))) == 3
    assert told("2") == chains


def test_sources_and_settings_take_a_restart(folder: Folder, job: Job) -> None:
    folder.write(more="log_level: debug\n")
    with pytest.raises(ConfigError, match=r'yaml:6:\d+: .*"log_level" has changed, which takes a'):
        job.reload(folder.load())
    folder.write()
    other = folder.file.read_text().replace("path: flows.json,", "path: flows.json, batch_size: 5,")
    folder.file.write_text(other)
    with pytest.raises(ConfigError, match=r'yaml:2:\d+: .*stage "flows".*takes a restart'):
        job.reload(folder.load())
    assert samples(job)['n_one{Proto="6"}'] == 1


def reloader(folder: Folder, job: Job) -> Reloader:
    return job.watch(folder.load, lambda: fingerprints([folder.file]))


def test_a_refused_configuration_changes_nothing_and_is_told(folder: Folder, job: Job) -> None:
    watching = reloader(folder, job)
    folder.metric("two", filters="[{field: Proto, matchType: MatchRegex, value: '('}]")
    watching.poll()
    assert "two.yaml:4:" in watching.refused
    with job.server("127.0.0.1:0") as server, urlopen(f"{server.url}/readyz") as page:
        assert json.load(page) == {"status": "ready", "reload": watching.refused}
    own = samples(job, "flowmatrix_config")
    assert own["flowmatrix_config_reload_failures"] == 1
    assert own["flowmatrix_config_refused"] == 1
    assert samples(job) == {'n_one{Proto="6"}': 1, 'n_two{SrcSubnetLabel="A"}': 1}
    watching.poll()
    assert samples(job, "flowmatrix_config") == own, "it is not tried again until it changes"
    folder.metric("two", labels="[SrcSubnetLabel]")
    watching.poll()
    assert job.notes() == {}
    own = samples(job, "flowmatrix_config")
    assert own["flowmatrix_config_reload_success"] == 1
    assert own["flowmatrix_config_refused"] == 0
    assert time.time() - own["flowmatrix_config_last_reload_timestamp_seconds"] < 60
    assert samples(job) == {'n_one{Proto="6"}': 1, 'n_two{SrcSubnetLabel="A"}': 1}


def test_a_warning_is_no_reason_for_a_refusal(folder: Folder, job: Job) -> None:
    """What is told is what refuses the configuration, and no warning that came along."""
    watching = reloader(folder, job)
    folder.write(expiry="0s")
    folder.metric("two", labels="[NoSuchField]", filters="[{field: Proto, matchType: Wrong}]")
    with pytest.raises(ConfigError) as refused:
        folder.load()
    assert any(one.problem.severity is Severity.WARNING for one in refused.value.problems)
    watching.poll()
    assert "two.yaml:4:" in watching.refused
    assert ": warning: " not in watching.refused
    assert watching.refused.count(": error: ") == len(
        [one for one in refused.value.problems if one.problem.severity is Severity.ERROR]
    )


def test_a_new_file_in_the_folder_is_seen_within_seconds(folder: Folder, job: Job) -> None:
    with reloader(folder, job):
        folder.metric("three")
        deadline = time.monotonic() + 60
        while "n_three" not in job.plan.families and time.monotonic() < deadline:
            time.sleep(0.02)
    assert "n_three" in job.plan.families


def test_waking_reloads_what_has_not_changed(folder: Folder, job: Job) -> None:
    watching = reloader(folder, job)
    before = job.plan
    watching.poll()
    assert job.plan is before
    watching.wake()
    watching.poll()
    assert job.plan is not before
    assert unchanged(before, job.plan) == {"n_one", "n_two"}


def test_a_plan_is_taken_between_batches_only(folder: Folder) -> None:
    first, second = Job(folder.load()).plan, Job(folder.load()).plan
    live = ActivePlan(first)
    taken: list[str] = []
    live.on_swap(lambda plan, kept: taken.append(f"{plan is second} {sorted(kept)}"))
    offering = threading.Thread(target=live.swap, args=(second,))
    with live.batch() as plan:
        offering.start()
        time.sleep(0.12)
        assert plan is live.plan is first
        assert taken == []
    offering.join(60)
    with live.batch() as plan:
        assert plan is second
    assert taken == ["True ['n_one', 'n_two']"]


def test_a_busy_runtime_takes_the_plan_up_itself(folder: Folder) -> None:
    first, second = Job(folder.load()).plan, Job(folder.load()).plan
    live = ActivePlan(first)
    ended = threading.Event()

    def batches() -> None:
        while not ended.is_set():
            with live.batch():
                time.sleep(0.002)

    runtime = threading.Thread(target=batches)
    runtime.start()
    live.swap(second)
    assert live.plan is second
    ended.set()
    runtime.join(60)


def test_who_waits_for_the_end_of_a_batch_may_give_up(folder: Folder) -> None:
    live = ActivePlan(Job(folder.load()).plan)
    with (
        live.batch() as plan,
        pytest.raises(TimeoutError, match="for 0 seconds"),
        live.batch(patience=0.05),
    ):
        pass
    with live.batch(patience=0.05) as again:
        assert again is plan
