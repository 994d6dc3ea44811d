"""What a `conntrack` stage is configured with."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from pipeline.diagnostics import Problem, nearest
from pipeline.stage.duration import Duration

_Name = Annotated[str, Meta(min_length=1)]


class RecordType(StrEnum):
    """What a record says: a connection was seen first, goes on, or has ended; or a flow."""

    NEW = "newConnection"
    FLOW = "flowLog"
    HEARTBEAT = "heartbeat"
    END = "endConnection"


class Operation(StrEnum):
    """How the flows of a connection make one value."""

    SUM = "sum"
    COUNT = "count"
    MIN = "min"
    MAX = "max"
    FIRST = "first"
    LAST = "last"


class Keys(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The groups of fields, by name, that make the hash: `groups` in order, then `a` and `b`.

    Of `a` and `b` the lower hash comes first, so that both directions are one connection.
    """

    groups: list[str] = []
    a: str = ""
    b: str = ""


class Output(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A field of the records: `operation` over the field `input` (or `name`) of the flows.

    With `split` there is one for each direction, `_AB` and `_BA`. A flow without the input counts
    as 0; with `report_missing` it is left out, and counted in `conntrack_aggregator_errors`.
    """

    name: _Name
    operation: Operation
    split: bool = False
    input: str = ""
    report_missing: bool = False


class Schedule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When connections whose key fields have the values of `selector` end and are reported.

    `end` after their last flow, or `terminate` after the first flow with FIN.
    """

    selector: dict[str, str | float] = {}
    end: Duration = "10s"
    terminate: Duration = "5s"
    heartbeat: Duration = "30s"


class Flags(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What TCP flags say: `field` holds their bits (use `tcp_flags` behind this stage).

    `detect_end`: a flow with FIN begins the end. `swap`: of a connection whose first flow has
    SYN_ACK, the source is the server, so A and B are exchanged.
    """

    field: str = ""
    detect_end: bool = False
    swap: bool = False


def key_problems(groups: dict[str, list[str]], keys: Keys) -> Iterator[Problem]:
    """What is wrong with the groups that make the hash."""
    for index, name in enumerate(keys.groups):
        yield from _known(name, groups, ("keys", "groups", index))
    for end in ("a", "b"):
        if name := getattr(keys, end):
            yield from _known(name, groups, ("keys", end))
    if bool(keys.a) != bool(keys.b):
        missing = "b" if keys.a else "a"
        yield Problem(("keys",), f'"a" and "b" go together: "{missing}" is missing')
    elif keys.a in groups and keys.b in groups and len(groups[keys.a]) != len(groups[keys.b]):
        yield Problem(("keys", "b"), f'"{keys.a}" and "{keys.b}" have different numbers of fields')
    if not keys.groups and not keys.a:
        yield Problem(("keys",), "no group makes the hash: all flows would be one connection")


def output_problems(outputs: list[Output], *, directed: bool) -> Iterator[Problem]:
    """What is wrong with the fields of records."""
    seen: set[str] = set()
    for index, output in enumerate(outputs):
        at = ("outputs", index)
        split = [f"{output.name}_AB", f"{output.name}_BA"] if output.split else [output.name]
        for name in split:
            if name in seen:
                yield Problem((*at, "name"), f'the output "{name}" is given twice')
            seen.add(name)
        if output.split and not directed:
            yield Problem((*at, "split"), 'to split, the keys need "a" and "b"')
        if output.split and output.operation in {Operation.FIRST, Operation.LAST}:
            yield Problem((*at, "split"), f'"{output.operation}" cannot be split')


def schedule_problems(scheduling: list[Schedule], key_fields: list[str]) -> Iterator[Problem]:
    """What is wrong with the scheduling groups."""
    for index, group in enumerate(scheduling):
        for name in group.selector:
            if name not in key_fields:
                hint = nearest(name, key_fields) or f"one of {', '.join(key_fields)}"
                message = f'"{name}" is not a key field'
                yield Problem(("scheduling", index, "selector", name), message, hint)
        last = index == len(scheduling) - 1
        if not group.selector and not last:
            yield Problem(("scheduling", index), "a group without selector must be the last one")
        if group.selector and last:
            yield Problem(("scheduling", index), "the last group must not have a selector")
    if not scheduling:
        yield Problem(("scheduling",), "there must be a group without selector")


def _known(name: str, groups: dict[str, list[str]], at: tuple[str | int, ...]) -> Iterator[Problem]:
    if name not in groups:
        yield Problem(at, f'there is no group "{name}"', nearest(name, groups))
