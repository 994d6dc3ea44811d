"""Configurations and flows that hypothesis makes, within what both programs mean alike.

Fields have the types of the catalogue, because the original compares by type: docs/differences.md
says what it makes of a text in a number field.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from tests.peer.pipelines import Pipeline, prepared

NUMBERS = ["Bytes", "Packets", "SrcPort", "DstPort", "Proto", "TimeFlowRttNs", "FlowDirection"]
TEXTS = ["SrcAddr", "DstAddr", "SrcK8S_Namespace", "SrcK8S_Name", "DstK8S_Namespace", "AgentIP"]
LISTS = ["Interfaces", "Flags"]
OUTPUTS = ["Out", "SrcK8S_Zone", "my.field", "K8S_FlowLayer"]
_NUMBER = st.one_of(
    st.sampled_from([0, 1, 2, 6, 17, 80, 443, 53, 1024, 65535, 2**31, 2**53]),
    st.integers(0, 3000),
    st.sampled_from([0.5, 1.5, 443.5, 1e-7, 123456.789, 1e15]),
)
_ADDRESS = st.sampled_from(
    ["10.0.0.1", "10.0.1.7", "10.128.0.14", "192.168.1.9", "172.30.0.1", "fd00::1", "2001:db8::5"]
)
_NAME = st.sampled_from(
    [
        "a",
        "b",
        "prod",
        "openshift-dns",
        "kube-system",
        "my ns",
        "é",
        "x.y",
        '"q"',
        "a\\b",
        "1|2",
        "",
    ]
)
_TEXT = {name: _ADDRESS if name.endswith(("Addr", "IP")) else _NAME for name in TEXTS}
_ITEM = st.sampled_from(["eth0", "ens5", "genev_sys", "SYN", "ACK", "FIN"])

flow = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(NUMBERS, _NUMBER),
        **_TEXT,
        **dict.fromkeys(LISTS, st.lists(_ITEM, min_size=1, max_size=3)),
    },
)
flows = st.lists(flow, min_size=8, max_size=40).map(
    lambda made: "".join(f"{json.dumps(one)}\n" for one in made)
)

_number_field, _text_field = st.sampled_from(NUMBERS), st.sampled_from(TEXTS)
_field = st.sampled_from(NUMBERS + TEXTS)
_output = st.sampled_from(OUTPUTS)
_pattern = st.sampled_from(["^1", "1|2", "a", "openshift|kube", "^$", "[0-9]+", "prod", "^10[.]0"])


@st.composite
def conditions(draw: st.DrawFn, depth: int = 2) -> str:
    """A query of keep_entry_query."""
    if depth and draw(st.integers(0, 2)) == 0:
        parts = [draw(conditions(depth - 1)) for _ in range(draw(st.integers(2, 3)))]
        joined = f" {draw(st.sampled_from(['and', 'or', 'AND']))} ".join(parts)
        return f"({joined})" if draw(st.booleans()) else joined
    kind = draw(st.integers(0, 3))
    if kind == 0:
        return f"{draw(st.sampled_from(['with', 'without']))}({draw(_field)})"
    if kind == 1:
        number, compared = (
            draw(st.integers(0, 3000)),
            draw(st.sampled_from(["=", "!=", "<", ">", "<=", ">="])),
        )
        return f"{draw(_number_field)} {compared} {number}"
    field = draw(_text_field)
    if kind == 2:
        return f"{field} {draw(st.sampled_from(['=~', '!~']))} `{draw(_pattern)}`"
    text = json.dumps(draw(_TEXT[field]), ensure_ascii=False)
    return f"{field} {draw(st.sampled_from(['=', '!=']))} {text}"


@st.composite
def _valued(draw: st.DrawFn) -> dict[str, Any]:
    """A field and a value of its type."""
    if draw(st.booleans()):
        return {"input": draw(_number_field), "value": draw(_NUMBER)}
    field = draw(_text_field)
    return {"input": field, "value": draw(_TEXT[field])}


_removing = st.one_of(
    st.tuples(
        st.sampled_from(["remove_entry_if_exists", "remove_entry_if_doesnt_exist"]),
        _field.map(lambda field: {"input": field}),
    ),
    st.tuples(st.sampled_from(["remove_entry_if_equal", "remove_entry_if_not_equal"]), _valued()),
).map(lambda rule: {"type": rule[0], "removeEntry": rule[1]})


def _rule(kind: str, block: str, own: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return own.map(lambda made: {"type": kind, block: made})


@st.composite
def _added_if(draw: st.DrawFn) -> dict[str, Any]:
    compared = draw(st.sampled_from(["<", ">", "<=", ">=", "==", "!="]))
    condition = f"{compared} {draw(st.integers(0, 2000))}"
    own = {"input": draw(_number_field), "parameters": condition, "output": draw(_output)}
    given = ["yes"] if compared == "!=" else ["", "yes"]  # of an absent value it makes a null
    return {**own, "assignee": draw(st.sampled_from(given))}


_field_and = {"input": _text_field, "output": _output}
_filter_rule = st.one_of(
    _removing,
    _rule("remove_field", "removeField", st.fixed_dictionaries({"input": _field})),
    _rule(
        "remove_entry_all_satisfied",
        "removeEntryAllSatisfied",
        st.lists(_removing, min_size=1, max_size=2),
    ),
    _rule("keep_entry_query", "keepEntryQuery", conditions()),
    _rule("add_field", "addField", st.fixed_dictionaries({"input": _output, "value": _NAME})),
    _rule("add_field_if_doesnt_exist", "addFieldIfDoesntExist", _valued()),
    _rule(
        "add_regex_if",
        "addRegexIf",
        st.fixed_dictionaries({**_field_and, "parameters": _pattern}),
    ),
    _rule("add_field_if", "addFieldIf", _added_if()),
)
_FILTER = st.lists(_filter_rule, min_size=1, max_size=3).map(
    lambda rules: {"transform": {"type": "filter", "filter": {"rules": rules}}}
)


@st.composite
def network(draw: st.DrawFn) -> dict[str, Any]:
    """A network stage of rules that need no cluster."""
    rules = []
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(["add_subnet", "add_subnet_label", "reinterpret_direction"]))
        address = {"input": draw(st.sampled_from(["SrcAddr", "DstAddr", "SrcK8S_Name"]))}
        address["output"] = draw(_output)
        if kind == "add_subnet":
            mask = draw(st.sampled_from(["/24", "/16", "/0", "/32", "/64"]))
            rules.append({"type": kind, kind: {**address, "subnet_mask": mask}})
        elif kind == "add_subnet_label":
            rules.append({"type": kind, kind: address})
        else:
            rules.append({"type": kind})
    labels = [
        {"name": "ten", "cidrs": ["10.0.0.0/16", "fd00::/8"]},
        {"name": "all", "cidrs": ["10.0.0.0/8", "192.168.1.1/24"]},
        {"name": "", "cidrs": ["172.30.0.0/16"]},
    ]
    direction = {
        "reporterIPField": "AgentIP",
        "srcHostField": "SrcAddr",
        "dstHostField": "DstAddr",
        "flowDirectionField": "FlowDirection",
        "ifDirectionField": draw(st.sampled_from(["", "IfDirection"])),
    }
    own = {"rules": rules, "subnetLabels": labels, "directionInfo": direction}
    return {"transform": {"type": "network", "network": own}}


_GENERIC = st.builds(
    lambda policy, rules: {
        "transform": {"type": "generic", "generic": {"policy": policy, "rules": rules}}
    },
    st.sampled_from(["preserve_original_keys", "replace_keys"]),
    st.lists(
        st.one_of(
            st.fixed_dictionaries({"input": _field, "output": st.sampled_from(NUMBERS + OUTPUTS)}),
            st.fixed_dictionaries(
                {
                    "input": _number_field,
                    "output": st.sampled_from(NUMBERS + OUTPUTS),
                    "multiplier": st.sampled_from([0, 1, 2, 1000]),
                }
            ),
        ),
        min_size=1,
        max_size=4,
        unique_by=lambda rule: rule["output"],
    ),
)


@st.composite
def _metric(draw: st.DrawFn) -> dict[str, Any]:
    kind: str = draw(st.sampled_from(["counter", "gauge", "histogram"]))
    labels: list[str] = draw(
        st.lists(st.sampled_from(NUMBERS + TEXTS + LISTS + OUTPUTS), max_size=3, unique=True)
    )
    metric: dict[str, Any] = {"type": kind, "labels": labels}
    if kind != "counter" or draw(st.booleans()):
        metric["valueKey"] = draw(_number_field)
        metric["valueScale"] = draw(st.sampled_from([0, 1, 1000, 0.5]))
    if draw(st.booleans()):
        metric["flatten"] = draw(st.lists(st.sampled_from(LISTS), max_size=2, unique=True))
    if draw(st.booleans()) and labels:
        metric["remap"] = {labels[0]: draw(st.sampled_from(["renamed", "x_y", ""]))}
    metric["filters"] = draw(st.lists(_metric_filter(), max_size=2))
    return metric


@st.composite
def _metric_filter(draw: st.DrawFn) -> dict[str, Any]:
    key = draw(st.sampled_from(NUMBERS + TEXTS + LISTS))
    kind = draw(
        st.sampled_from(
            ["equal", "not_equal", "presence", "absence", "match_regex", "not_match_regex", ""]
        )
    )
    if "regex" in kind:
        value = draw(_pattern)
    elif key in NUMBERS:
        value = str(draw(st.integers(0, 3000)))
    else:
        value = draw(st.one_of(_ITEM, _TEXT.get(key, _ITEM), st.just("$(SrcAddr)")))
    return {"key": key, "type": kind, "value": value}


def named(metrics: list[dict[str, Any]]) -> dict[str, Any]:
    """An encode.prom of these metrics, which get names."""
    own = [{"name": f"m{index}", **one} for index, one in enumerate(metrics)]
    return {"encode": {"type": "prom", "prom": {"prefix": "netobserv_", "metrics": own}}}


_PROM = st.lists(_metric(), min_size=1, max_size=4).map(named)
_STDOUT = {"write": {"type": "stdout", "stdout": {"format": "json"}}}


def chained(stages: list[dict[str, Any]], prom: dict[str, Any]) -> Pipeline:
    """A line of stages whose flows are counted and printed."""
    names = ["in", *(f"s{index}" for index in range(len(stages)))]
    line = zip(names, [{"ingest": {"type": "stdin"}}, *stages], strict=True)
    parameters = [{"name": name, **stage} for name, stage in line]
    parameters += [{"name": "prom", **prom}, {"name": "out", **_STDOUT}]
    entries = [{"name": "in"}]
    entries += [{"name": name, "follows": before} for before, name in pairwise(names)]
    entries += [{"name": name, "follows": names[-1]} for name in ("prom", "out")]
    return prepared(entries, parameters)


_transform = st.one_of(_FILTER, network(), _GENERIC)
pipelines = st.builds(chained, st.lists(_transform, max_size=3), _PROM)
"""Filter, network and generic stages before metrics and records."""


@st.composite
def _graph(draw: st.DrawFn) -> Pipeline:
    """Stages that follow one or several of those before them; several encoders and writers."""
    parameters: list[dict[str, Any]] = [{"name": "in", "ingest": {"type": "stdin"}}]
    edges: list[tuple[str, str]] = []
    names = ["in"]

    def add(name: str, stage: dict[str, Any]) -> None:
        before = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
        edges.extend((name, one) for one in before)
        parameters.append({"name": name, **stage})

    for index in range(draw(st.integers(1, 4))):
        add(f"s{index}", draw(_transform))
        names.append(f"s{index}")
    for index in range(draw(st.integers(1, 3))):
        stage = draw(_PROM)
        stage["encode"]["prom"]["prefix"] = f"p{index}_"
        for metric in stage["encode"]["prom"]["metrics"]:
            if metric["type"] == "gauge":  # the last flow of several stages may be any of theirs
                metric["type"] = "histogram"
        add(f"prom{index}", stage)
    for index in range(draw(st.integers(1, 2))):
        form = draw(st.sampled_from(["json", "fields", "printf", "", "other"]))
        add(f"out{index}", {"write": {"type": "stdout", "stdout": {"format": form}}})
    followed = {before for _, before in edges}
    edges += [("prom0", name) for name in names if name not in followed]
    entries = [{"name": "in"}, *({"name": name, "follows": before} for name, before in edges)]
    return prepared(draw(st.permutations(entries)), draw(st.permutations(parameters)))


graphs = _graph()
"""Fan-out and fan-in, several encoders of metrics, and every format of printing."""
