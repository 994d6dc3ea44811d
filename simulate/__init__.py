"""Recordings and streams with known truth: flows, the cluster behind them, what must be counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl

from simulate import companions, configs, recording, truth
from simulate.companions import COMPRESSED, Simulation
from simulate.recording import Format
from simulate.reference import WINDOW
from simulate.scenario import START, Scenario, records
from simulate.scenarios import Kind, made
from simulate.synthetic import Shape

__all__ = ["Format", "Kind", "Shape", "Simulation", "simulate"]

_JSON_SUFFIXES = {".json", ".jsonl", ".ndjson"}


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
    advance: Callable[[int], None] = lambda _: None,
) -> Simulation:
    """Write a recording to `out` and, beside it, all that runs it and what it must give.

    `scenario`: "reference" (docs/reference/scenario.md#tables; `flows` repeats its window without
    changing the rows of its tables) or "cluster" (of `shape`; 100,000 flows unless `flows` says
    otherwise). `form` goes by the suffix of `out` when not given, .gz and .zst compress; `window`
    is in seconds, `start` in ms; `ipfix_replies` (reference) adds flows whose flags are raw header
    bits. `advance` is told the number of flows of each part. The same arguments give the same
    files. ValueError names the argument that cannot be; OSError: writing failed.
    """
    form = form or _form(out)
    found = made(
        scenario,
        flows=flows,
        seed=seed,
        window=window,
        start=start,
        shape=shape,
        ipfix_replies=ipfix_replies,
    )
    paths = companions.paths(out, scenario, found.flows)
    out.parent.mkdir(parents=True, exist_ok=True)
    peers = found.cluster.frame()
    tally = truth.Tally(peers)
    recording.write(out, _recorded(found, peers, tally, advance), form)
    companions.write(paths, scenario, found, configs.file_source(out, str(form)))
    about = {"seed": seed, "flows": found.flows}
    about |= {"start_ms": found.window[0], "end_ms": found.window[1]}
    companions.tell(paths.truth, scenario, tally, about)
    return paths


def _form(out: Path) -> Format:
    plain = out.with_suffix("") if out.suffix in COMPRESSED else out
    return Format.JSON if plain.suffix in _JSON_SUFFIXES else Format.PROTOBUF


def _recorded(
    scenario: Scenario, peers: pl.DataFrame, tally: truth.Tally, advance: Callable[[int], None]
) -> Iterator[pl.DataFrame]:
    for flows in scenario.frames:
        tally.add(flows)
        yield records(flows, peers)
        advance(flows.height)
