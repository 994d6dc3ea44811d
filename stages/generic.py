"""Copy fields to other names, numbers multiplied (docs/reference/transforms.md#generic)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import ClassVar

import msgspec
import polars as pl

from pipeline.diagnostics import ConfigPath, Problem
from pipeline.flows import assign, gotext, values
from pipeline.stage import BuildContext, Example, Fields, Step, Transform


class Policy(StrEnum):
    """What becomes of the fields that no rule writes."""

    PRESERVE = "preserve_original_keys"
    REPLACE = "replace_keys"


class CopyRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`input` to `output`, times `multiplier`; 0 copies any value as it is."""

    input: str
    output: str
    multiplier: float = 0


class Generic(Transform, frozen=True, kw_only=True, tag="generic"):
    """Write every rule's `output` from the flow as it came in.

    An absent input writes nothing, nor does multiplying a value that is not a number. Whole numbers
    times a whole number are whole, in 64 bits; the original lets a narrow field (a 16-bit port)
    overflow.
    """

    example: ClassVar[Example] = Example(
        config="""
            - name: bits
              type: generic
              follows: flows
              rules: [{input: Bytes, output: Bits, multiplier: 8}, {input: SrcAddr, output: From}]
        """,
        flows='{"SrcAddr": "10.128.0.14", "Bytes": 840}',
        output="""
            {"SrcAddr": "10.128.0.14", "Bytes": 840, "Bits": 6720, "From": "10.128.0.14"}
        """,
    )

    rules: list[CopyRule]
    policy: Policy = Policy.PRESERVE

    def reads(self) -> Fields:
        return frozenset(rule.input for rule in self.rules)

    def makes(self) -> tuple[Fields, bool]:
        return frozenset(rule.output for rule in self.rules), self.policy is Policy.PRESERVE

    def named(self) -> Iterator[tuple[ConfigPath, str]]:
        yield from (
            (("rules", index, "input"), rule.input) for index, rule in enumerate(self.rules)
        )

    def check(self, folder: Path) -> Iterator[Problem]:
        for index, rule in enumerate(self.rules):
            if not rule.output:
                yield Problem(("rules", index, "output"), "the output has no name")
            if not abs(rule.multiplier) < 2**63:
                yield Problem(("rules", index, "multiplier"), "this does not fit 64 bits")

    def build(self, context: BuildContext) -> Step:
        def step(flows: pl.DataFrame) -> pl.DataFrame:
            everywhere = assign.mask(flows, pl.lit(True))
            fields = values.names(flows) if self.policy is Policy.REPLACE else []
            written = values.drop(flows, *fields)
            for rule in self.rules:
                source = _multiplied(flows, rule) if rule.multiplier else flows
                written = assign.copy(written, rule.output, source, rule.input, everywhere)
            return written

        return step


def _multiplied(flows: pl.DataFrame, rule: CopyRule) -> pl.DataFrame:
    """The input alone, multiplied; absent where it or the product is not a number of JSON."""
    name, odd, factor = rule.input, values.overflow(rule.input), float(rule.multiplier)
    columns = []
    dtype = flows.schema.get(name, pl.Null())
    if dtype.is_integer() and factor.is_integer():
        wide = pl.UInt64 if dtype == pl.UInt64 and factor > 0 else pl.Int64
        whole = pl.col(name).cast(wide, wrap_numerical=True)
        columns.append(whole * pl.lit(int(factor), dtype=wide))
    elif dtype.is_numeric():
        product = pl.col(name).cast(pl.Float64) * factor
        columns.append(pl.when(product.is_finite()).then(product).alias(name))
    if odd in flows.columns:
        columns.append(values.distinct(pl.col(odd), lambda text: _times(text, factor), pl.String()))
    return flows.select(columns)


def _times(json_text: str, factor: float) -> str | None:
    value = gotext.decode_overflow(json_text)
    if not isinstance(value, float) or not math.isfinite(value * factor):
        return None
    return msgspec.json.encode(value * factor).decode()
