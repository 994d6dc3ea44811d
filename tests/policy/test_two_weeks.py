"""What an hour does not show, a nightly job and a weekly backup, its policies cut off."""

from __future__ import annotations

import json
import random
from pathlib import Path

import polars as pl
import pytest

from simulate.cluster import Cluster
from simulate.objects import write
from simulate.recording import Format
from simulate.recording import write as record
from simulate.scenario import START, records
from simulate.traffic import Link, Traffic
from tests.support.commands import flowmatrix

HOUR, DAY, WEEK = 3_600, 86_400, 604_800
AT_TWO, ON_SUNDAY = 16 * HOUR, 5 * DAY + 17 * HOUR
"""Seconds after START, a Tuesday at 10:00 UTC: 2:00 the next night, 3:00 on Sunday."""
S3 = "203.0.113.0/24"
LABELS = """
stages:
- {{name: flows, type: ingest_file, path: {recording}, decoder: protobuf}}
- {{name: k8s, type: kubernetes, follows: flows, inventory: objects.json, climb_further: true}}
- {{name: s3, type: subnet_label, follows: k8s, labels: [{{name: "EXT:S3", cidrs: [{s3}]}}]}}
- {{name: edges, type: encode_matrix, follows: s3}}
"""


def cluster() -> tuple[Cluster, dict[str, list[int]]]:
    made = Cluster()
    for number in (1, 2):
        made.node(f"node-{number}", f"10.0.0.{number}", "a")
    places = {
        "web": made.workload("Deployment", "shop", "web", [0, 1]),
        "db": made.workload("StatefulSet", "shop", "db", [1]),
        "nightly": made.workload("CronJob", "shop", "nightly", [0]),
        "backup": made.workload("CronJob", "shop", "backup", [0]),
        "s3": [made.external("203.0.113.9")],
    }
    return made, places


LINKS = [
    Link("web", "db", 5432, every=600),
    Link("nightly", "db", 5432, every=DAY, first=AT_TWO),
    Link("backup", "db", 5432, every=WEEK, first=ON_SUNDAY),
    Link("backup", "s3", 443, every=WEEK, first=ON_SUNDAY + 60),
]


@pytest.fixture(scope="module")
def weeks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two weeks of flows: first hour, first week and second week, with a pipeline each."""
    folder = tmp_path_factory.mktemp("weeks")
    made, places = cluster()
    write(folder / "objects.json", made.manifests)
    traffic = Traffic(made.peers, places, 2 * WEEK * 1000, random.Random(0))
    flows = traffic.flows(LINKS)
    parts = {"hour": (0, HOUR), "first": (0, WEEK), "second": (WEEK, 2 * WEEK)}
    ended = pl.col("TimeFlowEndMs")
    for name, (begin, end) in parts.items():
        some = flows.filter(ended >= begin * 1000, ended < end * 1000).with_columns(
            pl.col("TimeFlowStartMs", "TimeFlowEndMs") + START
        )
        record(folder / f"{name}.pb", [records(some, made.frame())], Format.PROTOBUF)
        (folder / f"{name}.yaml").write_text(LABELS.format(recording=f"{name}.pb", s3=S3))
    return folder


def generated(weeks: Path, name: str) -> tuple[str, Path]:
    """What the command tells, and the folder of the policies."""
    out = weeks / f"policies-{name}"
    source = ["--input", weeks / f"{name}.yaml", "-n", "shop", "--default-deny"]
    done = flowmatrix("policy", "generate", *source, "--out", out)
    assert done.exit_code == 0, done.stderr
    return done.stderr, out


def cut_off(weeks: Path, policies: Path) -> tuple[int, list[tuple[str, str, int]]]:
    """The exit code of `verify` over the second week, and the edges that would be denied."""
    asked = ["policy", "verify", policies, "--input", weeks / "second.yaml", "--format", "json"]
    done = flowmatrix(*asked)
    rows = json.loads(done.stdout)["edges"]
    denied = [
        (row["client"], row["server"], row["port"]) for row in rows if row["verdict"] == "denied"
    ]
    return done.exit_code, sorted(denied)


def test_an_hour_is_learning_and_what_it_lacks_is_named(weeks: Path) -> None:
    told, policies = generated(weeks, "hour")
    assert "shop/web for Deployment shop/web: ingress open, egress 1 rule, learning" in told
    assert "CronJob shop/backup: Ingress and Egress" in told  # cut off by the default deny
    assert cut_off(weeks, policies) == (
        3,
        [
            ("CronJob shop/backup", "EXT:S3", 443),
            ("CronJob shop/backup", "StatefulSet shop/db", 5432),
            ("CronJob shop/nightly", "StatefulSet shop/db", 5432),
        ],
    )


def test_a_week_has_them_all(weeks: Path) -> None:
    """Nothing new was seen of the web for days; of the database there was, on Sunday."""
    told, policies = generated(weeks, "first")
    assert "shop/web for Deployment shop/web: ingress open, egress 1 rule, stable" in told
    assert "shop/backup for CronJob shop/backup: ingress open, egress 2 rules," in told
    assert "stabilising" in told
    assert cut_off(weeks, policies) == (0, [])
