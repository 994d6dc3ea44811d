"""extract.conntrack, aggregates and timebased as native stages.

Source: docs/reference/flowlogs-pipeline.md#extract-stages.
"""

from __future__ import annotations

from typing import Any

from pipeline.config.flp.dialect_common import GoDuration
from pipeline.config.flp.dialect_extract import Conntrack, Extract, SchedulingGroup
from pipeline.config.flp.parts import Native, Parts, filled
from pipeline.diagnostics import ConfigPath, Problem, warning
from pipeline.stage.duration import from_go

_TIMES = {
    "end": "endConnectionTimeout",
    "terminate": "terminatingTimeout",
    "heartbeat": "heartbeatInterval",
}


def conntrack(extract: Extract, at: ConfigPath) -> Parts:
    """extract.conntrack: the same groups, outputs and times under native names."""
    block, at = extract.conntrack, (*at, "conntrack")
    scheduling = []
    for index, group in enumerate(block.scheduling):
        native = _scheduling(group, (*at, "scheduling", index))
        yield from (part for part in native if isinstance(part, Problem))
        scheduling += [part for part in native if isinstance(part, dict)]
    yield from _twice(block, at)
    flags, hashed = block.tcp_flags, block.key_definition.hash
    fields = {
        "groups": {group.name: group.fields for group in block.key_definition.field_groups},
        "keys": filled(
            groups=hashed.field_group_refs, a=hashed.field_group_a, b=hashed.field_group_b
        ),
        "records": block.output_record_types,
        "outputs": [
            {"name": one.name, "operation": one.operation}
            | filled(split=one.split_ab, input=one.input, report_missing=one.report_missing)
            for one in block.output_fields
        ],
        "scheduling": scheduling,
        **filled(
            max_connections=block.max_connections_tracked,
            tcp_flags=filled(
                field=flags.field_name, detect_end=flags.detect_end_connection, swap=flags.swap_ab
            ),
        ),
    }
    yield Native("conntrack", fields, _origins(block, at))


def aggregates(extract: Extract, at: ConfigPath) -> Parts:
    """extract.aggregates; `defaultExpiryTime` has no effect in the original either."""
    at = (*at, "aggregates")
    if extract.aggregates.default_expiry_time is not None:
        yield warning((*at, "defaultExpiryTime"), "this has no effect", "use expiryTime of a rule")
    rules: list[dict[str, Any]] = []
    origins: dict[ConfigPath, ConfigPath] = {(): at, ("rules",): (*at, "rules")}
    for index, rule in enumerate(extract.aggregates.rules):
        here = (*at, "rules", index)
        try:
            expiry = _seconds(rule.expiry_time)
        except ValueError as error:
            yield Problem((*here, "expiryTime"), str(error))
            expiry = 0.0
        native = {"name": rule.name, "by": rule.group_by_keys, "operation": rule.operation_type}
        rules.append(native | filled(value=rule.operation_key, expiry=expiry))
        origins |= _rule_origins(index, here, by="groupByKeys")
    yield Native("aggregates", {"rules": rules}, origins)


def timebased(extract: Extract, at: ConfigPath) -> Parts:
    """extract.timebased: the same rules under native names."""
    at = (*at, "timebased")
    rules: list[dict[str, Any]] = []
    origins: dict[ConfigPath, ConfigPath] = {(): at, ("rules",): (*at, "rules")}
    for index, rule in enumerate(extract.timebased.rules):
        here = (*at, "rules", index)
        try:
            window = _seconds(rule.time_interval)
        except ValueError as error:
            yield Problem((*here, "timeInterval"), str(error))
            window = 0.0
        by = rule.index_keys or ([rule.index_key] if rule.index_key else [])
        native = {"name": rule.name, "by": by, "operation": rule.operation_type, "window": window}
        more = filled(value=rule.operation_key, top=rule.top_k, reversed=rule.reversed)
        rules.append(native | more)
        origins |= _rule_origins(index, here, by="indexKeys" if rule.index_keys else "indexKey")
        origins["rules", index, "top"] = (*here, "topK")
    yield Native("timebased", {"rules": rules}, origins)


def _rule_origins(index: int, at: ConfigPath, *, by: str) -> dict[ConfigPath, ConfigPath]:
    return {
        ("rules", index): at,
        ("rules", index, "name"): (*at, "name"),
        ("rules", index, "by"): (*at, by),
        ("rules", index, "operation"): (*at, "operationType"),
        ("rules", index, "value"): (*at, "operationKey"),
    }


def _twice(block: Conntrack, at: ConfigPath) -> Parts:
    seen: set[str] = set()
    for index, group in enumerate(block.key_definition.field_groups):
        if group.name in seen:
            path = (*at, "keyDefinition", "fieldGroups", index, "name")
            yield Problem(path, f'the field group "{group.name}" is given twice')
        seen.add(group.name)


def _scheduling(group: SchedulingGroup, at: ConfigPath) -> list[dict[str, Any] | Problem]:
    """A native group, and what is wrong with its times; a time that is not given is 0."""
    times = {
        "end": group.end_connection_timeout,
        "terminate": group.terminating_timeout,
        "heartbeat": group.heartbeat_interval,
    }
    found: list[dict[str, Any] | Problem] = []
    native: dict[str, Any] = {}
    for name, value in times.items():
        try:
            native[name] = _seconds(value)
        except ValueError as error:
            found.append(Problem((*at, _TIMES[name]), str(error)))
    selector = {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in group.selector.items()
    }
    return [*found, {**native, **filled(selector=selector)}]


def _seconds(value: GoDuration | None) -> float:
    return max(0.0, from_go(value)) if value is not None else 0.0


def _origins(block: Conntrack, at: ConfigPath) -> dict[ConfigPath, ConfigPath]:
    keys = (*at, "keyDefinition")
    origins: dict[ConfigPath, ConfigPath] = {
        (): at,
        ("groups",): (*keys, "fieldGroups"),
        ("keys",): (*keys, "hash"),
        ("keys", "groups"): (*keys, "hash", "fieldGroupRefs"),
        ("keys", "a"): (*keys, "hash", "fieldGroupARef"),
        ("keys", "b"): (*keys, "hash", "fieldGroupBRef"),
        ("records",): (*at, "outputRecordTypes"),
        ("max_connections",): (*at, "maxConnectionsTracked"),
        ("tcp_flags",): (*at, "tcpFlags"),
        ("tcp_flags", "swap"): (*at, "tcpFlags", "swapAB"),
    }
    for index, _ in enumerate(block.key_definition.hash.field_group_refs):
        origins["keys", "groups", index] = (*keys, "hash", "fieldGroupRefs", index)
    for index, _ in enumerate(block.output_record_types):
        origins["records", index] = (*at, "outputRecordTypes", index)
    for index, _ in enumerate(block.output_fields):
        output = (*at, "outputFields", index)
        origins["outputs", index] = output
        origins |= {("outputs", index, name): (*output, name) for name in ("name", "operation")}
        origins["outputs", index, "split"] = (*output, "splitAB")
    for index, group in enumerate(block.scheduling):
        origins["scheduling", index] = (*at, "scheduling", index)
        for name in group.selector:
            origin = (*at, "scheduling", index, "selector", name)
            origins["scheduling", index, "selector", name] = origin
    return origins
