"""The values of connections, out of the flows that belong to them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from pipeline.flows import gotext, values
from pipeline.flows.gob_hash import Mask
from pipeline.stage import Measure
from pipeline.stage.memory import Numbers
from stages.conntrack.fields import Operation, Output

Values = dict[str, npt.NDArray[Any]]
"""Values of connections by the name of the output: doubles, or JSON texts (None: not set)."""

_MOST = sys.float_info.max
_INITIAL = {Operation.MIN: _MOST, Operation.MAX: -_MOST}
_ADD = {
    Operation.SUM: np.add.at,
    Operation.COUNT: np.add.at,
    Operation.MIN: np.minimum.at,
    Operation.MAX: np.maximum.at,
}
_TEXTS = {Operation.FIRST, Operation.LAST}


class _Column(NamedTuple):
    """An output of one direction, or of both (None)."""

    name: str
    output: Output
    forward: bool | None

    @property
    def is_text(self) -> bool:
        return self.output.operation in _TEXTS


class Into(NamedTuple):
    """Flows, the `rows` of a batch, and into which connection each goes: its place.

    Those from the place `begun` on begin with these flows. `forward`: which go from A to B.
    """

    rows: Numbers
    places: Numbers
    forward: Mask
    begun: int


class Inputs:
    """The input fields of a batch as arrays, each made once."""

    def __init__(self, flows: pl.DataFrame) -> None:
        self._flows = flows
        self._numbers: dict[str, tuple[npt.NDArray[np.float64], Mask, Mask]] = {}

    def number(self, name: str) -> tuple[npt.NDArray[np.float64], Mask, Mask]:
        """A field as doubles (0 without one), where it is absent, where it is not a number."""
        if name not in self._numbers:
            schema = self._flows.schema
            number, there = self._column(values.number(schema, name)), self._present(name)
            wrong = there & number.is_null().to_numpy()
            self._numbers[name] = number.fill_null(0.0).to_numpy(), ~there, wrong
        return self._numbers[name]

    def cells(self, name: str) -> npt.NDArray[Any]:
        """A field as JSON texts; None where it is absent."""
        cells = self._column(values.cell(self._flows.schema, name))
        return cells.set(cells == "null", None).to_numpy()

    def _present(self, name: str) -> Mask:
        schema = self._flows.schema
        there = values.present(schema, name)
        if values.overflow(name) in schema:
            there &= (pl.col(values.overflow(name)) != "null").fill_null(value=True)
        return self._column(there).to_numpy()

    def _column(self, field: pl.Expr) -> pl.Series:
        return self._flows.with_columns(field.alias(values.HIDDEN))[values.HIDDEN]


class Aggregates:
    """Adds flows to the values of connections, in the order of the flows."""

    def __init__(self, outputs: list[Output]) -> None:
        self._outputs = outputs
        self._columns = [column for output in outputs for column in _columns(output)]
        self.kinds = {column.name: "O" if column.is_text else "f8" for column in self._columns}
        """The type of the array of each output."""
        self.inputs = frozenset(_input(output) for output in outputs)

    def initial(self, connections: int) -> Values:
        """The values of connections without a flow."""
        return {
            column.name: np.full(
                connections,
                None if column.is_text else _INITIAL.get(column.output.operation, 0.0),
                self.kinds[column.name],
            )
            for column in self._columns
        }

    def add(self, held: Values, inputs: Inputs, into: Into) -> None:
        """Add flows to the values, in place."""
        for column in self._columns:
            array, output = held[column.name], column.output
            if column.is_text:
                cells = inputs.cells(_input(output))[into.rows]
                keep = _keep_last if output.operation is Operation.LAST else _keep_first
                keep(array, into, cells)
                continue
            numbers, counts = np.ones(len(into.rows)), np.ones(len(into.rows), np.bool_)
            if output.operation is not Operation.COUNT:
                given, absent, wrong = inputs.number(_input(output))
                numbers = given[into.rows]
                counts = ~(wrong | (absent & output.report_missing))[into.rows]
            if column.forward is not None:
                counts &= into.forward == column.forward
            _ADD[output.operation](array, into.places[counts], numbers[counts])

    def errors(self, inputs: Inputs, rows: Numbers) -> Iterator[Measure]:
        """How many of these flows have no value to add, though they should."""
        for output in self._outputs:
            if output.operation in {Operation.SUM, Operation.MIN, Operation.MAX}:
                _, absent, wrong = inputs.number(_input(output))
                found = {"Float64ConversionError": wrong}
                if output.report_missing:
                    found["MissingFieldError"] = absent
                for error, where in found.items():
                    if count := int(where[rows].sum()):
                        yield "conntrack_aggregator_errors", count, (error, _input(output))

    def frame(self, held: Values) -> pl.DataFrame:
        """The values as fields of records: those that are 0 or not set are left out."""
        columns = []
        for column in self._columns:
            array = held[column.name]
            if column.is_text:
                texts = [None if _is_zero(text) else text for text in array.tolist()]
                columns.append(pl.Series(values.overflow(column.name), texts, dtype=pl.String))
            else:
                unset = pl.Series((array == 0) | (np.abs(array) == _MOST), dtype=pl.Boolean)
                columns.append(pl.Series(column.name, array).set(unset, None))
        return pl.DataFrame(columns)


def _columns(output: Output) -> Iterator[_Column]:
    if output.split:
        yield _Column(f"{output.name}_AB", output, forward=True)
        yield _Column(f"{output.name}_BA", output, forward=False)
    else:
        yield _Column(output.name, output, None)


def _input(output: Output) -> str:
    return output.input or output.name


def _keep_last(array: npt.NDArray[Any], into: Into, cells: npt.NDArray[Any]) -> None:
    given = np.flatnonzero(np.array([cell is not None for cell in cells.tolist()], np.bool_))
    array[into.places[given]] = cells[given]  # of several, numpy keeps the last


def _keep_first(array: npt.NDArray[Any], into: Into, cells: npt.NDArray[Any]) -> None:
    found, first = np.unique(into.places, return_index=True)
    begins = found >= into.begun
    array[found[begins]] = cells[first[begins]]


def _is_zero(json_text: str | None) -> bool:
    return json_text is not None and gotext.decode_overflow(json_text) == 0.0
