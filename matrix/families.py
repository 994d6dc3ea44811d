"""Which metrics hold a flow matrix, found by their labels, whatever they are called.

A matrix needs one end as namespace, workload and kind, its peer under a prefix (from_ or to_), and
the port; a metric whose labels were not remapped serves as well.

Source: docs/reference/scenario.md#flowmetrics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

import polars as pl

from pipeline.diagnostics import listed, nearest
from pipeline.stage import FIRST_SEEN, LAST_SEEN, VALUE
from pipeline.state.series_rows import OVERFLOW

Series = Mapping[str, pl.DataFrame]
"""Metric name -> its series: label columns (String), then VALUE, FIRST_SEEN and LAST_SEEN."""

_END = {
    "namespace": "K8S_Namespace",
    "workload": "K8S_OwnerName",
    "kind": "K8S_OwnerType",
    "subnet_label": "SubnetLabel",
}
_OPTIONAL = "subnet_label"
_PEER = "peer_"
FLAGS = "Flags"
"""The label by which a metric tells SYN flows from the others."""
_SYN = "SYN"
_STAMPS = (FIRST_SEEN, LAST_SEEN)


class MatrixDirection(StrEnum):
    """Whose rows: of the workloads that open connections, or of those that accept them."""

    OUTGOING = "outgoing"
    INCOMING = "incoming"

    @property
    def prefix(self) -> str:
        """What the labels of the peer begin with."""
        return "to_" if self is MatrixDirection.OUTGOING else "from_"

    @property
    def sample(self) -> str:
        """The FlowMetric that gives this matrix."""
        return f"workload-syn-{'out' if self is MatrixDirection.OUTGOING else 'in'}"


class NoMatrixError(LookupError):
    """No metric has the labels; the message says what to add."""


class Found(NamedTuple):
    """The series of a matrix.

    `rows`: namespace, workload, kind, port, peer_namespace, peer_workload, peer_kind and
    peer_subnet_label (String), `syn` (Boolean: only flows with a SYN are counted), VALUE,
    FIRST_SEEN, LAST_SEEN. `notes`: what a reader should know, a sentence each.
    """

    rows: pl.DataFrame
    metrics: tuple[str, ...]
    notes: tuple[str, ...]


def find(series: Series, direction: MatrixDirection, metrics: Sequence[str] = ()) -> Found:
    """The series of the metrics that hold this matrix, or of those named.

    Of several that do, those with the label Flags are taken, their SYN series only: the others may
    hold replies, so they must be named. The rows of all taken are added up. Raises NoMatrixError.
    """
    unknown = [name for name in metrics if name not in series]
    if unknown:
        hint = nearest(unknown[0], series) or f"there are {listed(sorted(series))}"
        raise NoMatrixError(f'no metric "{unknown[0]}"; {hint}')
    candidates = {name: series[name] for name in metrics or series}
    fitting = {
        name: names
        for name, frame in candidates.items()
        if (names := _names(frame.columns, direction)) and VALUE in frame.columns
    }
    if not fitting or (metrics and len(fitting) < len(candidates)):
        raise NoMatrixError(_missing(candidates, direction, fitting))
    certain = [name for name in fitting if FLAGS in series[name].columns]
    chosen = fitting if metrics else certain or fitting
    rows = pl.concat([_canonical(series[name], fitting[name]) for name in chosen])
    beyond = pl.col("namespace") == OVERFLOW
    notes = _notes(tuple(chosen), tuple(fitting), float(rows.filter(beyond)[VALUE].sum()))
    return Found(rows.filter(~beyond), tuple(chosen), notes)


def _names(labels: Sequence[str], direction: MatrixDirection) -> dict[str, str]:
    """Label -> its name in a matrix, empty when one is missing."""
    for names in spellings(direction):
        if all(label in labels or name.endswith(_OPTIONAL) for label, name in names.items()):
            return names
    return {}


def spellings(direction: MatrixDirection) -> tuple[dict[str, str], dict[str, str]]:
    """Label -> name in a matrix: as remapped, and as the fields are called."""
    out = direction is MatrixDirection.OUTGOING
    own, peer = ("Src", "Dst") if out else ("Dst", "Src")
    needed = {field: name for name, field in _END.items() if name != _OPTIONAL}
    remapped = {name: name for name in needed.values()}
    remapped |= {direction.prefix + name: _PEER + name for name in _END}
    fields = {own + field: name for field, name in needed.items()}
    fields |= {peer + field: _PEER + name for name, field in _END.items()}
    return remapped | {"port": "port"}, fields | {"DstPort": "port"}


def _canonical(frame: pl.DataFrame, names: Mapping[str, str]) -> pl.DataFrame:
    syn = FLAGS in frame.columns
    if syn:
        frame = frame.filter(pl.col(FLAGS).is_in((_SYN, OVERFLOW)))
    blank = pl.lit("")
    labels = [
        (pl.col(label) if label in frame.columns else blank).alias(name)
        for label, name in names.items()
    ]
    return frame.select(*labels, pl.lit(syn).alias("syn"), VALUE, *_STAMPS)


def _missing(
    candidates: Series, direction: MatrixDirection, fitting: Mapping[str, Mapping[str, str]]
) -> str:
    wanted = [n for n in spellings(direction)[0] if not n.endswith(_OPTIONAL)]
    lacking = {
        name: [label for label in wanted if label not in frame.columns]
        for name, frame in candidates.items()
        if name not in fitting
    }
    advice = f"add a FlowMetric such as configs/flowmetrics/{direction.sample}.yaml"
    text = f"no metric holds the {direction} matrix (labels {', '.join(wanted)}): {advice}"
    if lacking:
        name = min(lacking, key=lambda name: len(lacking[name]))
        text += f"; {name} lacks {', '.join(lacking[name]) or 'a counted value'}"
    return text


def _notes(chosen: tuple[str, ...], fitting: tuple[str, ...], beyond: float) -> tuple[str, ...]:
    notes = []
    if len(chosen) > 1:
        notes.append(f"counts of {', '.join(chosen)} are added up")
    left = [name for name in fitting if name not in chosen]
    if left:
        notes.append(
            f"{', '.join(left)} left out (no label {FLAGS}, may hold replies): name to use"
        )
    if beyond:
        notes.append(f"{beyond:.0f} flows are beyond the series limit and in no row")
    return tuple(notes)
