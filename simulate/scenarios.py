"""The scenarios by name."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from pipeline.diagnostics import nearest
from simulate.reference import WINDOW, reference
from simulate.scenario import START, Scenario
from simulate.synthetic import Shape, synthetic

_DEFAULT_FLOWS = 100_000


class Kind(StrEnum):
    """The scenarios."""

    REFERENCE = "reference"
    CLUSTER = "cluster"


def made(
    scenario: str,
    *,
    flows: int | None = None,
    seed: int = 0,
    window: float = WINDOW,
    start: int = START,
    shape: Shape | None = None,
    ipfix_replies: bool = False,
) -> Scenario:
    """The scenario of this name. ValueError names the argument that cannot be."""
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
