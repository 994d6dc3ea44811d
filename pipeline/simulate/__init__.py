"""Recordings with known truth: flows, the cluster behind them, what must be counted, configs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from pipeline.problem import nearest
from pipeline.simulate import configs, expected, objects, recording, truth
from pipeline.simulate.recording import Format
from pipeline.simulate.reference import S3_LABEL, WINDOW, reference
from pipeline.simulate.scenario import START, Scenario, records
from pipeline.simulate.synthetic import Shape, synthetic

__all__ = ["Format", "Kind", "Shape", "Simulation", "simulate"]

_DEFAULT_FLOWS = 100_000
_JSON_SUFFIXES = {".json", ".jsonl", ".ndjson"}
_COMPRESSED = {".gz", ".zst"}


class Kind(StrEnum):
    """The scenarios."""

    REFERENCE = "reference"
    CLUSTER = "cluster"


@dataclass(frozen=True)
class Simulation:
    """What was written. `before` is the pipeline without the custom label (reference only)."""

    recording: Path
    inventory: Path
    truth: Path
    config: Path
    flp_config: Path
    flow_metrics: Path
    before: Path | None
    flows: int


def simulate(
    scenario: str,
    out: Path,
    *,
    flows: int | None = None,
    seed: int = 0,
    form: Format | None = None,
    window: float = WINDOW,
    start: int = START,
    shape: Shape | None = None,
    ipfix_replies: bool = False,
) -> Simulation:
    """Write a recording to `out` and, beside it, all that runs it and what it must give.

    `scenario`: "reference" (blog-scenario; `flows` repeats its window without changing the rows of
    its tables) or "cluster" (of `shape`; 100,000 flows unless `flows` says otherwise). `form` goes
    by the suffix of `out` when not given, .gz and .zst compress; `window` is in seconds, `start` in
    ms; `ipfix_replies` (reference) adds flows whose flags are raw header bits. The same arguments
    give the same files. ValueError names the argument that cannot be; OSError: writing failed.
    """
    form = form or _form(out)
    made = _made(
        scenario,
        flows=flows,
        seed=seed,
        window=window,
        start=start,
        shape=shape,
        ipfix_replies=ipfix_replies,
    )
    metrics = configs.BLOG_PAIR | (configs.BYTES if scenario == Kind.CLUSTER else {})
    paths = _paths(out, scenario, made.flows)
    out.parent.mkdir(parents=True, exist_ok=True)
    peers = made.cluster.frame()
    tally = truth.Tally(peers)
    recording.write(out, _recorded(made, peers, tally), form)
    objects.write(paths.inventory, made.cluster.manifests)
    _configure(paths, made, metrics, form)
    told = {"scenario": str(scenario), "seed": seed, "flows": made.flows}
    told |= {"start_ms": made.window[0], "end_ms": made.window[1]}
    paths.truth.write_bytes(
        msgspec.json.format(msgspec.json.encode(told | _truth(scenario, tally)))
    )
    return paths


def _made(
    scenario: str,
    *,
    flows: int | None,
    seed: int,
    window: float,
    start: int,
    shape: Shape | None,
    ipfix_replies: bool,
) -> Scenario:
    if scenario == Kind.REFERENCE:
        if shape:
            raise ValueError("shape: the reference scenario has its own cluster")
        return reference(flows, seed, window, start, ipfix_replies=ipfix_replies)
    if scenario == Kind.CLUSTER:
        if ipfix_replies:
            raise ValueError("ipfix_replies: only the reference scenario has them")
        size = msgspec.structs.replace(shape or Shape(), window=window)
        return synthetic(_DEFAULT_FLOWS if flows is None else flows, seed, size, start)
    raise ValueError(f'scenario: "{scenario}" is unknown; {nearest(scenario, Kind) or list(Kind)}')


def _form(out: Path) -> Format:
    plain = out.with_suffix("") if out.suffix in _COMPRESSED else out
    return Format.JSON if plain.suffix in _JSON_SUFFIXES else Format.PROTOBUF


def _paths(out: Path, scenario: str, flows: int) -> Simulation:
    plain = out.with_suffix("") if out.suffix in _COMPRESSED else out
    stem = plain.with_suffix("").name
    is_reference = scenario == Kind.REFERENCE
    found = Simulation(
        recording=out,
        inventory=out.with_name(f"{stem}.inventory.{'yaml' if is_reference else 'json'}"),
        truth=out.with_name(f"{stem}.truth.json"),
        config=out.with_name(f"{stem}.yaml"),
        flp_config=out.with_name(f"{stem}.flp.yaml"),
        flow_metrics=out.with_name(f"{stem}.flowmetrics"),
        before=out.with_name(f"{stem}.before.yaml") if is_reference else None,
        flows=flows,
    )
    if out in (found.inventory, found.truth, found.config, found.flp_config, found.before):
        raise ValueError(f"out: {out.name} is the name of another file that is written")
    return found


def _recorded(
    scenario: Scenario, peers: pl.DataFrame, tally: truth.Tally
) -> Iterator[pl.DataFrame]:
    for flows in scenario.frames:
        tally.add(flows)
        yield records(flows, peers)


def _configure(
    paths: Simulation, scenario: Scenario, metrics: Mapping[str, Mapping[str, Any]], form: Format
) -> None:
    paths.flow_metrics.mkdir(exist_ok=True)
    for name, spec in metrics.items():
        (paths.flow_metrics / f"{name}.yaml").write_text(configs.flow_metric(name, spec))
    source = (paths.recording, str(form), paths.inventory)
    paths.config.write_text(configs.native(*source, paths.flow_metrics, scenario.labels))
    twin = configs.flowlogs_pipeline(*source, metrics, scenario.labels)
    paths.flp_config.write_text(twin)
    if paths.before:
        detected = scenario.cluster.subnet_labels
        paths.before.write_text(configs.native(*source, paths.flow_metrics, detected))


def _truth(scenario: str, tally: truth.Tally) -> dict[str, Any]:
    syn = tally.syn()
    if scenario == Kind.CLUSTER:
        return {"metrics": truth.families(syn, tally.bytes())}
    before = truth.families(truth.without_label(syn, S3_LABEL))
    return {
        "metrics": truth.families(syn),
        "metrics_before": before,
        "tables": expected.tables(syn),
        "uncertain": expected.uncertain(syn),
    }
