"""Rules that write fields and labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import polars as pl

from pipeline.diagnostics import ConfigPath, Problem, warning
from pipeline.flows import assign, gotext, values
from pipeline.predicate import expression, regex
from pipeline.predicate.operand import of_field
from pipeline.stage import Fields, Step
from stages.rules.base import Rule


def _unchanged(flows: pl.DataFrame) -> pl.DataFrame:
    """The step of a rule with a refused expression: the rule has no effect, as in the original."""
    return flows


class RemoveField(Rule, frozen=True, kw_only=True, tag="remove_field"):
    """Delete the field."""

    input: str

    def build(self, draw: pl.Expr) -> Step:
        return lambda flows: values.drop(flows, self.input)


class AddField(Rule, frozen=True, kw_only=True, tag="add_field"):
    """Set the field to `value` (any type, also null, list or object), also when it has a value."""

    input: str
    value: Any = None

    def makes(self) -> Fields:
        return frozenset({self.input})

    def build(self, draw: pl.Expr) -> Step:
        return lambda flows: assign.put_value(
            values.drop(flows, self.input), self.input, self.value, assign.mask(flows, pl.lit(True))
        )


class AddFieldIfAbsent(AddField, frozen=True, kw_only=True, tag="add_field_if_doesnt_exist"):
    """Set the field to `value` in flows that do not have the field."""

    def reads(self) -> Fields:
        return frozenset({self.input})

    def build(self, draw: pl.Expr) -> Step:
        def step(flows: pl.DataFrame) -> pl.DataFrame:
            absent = assign.mask(flows, ~values.present(flows.schema, self.input))
            return assign.put_value(flows, self.input, self.value, absent)

        return step


class _Conditional(Rule, frozen=True, kw_only=True):
    """A rule for flows whose field `input` meets `expression`."""

    input: str
    output: str
    expression: str

    def reads(self) -> Fields:
        return frozenset({self.input})

    def named(self) -> Iterator[tuple[ConfigPath, str]]:
        yield ("input",), self.input

    def makes(self) -> Fields:
        return frozenset({self.output})

    def check(self) -> Iterator[Problem]:
        yield from expression.problems(self.expression, ("expression",))

    def _write(self, flows: pl.DataFrame, suffix: str, where: pl.Series) -> pl.DataFrame:
        """Columns: the input's value as `output` (null when absent), true as `output`_`suffix`."""
        absent = ~values.present(flows.schema, self.input) & pl.lit(where)
        written = assign.copy(flows, self.output, flows, self.input, where)
        written = values.put_null(written, self.output, pl.lit(assign.mask(flows, absent)))
        return assign.put_value(written, f"{self.output}_{suffix}", True, where)


class AddFieldIf(_Conditional, frozen=True, kw_only=True, tag="add_field_if"):
    """If `val <expression>` is true of `input`, write `assignee`, or the value, to `output`.

    `<output>_Evaluate` is then true. The language: `pipeline.predicate.expression`. A refused
    expression is a warning, and the rule has no effect. A flow stays as it is when the expression
    has an error for it or does not give a boolean.
    """

    assignee: str = ""

    def build(self, draw: pl.Expr) -> Step:
        holds = expression.holds(self.expression)
        if holds is None:
            return _unchanged

        def step(flows: pl.DataFrame) -> pl.DataFrame:
            where = assign.mask(flows, holds(of_field(flows.schema, self.input)))
            if not self.assignee:
                return self._write(flows, "Evaluate", where)
            flows = assign.put_value(flows, self.output, self.assignee, where)
            return assign.put_value(flows, f"{self.output}_Evaluate", True, where)

        return step


class AddRegexIf(_Conditional, frozen=True, kw_only=True, tag="add_regex_if"):
    """Copy `input` to `output` if the regex `expression` is found in its text (absent: `<nil>`).

    `<output>_Matched` is then true. A regex that is not valid is a warning, and the rule has no
    effect.
    """

    def check(self) -> Iterator[Problem]:
        if fault := regex.fault(self.expression):
            yield warning(("expression",), f"this rule has no effect: {fault}")

    def build(self, draw: pl.Expr) -> Step:
        if regex.fault(self.expression):
            return _unchanged

        def step(flows: pl.DataFrame) -> pl.DataFrame:
            text = values.text(flows.schema, self.input).fill_null("<nil>")
            matched = regex.search(text, self.expression)
            return self._write(flows, "Matched", assign.mask(flows, matched))

        return step


_FIELD = "labels"
"""The field that labels are collected for."""
_LABEL = values.HIDDEN + "label "


class AddLabel(Rule, frozen=True, kw_only=True, tag="add_label"):
    """Collect `input`=`value` for the field `labels`."""

    input: str
    value: Any = None

    def makes(self) -> Fields:
        return frozenset({_FIELD})

    def build(self, draw: pl.Expr) -> Step:
        text = gotext.text(gotext.doubles(self.value))
        return lambda flows: flows.with_columns(pl.lit(text).alias(_LABEL + self.input))


class AddLabelIf(_Conditional, frozen=True, kw_only=True, tag="add_label_if"):
    """Collect `output`=`assignee` for the field `labels` if `val <expression>` is true."""

    assignee: str = ""

    def makes(self) -> Fields:
        return frozenset({_FIELD})

    def build(self, draw: pl.Expr) -> Step:
        holds = expression.holds(self.expression)
        if holds is None:
            return _unchanged
        name = _LABEL + self.output

        def step(flows: pl.DataFrame) -> pl.DataFrame:
            where = assign.mask(flows, holds(of_field(flows.schema, self.input)))
            old = pl.col(name) if name in flows.columns else pl.lit(None, dtype=pl.String)
            return flows.with_columns(
                pl.when(pl.lit(where)).then(pl.lit(self.assignee)).otherwise(old).alias(name)
            )

        return step


def collect_labels(flows: pl.DataFrame, rules: Iterable[Rule]) -> pl.DataFrame:
    """Write the labels of the flow, in the order of the rules, into the field `labels`.

    A flow without labels keeps its field `labels`. (The order of the original is random.)
    """
    keys = [
        r.input if isinstance(r, AddLabel) else r.output for r in rules if isinstance(r, _LABELS)
    ]
    columns = [_LABEL + key for key in dict.fromkeys(keys) if _LABEL + key in flows.columns]
    if not columns:
        return flows
    pairs = [pl.format("{}={}", pl.lit(c.removeprefix(_LABEL)), pl.col(c)) for c in columns]
    some = pl.any_horizontal([pl.col(column).is_not_null() for column in columns])
    joined = pl.concat_str(pairs, separator=",", ignore_nulls=True).str.strip_chars_end(",")
    text = flows.select(pl.when(some).then(joined)).to_series()
    return values.put(flows.drop(columns), _FIELD, text)


_LABELS = (AddLabel, AddLabelIf)

AnyAdding = (
    RemoveField | AddField | AddFieldIfAbsent | AddFieldIf | AddRegexIf | AddLabel | AddLabelIf
)
