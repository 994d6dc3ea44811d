"""The six match types of a metric's filters.

Source: docs/reference/encode-prom.md#filter-types, docs/reference/flowmetric.md#match-types.
All of them compare texts. Filters of one field are alternatives; every field must pass.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from enum import StrEnum
from typing import Self

import msgspec
import polars as pl

from pipeline.diagnostics import Problem
from pipeline.flows import cidr, values
from pipeline.predicate import regex, template
from pipeline.stage import Fields, Step


class MatchType(StrEnum):
    """How a field is matched. The spelling of a custom resource (`NotEqual`) is accepted too."""

    EQUAL = "equal"
    NOT_EQUAL = "not_equal"
    PRESENCE = "presence"
    ABSENCE = "absence"
    MATCH_REGEX = "match_regex"
    NOT_MATCH_REGEX = "not_match_regex"

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        plain = str(value).replace("_", "").lower()
        return next((kind for kind in cls if kind.replace("_", "") == plain), None)


_EQUALITIES = {MatchType.EQUAL, MatchType.NOT_EQUAL}
_REGEXES = {MatchType.MATCH_REGEX, MatchType.NOT_MATCH_REGEX}
_NEGATIONS = {MatchType.NOT_EQUAL, MatchType.ABSENCE, MatchType.NOT_MATCH_REGEX}


class Match(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A condition on the text of one field.

    `equal` needs the field: with an empty value it does not pass a flow without the field. The
    three negations pass a flow without the field. `$(Field)` in the value of `equal` and
    `not_equal` is that field's text. Two forms of one address are equal. Regexes are searched,
    not anchored. An explicit null has no text but is present.
    """

    field: str
    value: str = ""
    type: MatchType = MatchType.EQUAL

    @property
    def fields(self) -> Fields:
        """The fields that the filter reads."""
        references = template.references(self.value) if self.type in _EQUALITIES else []
        return frozenset({self.field, *references})

    def check(self) -> Iterator[Problem]:
        """The problems of the filter; paths are relative to it."""
        if self.type in _REGEXES and (fault := regex.fault(self.value)):
            yield Problem(("value",), fault)

    def expr(self, schema: values.Schema, known: Callable[[str], bool] = lambda _: True) -> pl.Expr:
        """Boolean, never null. A reference to a field that is not `known` is an empty text."""
        if self.type in _EQUALITIES and template.references(self.value):
            passes = values.text(schema, self.field) == template.filled(self.value, schema, known)
        elif self.type in _EQUALITIES:
            passes = cidr.equals(values.text(schema, self.field), self.value)
        elif self.type in _REGEXES:
            passes = regex.search(values.text(schema, self.field), self.value)
        else:
            passes = values.present(schema, self.field)
        passes = passes.fill_null(value=False)
        return ~passes if self.type in _NEGATIONS else passes


def is_flattened(field: str, flattened: Collection[str]) -> bool:
    """Whether a field is flattened, or the field that it is a part of (`A>B` of `A`)."""
    return any(field == whole or field.startswith(f"{whole}>") for whole in flattened)


def grouped(matches: Sequence[Match]) -> list[list[Match]]:
    """The alternatives of each field, in order of first appearance."""
    groups: dict[str, list[Match]] = {}
    for match in matches:
        groups.setdefault(match.field, []).append(match)
    return list(groups.values())


def needs_origin(matches: Sequence[Match], flattened: Collection[str]) -> bool:
    """Whether `matching` must know which rows were one flow before flattening."""
    return any(_exclusive(group, flattened) for group in grouped(matches))


def _exclusive(group: Sequence[Match], flattened: Collection[str]) -> bool:
    return len(group) > 1 and is_flattened(group[0].field, flattened)


def matching(matches: Sequence[Match], flattened: Collection[str]) -> Step:
    """The rows that pass.

    On a flattened field, the first alternative that keeps any part of a flow is the only one that
    counts: SYN or FIN on [SYN, FIN] keeps SYN. Rows with the same `values.ORIGIN` are parts of one
    flow; without that column every row is a flow. The other conditions are applied first.
    """
    groups = grouped(matches)
    exclusive = [group for group in groups if _exclusive(group, flattened)]
    independent = [group for group in groups if not _exclusive(group, flattened)]

    def passes(match: Match, schema: values.Schema) -> pl.Expr:
        if is_flattened(match.field, flattened):
            return match.expr(schema, lambda name: is_flattened(name, flattened))
        return match.expr(schema)

    def run(flows: pl.DataFrame) -> pl.DataFrame:
        schema = flows.schema
        if independent:
            flows = flows.filter(
                pl.any_horizontal([passes(match, schema) for match in group])
                for group in independent
            )
        for group in exclusive:
            flows = _first_decides(flows, [passes(match, schema) for match in group])
        return flows

    return run


def _first_decides(flows: pl.DataFrame, passes: list[pl.Expr]) -> pl.DataFrame:
    names = [f"{values.HIDDEN}pass{i}" for i in range(len(passes))]
    tried = flows.with_columns(expr.alias(name) for name, expr in zip(names, passes, strict=True))
    keeps = pl.lit(False)
    for name in reversed(names):
        passed = pl.col(name)
        decides = passed.any().over(values.ORIGIN) if values.ORIGIN in flows.columns else passed
        keeps = pl.when(decides).then(passed).otherwise(keeps)
    return tried.filter(keeps).drop(names)
