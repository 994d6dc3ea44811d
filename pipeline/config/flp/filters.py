"""transform.filter: each rule becomes a native rule.

Source: docs/reference/transforms.md#filter-rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipeline.config.flp.dialect_transform import (
    ConditionRule,
    FilterRule,
    RemoveRule,
    Transform,
    ValueRule,
)
from pipeline.config.flp.parts import Native, Parts, filled, unknown
from pipeline.diagnostics import ConfigPath, Problem

Rule = dict[str, Any]
Origins = dict[ConfigPath, ConfigPath]

_VALUED = ("remove_entry_if_equal", "remove_entry_if_not_equal")
_REMOVALS = ["remove_entry_if_exists", "remove_entry_if_doesnt_exist", *_VALUED]
_LISTS = {
    "remove_entry_all_satisfied": "removeEntryAllSatisfied",
    "conditional_sampling": "conditionalSampling",
    "keep_entry_query": "keepEntryQuery",
}
"""Rule types whose block is optional, with its name: an empty query or an empty list."""


def filter_rules(transform: Transform, at: ConfigPath) -> Parts:
    """The rules in order; the native stage applies every keep_entry_query first, too."""
    block, at = transform.filter, (*at, "filter")
    rules: list[Rule] = []
    origins: Origins = {(): at, ("sampling_field",): (*at, "samplingField")}
    for index, rule in enumerate(block.rules):
        here = (*at, "rules", index)
        problems = list(_problems(rule, here))
        yield from problems
        if problems:
            continue
        for native, written in _origins(rule).items():
            origins["rules", len(rules), *native] = (*here, *written)
        rules.append(_translated(rule))
    yield Native("rules", {"rules": rules, **filled(sampling_field=block.sampling_field)}, origins)


def _blocks(rule: FilterRule) -> dict[str, tuple[str, ValueRule | ConditionRule | None]]:
    """For each rule type, the name of the block it needs, and the block."""
    removal = ("removeEntry", rule.remove_entry)
    return {
        **dict.fromkeys(_REMOVALS, removal),
        "remove_field": ("removeField", rule.remove_field),
        "add_field": ("addField", rule.add_field),
        "add_field_if_doesnt_exist": ("addFieldIfDoesntExist", rule.add_field_if_doesnt_exist),
        "add_field_if": ("addFieldIf", rule.add_field_if),
        "add_regex_if": ("addRegexIf", rule.add_regex_if),
        "add_label": ("addLabel", rule.add_label),
        "add_label_if": ("addLabelIf", rule.add_label_if),
    }


def _problems(rule: FilterRule, at: ConfigPath) -> Iterator[Problem]:
    blocks = _blocks(rule)
    if rule.type in blocks:
        name, block = blocks[rule.type]
        if block is None:
            yield Problem(at, f'the rule {rule.type} needs "{name}"')
    elif rule.type not in _LISTS:
        yield unknown("rule type", rule.type, [*blocks, *_LISTS], (*at, "type"))
    if rule.type == "remove_entry_all_satisfied":
        yield from _removal_problems(rule.remove_entry_all_satisfied, (*at, _LISTS[rule.type]))
    if rule.type == "conditional_sampling":
        for index, sample in enumerate(rule.conditional_sampling):
            yield from _removal_problems(sample.rules, (*at, _LISTS[rule.type], index, "rules"))


def _removal_problems(rules: list[RemoveRule], at: ConfigPath) -> Iterator[Problem]:
    for index, rule in enumerate(rules):
        if rule.type not in _REMOVALS:
            yield unknown("rule type", rule.type, _REMOVALS, (*at, index, "type"))
        elif rule.remove_entry is None:
            yield Problem((*at, index), f'the rule {rule.type} needs "removeEntry"')


def _translated(rule: FilterRule) -> Rule:
    """The native form of a rule that has no problems."""
    if rule.type == "keep_entry_query":
        sampling = filled(sampling=rule.keep_entry_sampling)
        return {"type": rule.type, "query": rule.keep_entry_query, **sampling}
    if rule.type == "remove_entry_all_satisfied":
        return {"type": rule.type, "rules": _removals(rule.remove_entry_all_satisfied)}
    if rule.type == "conditional_sampling":
        samples = [
            {"value": sample.value, "rules": _removals(sample.rules)}
            for sample in rule.conditional_sampling
        ]
        return {"type": rule.type, "samples": samples}
    _, block = _blocks(rule)[rule.type]
    return (
        _conditional(rule.type, block)
        if isinstance(block, ConditionRule)
        else _valued(rule.type, block)
    )


def _removals(rules: list[RemoveRule]) -> list[Rule]:
    return [_valued(rule.type, rule.remove_entry) for rule in rules]


def _valued(kind: str, block: ValueRule | None) -> Rule:
    block = block or ValueRule()
    rule: Rule = {"type": kind, "input": block.input}
    if kind in _VALUED or kind.startswith("add_"):
        rule["value"] = block.value
    return rule | (filled(cast_int=block.cast_int) if kind in _VALUED else {})


def _conditional(kind: str, block: ConditionRule) -> Rule:
    rule: Rule = {
        "type": kind,
        "input": block.input,
        "output": block.output,
        "expression": block.parameters,
    }
    return rule | (filled(assignee=block.assignee) if kind != "add_regex_if" else {})


def _origins(rule: FilterRule) -> Origins:
    """Maps paths below the native rule to paths below the rule as written."""
    if rule.type in _LISTS:
        name = _LISTS[rule.type]
        return {
            (): (),
            ("query",): (name,),
            ("sampling",): ("keepEntrySampling",),
            ("rules",): (name,),
            ("samples",): (name,),
        }
    name, _ = _blocks(rule)[rule.type]
    return {(): (name,), ("type",): ("type",), ("expression",): (name, "parameters")}
