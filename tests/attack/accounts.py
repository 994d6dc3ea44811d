"""Payloads through a whole pipeline, and every account checked: in = out + filtered + rejected."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pipeline import config
from pipeline.app.job import Job
from pipeline.exposition.declared import METRICS
from pipeline.plan.outcome import StageError
from pipeline.state.ledger import Ledger
from simulate import Simulation
from tests.attack.tally import Tally

SAMPLE = re.compile(r"^flowmatrix_(\w+)\{(.*)\} (\S+)$", re.MULTILINE)
BATCH, BATCH_BYTES = 4_000, 16 << 20


class Stage(NamedTuple):
    """The account of one stage."""

    come: int
    out: int
    filtered: int
    rejected: int


def accounts(exposition: str) -> dict[str, Stage]:
    """The account of every stage, from the self-metrics."""
    parts = ("flows_in", "flows_out", "flows_filtered", "flows_rejected")
    found = {
        (name, json.loads(labels.partition("=")[2])): int(float(value))
        for name, labels, value in SAMPLE.findall(exposition)
        if METRICS[name].labels == ("stage",)
    }
    names = {stage for name, stage in found if name == "stage_flows_in"}
    return {name: Stage(*(found[f"stage_{part}", name] for part in parts)) for name in names}


def add_up(job: Job, payloads: list[bytes]) -> Counter[str]:
    """Take payloads through the pipeline and check every account; how many were decoded."""
    (source,) = job.plan.sources
    outcome = job.plan.run(source.name, payloads)
    assert isinstance(job.counts, Ledger)
    job.counts.merge(outcome.deltas, 1.0)
    job.telemetry.batch(source.name, len(payloads), outcome)
    assert outcome.counts[source.name].flows_in == len(payloads)
    assert len(outcome.rejects) == sum(counts.rejected for counts in outcome.counts.values())
    for node in job.plan.nodes:
        counts = outcome.counts[node.name]
        given = counts.flows_out + counts.filtered + counts.rejected
        assert given == counts.flows_in or (node.spec.type == "flatten" and given > counts.flows_in)
        if node.parents and not node.spec.families():  # an encoder counts each flow once a family
            assert counts.flows_in == sum(outcome.counts[p].flows_out for p in node.parents)
    assert accounts(job.exposer.final()).keys() == outcome.counts.keys()
    rejected = len(outcome.rejected_messages())
    assert all(reject.reason for reject in outcome.rejects)
    return Counter({"decoded": len(payloads) - rejected, "rejected": rejected})


def jobs(reference: Simulation) -> dict[str, Job]:
    """The reference pipeline, and the same with JSON flows."""
    other = reference.config.with_name("json.yaml")
    other.write_text(reference.config.read_text().replace("decoder: protobuf", "decoder: json"))
    return {"protobuf": Job(config.load(reference.config)), "json": Job(config.load(other))}


ALL_FIELDS = """\
stages:
- {{name: in, type: ingest_stdin, decoder: {decoder}}}
- {{name: all, type: write_stdout, follows: in}}
- name: count
  type: encode_prometheus
  follows: in
  metrics:
  - {{name: flows}}
  - {{name: bytes, value: Bytes, labels: [SrcAddr, DnsName, Flags, NetworkEvents, Interfaces]}}
  - {{name: rtt, type: histogram, value: TimeFlowRttNs, labels: [Proto]}}
"""


def job_of_all_fields(folder: Path, decoder: str) -> Job:
    """A pipeline that reads every field."""
    path = folder / f"all-{decoder}.yaml"
    path.write_text(ALL_FIELDS.format(decoder=decoder))
    return Job(config.load(path))


def through(tally: Tally, jobs: list[Job], payloads: Iterator[bytes]) -> Tally:
    """All payloads through all jobs, in batches; what one message makes fail is found."""
    batch: list[bytes] = []
    held = 0
    for payload in payloads:
        batch.append(payload)
        held += len(payload)
        if len(batch) == BATCH or held > BATCH_BYTES:
            _through(tally, jobs, batch)
            batch, held = [], 0
    if batch:
        _through(tally, jobs, batch)
    return tally


def _through(tally: Tally, jobs: list[Job], batch: list[bytes]) -> None:
    for number, job in enumerate(jobs):
        outcomes: Counter[str] = Counter()
        with tally.step(batch[0] if len(batch) == 1 else f"{len(batch)} payloads"):
            try:
                outcomes = add_up(job, batch)
            except StageError:
                if len(batch) == 1:
                    raise
        if outcomes and not number:
            tally.add_all(outcomes)
        elif not outcomes and len(batch) > 1:
            half = len(batch) // 2
            _through(tally, [job], batch[:half])
            _through(tally, [job], batch[half:])
