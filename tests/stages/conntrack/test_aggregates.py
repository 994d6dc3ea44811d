"""Flows added to the values of connections."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from pipeline.testing import frame, rows
from stages.conntrack.aggregates import Aggregates, Inputs, Into
from stages.conntrack.fields import Output


def added(outputs: list[dict[str, Any]], flows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The values of one connection that the flows begin, all from A to B."""
    aggregates = Aggregates(msgspec.convert(outputs, list[Output]))
    held, number = aggregates.initial(1), len(flows)
    zeros = np.zeros(number, np.int64)
    into = Into(np.arange(number), zeros, zeros == 0, 0)
    aggregates.add(held, Inputs(frame(flows)), into)
    return rows(aggregates.frame(held))


def test_a_least_value_of_nothing_is_absent() -> None:
    """Where no flow has a number; the original reports the greatest double there is."""
    outputs = [
        {"name": "low", "operation": "min", "input": "x", "report_missing": True},
        {"name": "high", "operation": "max", "input": "x", "report_missing": True},
    ]
    assert added(outputs, [{"y": 1}, {"x": "odd", "y": 1}]) == [{}]
    assert added(outputs, [{"x": -5.0}, {"x": "7"}]) == [{"low": -5.0, "high": 7.0}]


def test_values_of_any_type_are_kept_as_they_are() -> None:
    """The first is that of the first flow, also when it has none; the last one is never null."""
    outputs = [
        {"name": "f", "operation": "first", "input": "x"},
        {"name": "l", "operation": "last", "input": "x"},
    ]
    assert added(outputs, [{"x": ["a"]}, {"x": {"b": 1}}, {}]) == [{"f": ["a"], "l": {"b": 1}}]
    assert added(outputs, [{}, {"x": "eth0"}]) == [{"l": "eth0"}]
    assert added(outputs, [{"x": 0}, {"x": 0.0}]) == [{}]


def test_numbers_are_added_in_the_order_of_flows() -> None:
    """So that a sum of fractions is the same however flows were split into batches."""
    outputs = [{"name": "x", "operation": "sum"}]
    numbers = [0.1, 1e16, -1e16, 0.7]
    total = 0.0
    for number in numbers:
        total += number
    assert added(outputs, [{"x": number} for number in numbers]) == [{"x": total}]


def test_what_cannot_be_added_is_counted() -> None:
    outputs = [
        {"name": "x", "operation": "sum", "report_missing": True},
        {"name": "y", "operation": "max"},
    ]
    aggregates = Aggregates(msgspec.convert(outputs, list[Output]))
    inputs = Inputs(frame([{"x": 1, "y": "odd"}, {"y": 1}, {"x": [1]}, {"x": "odd"}]))
    assert list(aggregates.errors(inputs, np.arange(3))) == [
        ("conntrack_aggregator_errors", 1, ("Float64ConversionError", "x")),
        ("conntrack_aggregator_errors", 1, ("MissingFieldError", "x")),
        ("conntrack_aggregator_errors", 1, ("Float64ConversionError", "y")),
    ]
