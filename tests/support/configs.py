"""Whole configurations that hypothesis makes from the schemas of both dialects.

Values are of the type that the schema says, from words of their kind; about one in a hundred is
nearly right, or not at all. What takes a broker, a cluster, a server or a database is left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import strategies as st

from pipeline.config.flp.dialect import Root

_NATIVE: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "configs" / "schema.json").read_text()
)["$defs"]
_DIALECT: dict[str, Any] = msgspec.json.schema(Root)["$defs"]

FILES = {
    "kube.yaml": (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\n"
        "spec: {nodeName: n}\nstatus: {podIP: 10.0.0.1, hostIP: 10.9.0.1, phase: Running}\n"
    ),
    "services": "https 443/tcp\n",
    "protocols": "tcp 6 TCP\n",
}
"""What configurations name, by the name of the file."""

_FIELDS = ["Bytes", "SrcAddr", "DstAddr", "DstPort", "Proto", "Flags", "Interfaces", "Out", "a.b"]
_FIELDS += ["SrcK8S_Name", "TimeFlowEndMs", "NetworkEvents", "NetworkEvents>Type", "labels"]
_WORDS: dict[str, list[str]] = {
    "name": ["one", "two", "three", "Bytes", "a_total"],
    "prefix": ["", "p_", "q:"],
    "query": ["Proto = 6", "with(Bytes) and SrcAddr =~ `^1`", 'SrcAddr in "10.0.0.0/8"'],
    "keepEntryQuery": ["Proto = 6", "without(Bytes) or Bytes > 100"],
    "expression": ["> 5", "== 'a'", "!= 0", "1", "(", "=~ '^1'"],
    "parameters": ["> 5", "== 'a'", "^1", "(", "> 'x'"],
    "value": ["1", "6", "^1", "(", "$(SrcAddr)", "a", ""],
    "cidr": ["10.0.0.0/8", "fd00::/8"],
    "cidrs": ["10.0.0.0/8", "10.0.0.1/32", "fd00::/8"],
    "subnet_mask": ["/24", "/0", "/64"],
    "mask": ["/24", "/0", "/64"],
    "inventory": ["kube.yaml"],
    "configPath": ["kube.yaml"],
    "services": ["services"],
    "protocols": ["protocols"],
    "services_file": ["services"],
    "protocols_file": ["protocols"],
    "expiry": ["1m"],
    "servicesFile": ["services"],
    "protocolsFile": ["protocols"],
    "operation": ["sum", "min", "max", "avg", "count", "last", "first", "diff", "raw_values"],
    "operationType": ["sum", "min", "max", "avg", "count", "last", "diff", "raw_values"],
    "outputRecordTypes": ["newConnection", "flowLog", "endConnection", "heartbeat"],
    "format": ["json", "printf", "fields", ""],
    "policy": ["replace_keys", "preserve_original_keys"],
    "groups": ["g"],
    "a": ["", "src"],
    "b": ["", "dst"],
    "fieldGroupRefs": ["g"],
    "fieldGroupARef": ["", "src"],
    "fieldGroupBRef": ["", "dst"],
    "assignee": ["", "otel", "yes"],
    "expiryTime": ["1m", "0s", "2h"],
    "timeInterval": ["1m", "10s", "0s"],
    "multiplier": ["2"],
    "protocol": ["Proto"],
    "help": ["", "What it is."],
}
_DURATIONS = st.sampled_from(["10s", "1h", "1m30s", "0s", "500ms"])
_ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, -1, 1.5, 10**30, "", "x", "(", "-1s", [], {}, [None], ["x", "x"], {"a": 1}]
)
_TYPES = {
    "Metric": ["counter", "gauge", "histogram", "agg_histogram"],
    "MetricFilter": ["equal", "not_equal", "presence", "absence", "match_regex", ""],
}
_RULES = {
    "remove_field": "removeField",
    "remove_entry_if_exists": "removeEntry",
    "remove_entry_if_doesnt_exist": "removeEntry",
    "remove_entry_if_equal": "removeEntry",
    "remove_entry_if_not_equal": "removeEntry",
    "add_field": "addField",
    "add_field_if_doesnt_exist": "addFieldIfDoesntExist",
    "add_field_if": "addFieldIf",
    "add_regex_if": "addRegexIf",
    "add_label": "addLabel",
    "add_label_if": "addLabelIf",
    "remove_entry_all_satisfied": "removeEntryAllSatisfied",
    "keep_entry_query": "keepEntryQuery",
    "conditional_sampling": "conditionalSampling",
}
_BLOCKS: dict[str, dict[str, str]] = {
    "FilterRule": _RULES,
    "RemoveRule": {name: block for name, block in _RULES.items() if block == "removeEntry"},
    "NetworkRule": {
        "add_subnet": "add_subnet",
        "add_subnet_label": "add_subnet_label",
        "add_service": "add_service",
        "decode_tcp_flags": "decode_tcp_flags",
        "add_kubernetes": "kubernetes",
        "add_kubernetes_infra": "kubernetes_infra",
        "reinterpret_direction": "",
    },
}
_GROUPS = {"g": ["Proto"], "src": ["SrcAddr", "SrcPort"], "dst": ["DstAddr", "DstPort"]}
_SCHEDULING = [{"selector": {"Proto": 6}}, {}]
_GIVEN: dict[tuple[str, str], Any] = {
    ("Conntrack", "groups"): _GROUPS,
    ("Conntrack", "keys"): {"groups": ["g"], "a": "src", "b": "dst"},
    ("Conntrack", "scheduling"): _SCHEDULING,
    ("KeyDefinition", "hash"): {
        "fieldGroupRefs": ["g"],
        "fieldGroupARef": "src",
        "fieldGroupBRef": "dst",
    },
    ("KeyDefinition", "fieldGroups"): [
        {"name": name, "fields": fields} for name, fields in _GROUPS.items()
    ],
}
_LEFT_OUT = {"cluster", "kubeconfig", "address", "port", "tls", "folder", "start"}
_LEFT_OUT |= {"managedCNI", "autodetect"}


class _Made:
    """Values of the definitions of one schema."""

    def __init__(self, definitions: Mapping[str, Any], draw: st.DrawFn) -> None:
        self._definitions = definitions
        self._draw = draw

    def rarely(self, most: int = 100) -> bool:
        return self._draw(st.integers(0, most)) == most // 2  # the ends are drawn more often

    def object(self, name: str) -> dict[str, Any]:
        """An object of this definition."""
        schema = self._definitions[name]
        required, made = schema.get("required", []), dict[str, Any]()
        for key, below in schema["properties"].items():
            wanted = key in required or (name, key) in _GIVEN or self._draw(st.integers(0, 2)) == 0
            if key in _LEFT_OUT or not wanted or (key in required and self.rarely()):
                continue
            given = _GIVEN.get((name, key))
            made[key] = self.value(below, key) if given is None or self.rarely(10) else given
        return self._typed(name, made)

    def _typed(self, name: str, made: dict[str, Any]) -> dict[str, Any]:
        """The object with a type that fits the rest of it."""
        if name in _TYPES:
            made["type"] = self._draw(st.sampled_from(_TYPES[name]))
        if name in _BLOCKS:
            kind, block = self._draw(st.sampled_from(sorted(_BLOCKS[name].items())))
            properties = self._definitions[name]["properties"]
            made = {"type": kind}
            if block in properties:
                made[block] = self.value(properties[block], block)
        return made

    def value(self, schema: Mapping[str, Any], key: str) -> Any:
        """A value of a schema, which is that of this key."""
        if self.rarely():
            return self._draw(_ODD)
        if "$ref" in schema:
            name = schema["$ref"].removeprefix("#/$defs/")
            below = self._definitions[name]
            return self.object(name) if "properties" in below else self.value(below, key)
        if "enum" in schema:
            return self._draw(st.sampled_from(schema["enum"]))
        if "const" in schema:
            return schema["const"]
        if "anyOf" in schema:
            some = [one for one in schema["anyOf"] if one.get("type") != "null"]
            some = [one for one in some if not one.get("pattern", "").startswith(r"^\$")]
            return self.value(self._draw(st.sampled_from(some)), key)
        return self._plain(schema, key)

    def _plain(self, schema: Mapping[str, Any], key: str) -> Any:
        kind = schema.get("type")
        if kind == "array":
            number = 0 if self.rarely() else self._draw(st.integers(1, 3))
            items: list[Any] = [self.value(schema.get("items", {}), key) for _ in range(number)]
            return items
        if kind == "object":
            below = schema.get("additionalProperties", {})
            keys = self._draw(st.lists(st.sampled_from(_FIELDS[:6]), max_size=2, unique=True))
            return {name: self.value(below or {}, key) for name in keys}
        if kind == "boolean":
            return self._draw(st.booleans())
        if kind in {"integer", "number"}:
            return self._draw(st.integers(int(schema.get("minimum", 0)), 3))
        if "ns|us" in schema.get("pattern", ""):
            return self._draw(_DURATIONS)
        return self._draw(st.sampled_from(_WORDS.get(key, _FIELDS)))


_TRANSFORMS = ["Rules", "Filter", "Generic", "Remap", "Flatten", "Subnet", "SubnetLabel"]
_TRANSFORMS += ["ServiceName", "TcpFlags", "Direction", "FlowLayer", "Kubernetes", "PassThrough"]
_TRANSFORMS += ["Conntrack", "Aggregates", "Timebased"]
_ENDS = ["EncodePrometheus", "WriteStdout", "Discard", "EncodeMatrix"]


@st.composite
def native(draw: st.DrawFn) -> str:
    """A native configuration as text."""
    made = _Made(_NATIVE, draw)
    stages: list[dict[str, Any]] = [{"name": "in", "type": "ingest_stdin"}]

    def add(name: str, definition: str, before: list[str]) -> None:
        follows = draw(st.lists(st.sampled_from(before), min_size=1, max_size=2, unique=True))
        named = "in" if made.rarely(60) else name
        kind = _NATIVE[definition]["properties"]["type"]["enum"][0]
        stage = made.object(definition) | {"type": kind, "name": named}
        stages.append(stage | {"follows": ["none"] if made.rarely(60) else follows})

    _line(draw, add, _TRANSFORMS, _ENDS)
    followed = {name for stage in stages for name in stage.get("follows", ())}
    loose = [s["name"] for s in stages if s["name"] not in followed and not _final(s["type"])]
    if loose and not made.rarely(20):
        stages.append({"name": "rest", "type": "discard", "follows": list(dict.fromkeys(loose))})
    return json.dumps({"stages": draw(st.permutations(stages))})


def _line(draw: st.DrawFn, add: Any, transforms: list[str], ends: list[str]) -> None:
    names = ["in"]
    for index in range(draw(st.integers(0, 4))):
        add(f"s{index}", draw(st.sampled_from(transforms)), names)
        names.append(f"s{index}")
    for index in range(draw(st.integers(1, 3))):
        add(f"e{index}", draw(st.sampled_from(ends)), names)


def _final(kind: str) -> bool:
    return kind.startswith(("encode", "write", "discard"))


_STAGES = ["transform.filter", "transform.network", "transform.generic", "transform.none"]
_STAGES += ["extract.conntrack", "extract.aggregates", "extract.timebased"]
_LAST = ["encode.prom", "write.stdout", "write.none"]


@st.composite
def dialect(draw: st.DrawFn) -> str:
    """A configuration of flowlogs-pipeline as text."""
    made = _Made(_DIALECT, draw)
    parameters: list[dict[str, Any]] = [{"name": "in", "ingest": {"type": "stdin"}}]
    edges: list[tuple[str, str]] = []

    def add(name: str, definition: str, before: list[str]) -> None:
        kind, type_ = definition.split(".")
        properties = _DIALECT[kind.capitalize()]["properties"]
        block = made.value(properties[type_], type_) if type_ in properties else {}
        own = {"type": "x" if made.rarely(60) else type_, type_: block}
        parameters.append({"name": name, kind: own if block else {"type": type_}})
        follows = draw(st.lists(st.sampled_from(before), min_size=1, max_size=2, unique=True))
        edges.extend((name, "none" if made.rarely(60) else one) for one in follows)

    _line(draw, add, _STAGES, _LAST)
    followed, names = {before for _, before in edges}, [one["name"] for one in parameters]
    loose = [n for n in names if n not in followed and not n.startswith("e")]
    if loose and not made.rarely(20):
        parameters.append({"name": "rest", "write": {"type": "none"}})
        edges += [("rest", name) for name in loose]
    entries = [{"name": "in"}, *({"name": name, "follows": before} for name, before in edges)]
    return json.dumps({"pipeline": entries, "parameters": draw(st.permutations(parameters))})
