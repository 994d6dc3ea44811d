"""The `transform` block of flowlogs-pipeline, as its configuration files write it.

Source: docs/reference/flowlogs-pipeline.md#stage-types. Structures alone, as in
`pipeline.config.flp.dialect`.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from pipeline.config.flp.dialect_common import Block


class KubernetesRule(Struct, frozen=True):
    """add_kubernetes: the end of a flow to look up and the names of the fields to write."""

    ip_field: str = field(name="ipField", default="")
    mac_field: str = field(name="macField", default="")
    interfaces_field: str = field(name="interfacesField", default="")
    udns_field: str = field(name="udnsField", default="")
    output: str = ""
    assignee: str = ""
    add_zone: bool = False
    labels_prefix: str = ""
    label_inclusions: list[str] = []
    label_exclusions: list[str] = []
    label_value_max_length: int | None = None
    annotations_prefix: str = ""
    annotation_inclusions: list[str] = []
    annotation_exclusions: list[str] = []
    annotation_value_max_length: int | None = None


class Reference(Struct, frozen=True):
    """A namespace and a name: of fields, or of an object."""

    namespace: str = ""
    name: str = ""


class InfraRule(Struct, frozen=True):
    """add_kubernetes_infra: the ends that are looked at, and the objects of the infrastructure."""

    pairs: list[Reference] = field(name="namespaceNameFields", default_factory=list)
    output: str = ""
    infra_prefixes: list[str] = []
    infra_refs: list[Reference] = []


class FieldRule(Struct, frozen=True):
    """decode_tcp_flags and add_subnet_label."""

    input: str = ""
    output: str = ""


class SubnetRule(FieldRule, frozen=True):
    """add_subnet: the mask is text like `/24`."""

    subnet_mask: str = ""


class LocationRule(FieldRule, frozen=True):
    """add_location: the database of places is a zip file of a BIN file, or that itself."""

    file_path: str = ""


class ServiceRule(FieldRule, frozen=True):
    """add_service: `input` holds the port."""

    protocol: str = ""


class NetworkRule(Struct, frozen=True):
    """One rule of transform.network: its type, and the block of the same name."""

    type: str = ""
    kubernetes: KubernetesRule | None = None
    kubernetes_infra: InfraRule | None = None
    decode_tcp_flags: FieldRule | None = None
    add_subnet_label: FieldRule | None = None
    add_subnet: SubnetRule | None = None
    add_service: ServiceRule | None = None
    add_location: LocationRule | None = None
    add_asn_label: FieldRule | None = None


class SecondaryNetwork(Struct, frozen=True):
    """A secondary network and the parts of its index: some of mac, ip, interface, udn."""

    name: str = ""
    index: Block = {}


class KubeConfig(Struct, frozen=True, rename="camel"):
    """The source of Kubernetes objects and the tracked kinds of owners."""

    config_path: str = ""
    secondary_networks: list[SecondaryNetwork] = []
    managed_cni: list[str] = field(name="managedCNI", default_factory=list)
    tracked_kinds: list[str] = []


class SubnetLabel(Struct, frozen=True):
    """A label and its ranges."""

    name: str = ""
    cidrs: list[str] = []


class DirectionInfo(Struct, frozen=True):
    """The fields reinterpret_direction works on."""

    reporter: str = field(name="reporterIPField", default="")
    src_host: str = field(name="srcHostField", default="")
    dst_host: str = field(name="dstHostField", default="")
    flow_direction: str = field(name="flowDirectionField", default="")
    if_direction: str = field(name="ifDirectionField", default="")


class Network(Struct, frozen=True, rename="camel"):
    """transform.network (docs/reference/transforms.md#network)."""

    rules: list[NetworkRule] = []
    kube_config: KubeConfig = KubeConfig()
    services_file: str = ""
    protocols_file: str = ""
    subnet_labels: list[SubnetLabel] = []
    direction_info: DirectionInfo = DirectionInfo()


class GenericRule(FieldRule, frozen=True):
    """A rule of transform.generic; multiplier 0 copies the value."""

    multiplier: int = 0


class Generic(Struct, frozen=True):
    """transform.generic (docs/reference/transforms.md#generic)."""

    policy: str = ""
    rules: list[GenericRule] = []


class ValueRule(Struct, frozen=True, rename="camel"):
    """A field and a value of any JSON type."""

    input: str = ""
    value: Any = None
    cast_int: bool = False


class ConditionRule(FieldRule, frozen=True):
    """A field, a condition on it and the text to write when it holds."""

    parameters: str = ""
    assignee: str = ""


class RemoveRule(Struct, frozen=True, rename="camel"):
    """One remove_entry rule within a list of them."""

    type: str = ""
    remove_entry: ValueRule | None = None


class Sampling(Struct, frozen=True):
    """An entry of conditional_sampling: 1 flow in `value` is kept (0: every flow)."""

    value: int = 0
    rules: list[RemoveRule] = []


class FilterRule(Struct, frozen=True, rename="camel"):
    """One rule of transform.filter: its type, and the block that belongs to the type."""

    type: str = ""
    remove_field: ValueRule | None = None
    remove_entry: ValueRule | None = None
    remove_entry_all_satisfied: list[RemoveRule] = []
    conditional_sampling: list[Sampling] = []
    keep_entry_query: str = ""
    keep_entry_sampling: int = 0
    add_field: ValueRule | None = None
    add_field_if_doesnt_exist: ValueRule | None = None
    add_field_if: ConditionRule | None = None
    add_regex_if: ConditionRule | None = None
    add_label: ValueRule | None = None
    add_label_if: ConditionRule | None = None


class Filter(Struct, frozen=True, rename="camel"):
    """transform.filter (docs/reference/transforms.md#filter)."""

    rules: list[FilterRule] = []
    sampling_field: str = ""


class Transform(Struct, frozen=True):
    """`transform` of a parameter."""

    type: str = ""
    generic: Generic = Generic()
    filter: Filter = Filter()
    network: Network = Network()
