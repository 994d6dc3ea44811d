"""Policies that are not applied, audited by a group of workers, and judged on what it counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from pipeline.kube.inventory import file
from simulate import Simulation, simulate
from tests.kafka.support.feeding import produce
from tests.kafka.support.workers import Worker, answers, configured, counted, running, wait
from tests.real.broker import Broker
from tests.real.parts import LOCALHOST
from tests.support.commands import flowmatrix
from tests.support.policies import pod

ROGUE = "Pod lab/rogue"
PLUGIN = "Deployment netobserv/netobserv-plugin"
FLOWS = 40


class Audit(NamedTuple):
    """A simulation, its messages with those of a rogue client, and the policies without it."""

    made: Simulation
    inventory: Path
    policies: Path
    messages: list[bytes]


def rogue_flow(number: int, server: str) -> bytes:
    """A connection that no policy was made for; the network plugin says that it allowed it.

    Even numbers open it, odd ones answer.
    """
    allowed = [{"Feature": "acl", "Action": "allow", "Namespace": "lab", "Name": "old"}]
    ends = [("10.128.9.9", 40_000 + number), (server, 9001)]
    src, dst = reversed(ends) if number % 2 else ends
    one = {
        "SrcAddr": src[0],
        "SrcPort": src[1],
        "DstAddr": dst[0],
        "DstPort": dst[1],
        "Proto": 6,
        "Flags": 256 if number % 2 else 2,
        "Bytes": 100,
        "Packets": 1,
        "TimeFlowEndMs": 1_761_645_600_000 + number,
        "NetworkEvents": allowed,
    }
    return json.dumps(one).encode()


def address(objects: list[dict[str, Any]], name: str) -> str:
    """The address of the first pod of a workload."""
    found = (
        one["status"]["podIPs"][0]["ip"]
        for one in objects
        if one["kind"] == "Pod" and one["metadata"]["name"].startswith(name)
    )
    return str(next(found))


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    made = simulate("reference", tmp_path / "r.jsonl")
    objects = [
        *file.manifests(made.inventory, []),
        pod("lab/rogue", "10.128.9.9", labels={"app": "rogue"}),
    ]
    inventory = tmp_path / "objects.json"
    file.write(objects, inventory)
    policies = tmp_path / "policies"
    source = ["--input", made.recording, "--inventory", inventory, "-n", "netobserv"]
    done = flowmatrix("policy", "generate", *source, "--out", policies)
    assert done.exit_code == 0, done.stderr
    server = address(objects, "netobserv-plugin")
    messages = made.recording.read_bytes().splitlines()
    return Audit(
        made, inventory, policies, [*messages, *(rogue_flow(n, server) for n in range(FLOWS))]
    )


def audited(folder: Path, audit: Audit, source: dict[str, Any]) -> Path:
    """The pipeline of the simulation with the stage that judges, and the metric."""
    config = configured(folder, audit.made, source, checkpoint={"interval": 0.3})
    document = yaml.safe_load(config.read_text())
    stages = {one["name"]: one for one in document["stages"]}
    stages["k8s"]["inventory"] = str(audit.inventory)
    stages["edges"]["follows"] = "verdicts"
    labels = ["policy", "verdict"]
    document["stages"] = [
        *stages.values(),
        {
            "name": "verdicts",
            "type": "policy_verdict",
            "follows": "subnets",
            "policies": ["policies"],
            "inventory": str(audit.inventory),
        },
        {
            "name": "audit",
            "type": "encode_prometheus",
            "follows": "verdicts",
            "prefix": "flowmatrix_",
            "metrics": [{"name": "policy_verdicts", "labels": labels}],
        },
    ]
    config.write_text(yaml.safe_dump(document, sort_keys=False))
    return config


def of_a_recording(config: Path, audit: Audit) -> Path:
    """The same pipeline with the messages in a file."""
    (config.parent / "whole.jsonl").write_bytes(b"\n".join(audit.messages) + b"\n")
    document = yaml.safe_load(config.read_text())
    stages = [one for one in document["stages"] if one["type"] != "ingest_kafka"]
    source = {"name": "flows", "type": "ingest_file", "path": "whole.jsonl", "decoder": "json"}
    path = config.with_name("recorded.yaml")
    path.write_text(yaml.safe_dump({"stages": [source, *stages]}, sort_keys=False))
    return path


def verdicts(*workers: Worker) -> dict[tuple[str, str], float]:
    """The metric over all workers: policy and verdict."""
    found: dict[tuple[str, str], float] = {}
    for worker in workers:
        for family in worker.get("/api/v0/totals")[1]["families"]:
            if family["family"]["name"] == "flowmatrix_policy_verdicts":
                for policy, verdict, value, *_ in family["rows"]:
                    found[policy, verdict] = found.get((policy, verdict), 0) + value
    return found


@pytest.fixture
def source(kafka_broker: Broker, tmp_path: Path) -> dict[str, Any]:
    kafka_broker.create_topic(tmp_path.name, 4)
    return {
        "brokers": [kafka_broker.bootstrap],
        "topics": [tmp_path.name],
        "linger": 0.1,
        "decoder": "json",
    }


def test_a_group_audits_policies_that_are_not_applied(
    kafka_broker: Broker, audit: Audit, source: dict[str, Any], tmp_path: Path
) -> None:
    """Exactly, though a worker is killed half-way; the rogue client is denied, and in the log."""
    config = audited(tmp_path, audit, source)
    first, second = (Worker(config, name) for name in ("one", "two"))
    half = len(audit.messages) // 2
    rogue, others = audit.messages[-FLOWS:], audit.messages[:-FLOWS]
    with running(first, second):
        wait(lambda: all(map(answers, (first, second))))
        produce(kafka_broker.bootstrap, tmp_path.name, [*others[:half], *rogue[: FLOWS // 2]], 4)
        counted(half + FLOWS // 2, first, second)
        second.process.kill()
        produce(kafka_broker.bootstrap, tmp_path.name, [*others[half:], *rogue[FLOWS // 2 :]], 4)
        counted(len(audit.messages), first)
        found = verdicts(first)
        url = f"http://{LOCALHOST}:{first.port}"
        live = flowmatrix("policy", "verify", "--live", "--server", url, "--format", "json")
        again = flowmatrix("policy", "verify", "--live", "--server", url)
        none = flowmatrix("policy", "verify", "--live", "--server", url, "-n", "netobsrv")
    assert sum(found.values()) == len(audit.messages)
    denied = {key: value for key, value in found.items() if key[1] == "denied"}
    assert denied == {("netobserv/netobserv-plugin", "denied"): FLOWS}
    assert live.exit_code == again.exit_code == 3, live.stderr
    document = json.loads(live.stdout)
    assert document["coverage"]["denied"] == {"edges": 1, "flows": FLOWS, "bytes": 100 * FLOWS}
    assert document["coverage"]["seen"]["flows"] == len(audit.messages)
    (row,) = document["disagreements"]
    assert (row["client"], row["server"], row["network_events"]) == (ROGUE, PLUGIN, "allowed")
    assert f"denied: 1 of {document['coverage']['seen']['edges']} edges" in again.stdout
    assert "Network events say otherwise (1)" in again.stdout
    told = [line for line in first.log.read_text().splitlines() if "would be denied" in line]
    assert any(f"{ROGUE} to {PLUGIN} at TCP 9001, isolated by" in line for line in told)
    assert none.exit_code == 1
    assert 'did you mean "netobserv"?' in none.stderr


def test_commands_over_a_group_say_what_they_say_of_a_recording(
    kafka_broker: Broker, audit: Audit, source: dict[str, Any], tmp_path: Path
) -> None:
    """`generate`, `verify` and `diff`, merged from two workers."""
    config = audited(tmp_path, audit, source)
    recorded = of_a_recording(config, audit)
    workers = [Worker(config, name) for name in ("one", "two")]
    servers = [f"--server=http://{LOCALHOST}:{worker.port}" for worker in workers]
    scope = ["--inventory", audit.inventory, "-n", "netobserv", "--labels", config]
    plugin = audit.policies / "netobserv.netobserv-plugin.yaml"
    commands = [
        ("generate",),
        ("verify", audit.policies),
        ("diff", audit.policies, plugin),
        ("verify", audit.policies, "--format", "json"),
    ]
    with running(*workers):
        wait(lambda: all(map(answers, workers)))
        produce(kafka_broker.bootstrap, tmp_path.name, audit.messages, 4)
        counted(len(audit.messages), *workers)
        merged = [flowmatrix("policy", *one, *servers, *scope) for one in commands]
        missing = flowmatrix("policy", "verify", audit.policies, servers[0], *scope)
    alone = [flowmatrix("policy", *one, "--input", recorded, *scope) for one in commands]
    assert [one.exit_code for one in alone] == [0, 3, 0, 3]
    for one, other in zip(merged, alone, strict=True):
        assert (one.exit_code, one.stdout) == (other.exit_code, other.stdout), one.stderr
    assert missing.exit_code == 1
    assert "nobody answers for partition" in missing.stderr
