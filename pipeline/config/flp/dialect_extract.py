"""The `extract` block of flowlogs-pipeline: names, types and defaults alone.

Source: docs/reference/flowlogs-pipeline.md#stage-types.
"""

from __future__ import annotations

from msgspec import Struct, field

from pipeline.config.flp.dialect_common import Block, GoDuration


class FieldGroup(Struct, frozen=True):
    """A group of key fields of conntrack."""

    name: str = ""
    fields: list[str] = []


class ConnHash(Struct, frozen=True, rename="camel"):
    """The groups that make the hash."""

    field_group_refs: list[str] = []
    field_group_a: str = field(name="fieldGroupARef", default="")
    field_group_b: str = field(name="fieldGroupBRef", default="")


class KeyDefinition(Struct, frozen=True, rename="camel"):
    """What identifies a connection."""

    field_groups: list[FieldGroup] = []
    hash: ConnHash = ConnHash()


class OutputField(Struct, frozen=True, rename="camel"):
    """A field of the records of connections."""

    name: str = ""
    operation: str = ""
    split_ab: bool = field(name="splitAB", default=False)
    input: str = ""
    report_missing: bool = False


class SchedulingGroup(Struct, frozen=True, rename="camel"):
    """When connections of a group end and are reported; keys of `selector` keep their case."""

    selector: Block = {}
    end_connection_timeout: GoDuration | None = None
    terminating_timeout: GoDuration | None = None
    heartbeat_interval: GoDuration | None = None


class TcpFlags(Struct, frozen=True, rename="camel"):
    """What conntrack does with TCP flags."""

    field_name: str = ""
    detect_end_connection: bool = False
    swap_ab: bool = field(name="swapAB", default=False)


class Conntrack(Struct, frozen=True, rename="camel"):
    """extract.conntrack (docs/reference/flowlogs-pipeline.md#conntrack)."""

    key_definition: KeyDefinition = KeyDefinition()
    output_record_types: list[str] = []
    output_fields: list[OutputField] = []
    scheduling: list[SchedulingGroup] = []
    max_connections_tracked: int = 0
    tcp_flags: TcpFlags = TcpFlags()


class AggregateRule(Struct, frozen=True, rename="camel"):
    """A rule of aggregates."""

    name: str = ""
    group_by_keys: list[str] = []
    operation_type: str = ""
    operation_key: str = ""
    expiry_time: GoDuration | None = None


class Aggregates(Struct, frozen=True, rename="camel"):
    """extract.aggregates (docs/reference/flowlogs-pipeline.md#aggregates)."""

    default_expiry_time: GoDuration | None = None
    rules: list[AggregateRule] = []


class TimebasedRule(Struct, frozen=True, rename="camel"):
    """A rule of timebased; `indexKey` is the older form of `indexKeys`."""

    name: str = ""
    index_keys: list[str] = []
    index_key: str = ""
    operation_type: str = ""
    operation_key: str = ""
    top_k: int = field(name="topK", default=0)
    reversed: bool = False
    time_interval: GoDuration | None = None


class Timebased(Struct, frozen=True):
    """extract.timebased (docs/reference/flowlogs-pipeline.md#timebased)."""

    rules: list[TimebasedRule] = []


class Extract(Struct, frozen=True):
    """`extract` of a parameter."""

    type: str = ""
    aggregates: Aggregates = Aggregates()
    conntrack: Conntrack = Conntrack()
    timebased: Timebased = Timebased()
