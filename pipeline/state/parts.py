"""The deltas of a batch of many partitions, apart by partition, and one again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import polars as pl

from pipeline.flows.values import PART
from pipeline.stage import Delta
from pipeline.state.label_sets import LabelInterner
from pipeline.state.series_rows import InternedDelta, by_ids

_ROW = ":row"


def by_part(delta: Delta) -> Iterator[tuple[int, Delta]]:
    """What a delta says of each part; a delta without series need not have the column PART."""
    if not delta.series.height:
        return
    parts, series = delta.series.get_column(PART), delta.series.drop(PART)
    for (part,), rows in (
        parts.to_frame().with_row_index(_ROW).partition_by(PART, as_dict=True).items()
    ):
        own = rows[_ROW]
        yield part, Delta(delta.family, series[own], delta.keyed and delta.keyed.of(own))


def interned_by_part(
    delta: Delta, sets: LabelInterner, moments: npt.NDArray[np.float64]
) -> Iterator[tuple[int, InternedDelta]]:
    """The same by the ids of label sets; each part was counted at its moment (epoch seconds)."""
    if not delta.series.height:
        return
    series = delta.series.sort(PART, maintain_order=True)
    parts = series[PART].to_numpy()
    rows = by_ids(Delta(delta.family, series), sets.ids(series), pl.lit(pl.Series(moments[parts])))
    found, starts = np.unique(parts, return_index=True)
    for part, start, end in zip(found, starts, [*starts[1:], len(parts)], strict=True):
        yield int(part), InternedDelta(delta.family, sets, rows.slice(start, end - start))


def joined(deltas: Iterable[InternedDelta]) -> list[InternedDelta]:
    """Deltas with one of each family and its label sets: the rows of those there were, in turn."""
    alike: dict[tuple[int, int], list[InternedDelta]] = {}
    for delta in deltas:
        alike.setdefault((id(delta.family), id(delta.sets)), []).append(delta)
    return [
        some[0]._replace(values=pl.concat([one.values for one in some], rechunk=True))
        if len(some) > 1
        else some[0]
        for some in alike.values()
    ]
