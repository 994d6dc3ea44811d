"""Unnamed peers of a group's workers are found, named in the file, and counted on by their name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from simulate import simulate
from tests.kafka.support.feeding import produce
from tests.kafka.support.workers import Counts, Worker, configured, counted, running, wait
from tests.real.broker import Broker
from tests.real.parts import LOCALHOST
from tests.support.commands import flowmatrix
from tests.support.lists import S3_TODAY
from tests.support.recordings import messages

OUT, IN = "netobserv_workload_syn_out", "netobserv_workload_syn_in"
UNNAMED = {OUT: {"to_kind=", "to_subnet_label="}, IN: {"kind=", "subnet_label="}}
"""The labels of a series whose server is outside and has no name."""
NAME = "EXT:AWS_S3_eu-west-3"


def test_a_group_goes_on_with_the_names(kafka_broker: Broker, tmp_path: Path) -> None:
    """The three addresses of the reference scenario, over two workers that are not restarted."""
    made = simulate("reference", tmp_path / "r.pb")
    assert made.before
    payloads = list(messages(made.recording))
    kafka_broker.create_topic("discovered", 4)
    source = {"brokers": [kafka_broker.bootstrap], "topics": ["discovered"], "linger": 0.1}
    config = configured(
        tmp_path, replace(made, config=made.before), source, checkpoint={"interval": 0.3}
    )
    config.write_text(f"# of the group\n{config.read_text()}")
    workers = [Worker(config, name) for name in ("one", "two")]
    servers = [f"--server=http://{LOCALHOST}:{worker.port}" for worker in workers]
    ranges = tmp_path / "ip-ranges.json"
    ranges.write_text(S3_TODAY)

    def feed() -> None:
        produce(kafka_broker.bootstrap, "discovered", payloads, 4)

    with running(*workers):
        wait(lambda: all(len(worker.get("/api/v0/totals")[1]["partitions"]) for worker in workers))
        feed()
        before = metrics(counted(len(payloads), *workers))
        done = flowmatrix("discover", *servers, "--ranges", ranges, "--apply", config)
        assert (done.exit_code, done.stdout) == (0, f"{config}: {NAME}: 3.5.204.0/22\n"), (
            done.stderr
        )
        for worker in workers:
            wait(lambda worker=worker: "config_reload_success 1" in page(worker))  # type: ignore[misc] # a default
        feed()
        after = metrics(counted(2 * len(payloads), *workers))
        again = flowmatrix("discover", *servers, "--labels", config, "--ranges", ranges)
        assert "no address is without a name" in again.stdout
    assert config.read_text().startswith("# of the group\n")
    unnamed = [labels for labels in before[OUT] if UNNAMED[OUT] <= set(labels)]
    assert len(unnamed) == 2, "loki-ingester and loki-index-gateway"
    assert after == named(before)


def metrics(counts: Counts) -> Counts:
    """Without the edges."""
    return {name: series for name, series in counts.items() if name.startswith("netobserv_")}


def page(worker: Worker) -> str:
    body: bytes = worker.get("/metrics")[1]
    return body.decode()


def named(before: Counts) -> Counts:
    """Twice what was counted, the second time of the peers by their name."""
    after: Counts = {}
    for metric, series in before.items():
        after[metric] = {}
        for labels, value in series.items():
            unnamed = UNNAMED[metric] <= set(labels)
            after[metric][labels] = value if unnamed else 2 * value
            if unnamed:
                new = tuple(f"{one}{NAME}" if one.endswith("label=") else one for one in labels)
                after[metric][new] = value
    return after
