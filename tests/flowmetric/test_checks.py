from __future__ import annotations

from typing import Any

import pytest

from pipeline.diagnostics import dotted
from pipeline.flowmetric import parse
from pipeline.flowmetric.checks import cardinality
from pipeline.flows.catalogue import Level

ERROR, WARNING = "error", "warning"


def findings(**spec: Any) -> list[tuple[str, str, str, str]]:
    """Severity, path inside spec, message and hint of everything wrong with a spec."""
    data = {
        "apiVersion": "flows.netobserv.io/v1alpha1",
        "kind": "FlowMetric",
        "metadata": {"name": "m"},
        "spec": {"type": "Counter", **spec},
    }
    return [
        (p.severity.value, dotted(p.path).removeprefix("spec."), p.message, p.hint)
        for p in parse(data).problems
    ]


def condition(field: str, match: str = "Equal", value: str = "x") -> dict[str, str]:
    return {"field": field, "matchType": match, "value": value}


def test_a_plain_metric_has_nothing_wrong() -> None:
    assert findings() == []
    assert findings(labels=["SrcK8S_Namespace"], filters=[condition("SrcK8S_Type")]) == []


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            {"labels": ["DstPrt"]},
            ("labels[0]", '"DstPrt" is not a field of a flow', 'did you mean "DstPort"?'),
        ),
        (
            {"filters": [condition("Flagz")]},
            ("filters[0].field", '"Flagz" is not a field of a flow', 'did you mean "Flags"?'),
        ),
        (
            {"flatten": ["interfaces"]},
            ("flatten[0]", '"interfaces" is not a field of a flow', 'did you mean "Interfaces"?'),
        ),
        (
            {"labels": ["AgentIP"]},
            ("labels[0]", '"AgentIP" is a field of flows that FlowMetrics may not use', ""),
        ),
        (
            {"valueField": "Byte"},
            ("valueField", '"Byte" is not a field of a flow', 'did you mean "Bytes"?'),
        ),
        (
            {"valueField": "SrcAddr"},
            ("valueField", '"SrcAddr" is of type string, a number is wanted here', ""),
        ),
        (
            {"valueField": "IfDirections"},
            ("valueField", '"IfDirections" is of type number[], a number is wanted here', ""),
        ),
        (
            {"valueField": "NetworkEvents>Type"},
            ("valueField", '"NetworkEvents>Type" is a part of a field, not a number', ""),
        ),
        (
            {"remap": {"SrcK8S_Zone": "zone"}, "labels": ["DstK8S_Zone"]},
            (
                "remap.SrcK8S_Zone",
                '"SrcK8S_Zone" is renamed, but is not in labels',
                'did you mean "DstK8S_Zone"?',
            ),
        ),
    ],
)
def test_what_the_webhook_refuses(spec: dict[str, Any], expected: tuple[str, str, str]) -> None:
    assert (ERROR, *expected) in findings(**spec)


def test_remap_and_flatten_are_checked_without_labels_too() -> None:
    found = findings(remap={"SrcAddr": "a"}, flatten=["Nope"])
    assert [(severity, path) for severity, path, _, _ in found] == [
        (ERROR, "flatten[0]"),
        (ERROR, "remap.SrcAddr"),
    ]


@pytest.mark.parametrize("field", ["Bytes", "Proto", "DstPort", "TimeFlowEndMs"])
def test_any_number_can_be_the_value(field: str) -> None:
    assert findings(valueField=field) == []


def test_buckets_out_of_order_are_put_in_order() -> None:
    """Upstream the webhook takes any list of numbers, so the metric is counted."""
    warned = (WARNING, "buckets", "buckets are taken in ascending order, each once", "")
    assert findings(type="Histogram", valueField="Bytes", buckets=[".5", "1", "1e3", "+Inf"]) == []
    for buckets in (["1", "1"], ["2", "0.5"], ["+Inf", "1"]):
        assert findings(type="Histogram", valueField="Bytes", buckets=buckets) == [warned]


def test_buckets_of_another_type_have_no_effect() -> None:
    assert findings(buckets=["1"]) == [(WARNING, "buckets", "a counter has no buckets", "")]


@pytest.mark.parametrize("kind", ["Gauge", "Histogram"])
def test_a_gauge_or_histogram_without_value(kind: str) -> None:
    message = f"without valueField, a {kind.lower()} gets the value 1 of every flow"
    assert findings(type=kind) == [(WARNING, "type", message, "")]


def test_the_divider_is_a_number() -> None:
    refused = (ERROR, "divider", '"1k" is not a number', 'such as "1000"')
    assert findings(valueField="Bytes", divider="1k") == [refused]
    assert findings(valueField="Bytes", divider="1e3") == []
    assert findings(valueField="Bytes", divider="0") == []
    assert findings(valueField="Bytes", divider="inf")[0][:2] == (ERROR, "divider")
    infinite = (ERROR, "divider", "numbers of flows divided by 1e-310 become infinite", "")
    assert findings(valueField="Bytes", divider="1e-310") == [infinite]
    down = (ERROR, "divider", "a counter divided by -2 would go down", "")
    assert findings(valueField="Bytes", divider="-2") == [down]


def test_two_labels_with_one_name() -> None:
    found = findings(
        labels=["SrcK8S_Zone", "DstK8S_Zone", "DstK8S_Zone"],
        remap={"SrcK8S_Zone": "zone", "DstK8S_Zone": "zone"},
    )
    both = '"SrcK8S_Zone" and "DstK8S_Zone" both become the label "zone"'
    assert (ERROR, "remap.DstK8S_Zone", both, "give each its own name in remap") in found
    assert findings(labels=["Proto", "Proto"]) == [
        (ERROR, "labels[1]", 'label "Proto" is given twice', "")
    ]


def test_a_rename_to_the_name_of_another_label() -> None:
    swapped = {"SrcK8S_Zone": "DstK8S_Zone", "DstK8S_Zone": "SrcK8S_Zone"}
    assert findings(labels=[*swapped], remap=swapped) == []
    half = findings(labels=[*swapped], remap={"DstK8S_Zone": "SrcK8S_Zone"})
    assert [(severity, path) for severity, path, _, _ in half] == [(ERROR, "remap.DstK8S_Zone")]


@pytest.mark.parametrize(
    ("target", "kind", "severity"),
    [
        ("le", "Histogram", ERROR),
        ("le", "Counter", WARNING),
        ("__name__", "Counter", ERROR),
        ("__address", "Counter", ERROR),
        ("job", "Counter", WARNING),
        ("instance", "Counter", WARNING),
    ],
)
def test_names_that_mean_something_to_prometheus(target: str, kind: str, severity: str) -> None:
    found = findings(type=kind, valueField="Bytes", labels=["Proto"], remap={"Proto": target})
    assert [(s, path) for s, path, _, _ in found] == [(severity, "remap.Proto")]
    assert target in found[0][2] or '"__"' in found[0][2]


def test_nested_names_need_their_field_flattened() -> None:
    hint = 'add "NetworkEvents" to flatten'
    assert findings(
        labels=["NetworkEvents>Type"], filters=[condition("NetworkEvents>Feature", value="acl")]
    ) == [
        (
            ERROR,
            "labels[0]",
            '"NetworkEvents>Type" stays empty: "NetworkEvents" is not flattened',
            hint,
        ),
        (
            ERROR,
            "filters[0].field",
            '"NetworkEvents>Feature" never matches: "NetworkEvents" is not flattened',
            hint,
        ),
    ]
    assert findings(labels=["NetworkEvents>Type"], flatten=["NetworkEvents"]) == []


def test_only_objects_have_parts() -> None:
    refused = (ERROR, "labels[0]", '"Flags" has no parts: "Flags>SYN" stays empty', 'use "Flags"')
    assert refused in findings(labels=["Flags>SYN"], flatten=["Flags"])
    part = (ERROR, "flatten[0]", '"NetworkEvents>Type" is a part', 'flatten "NetworkEvents"')
    assert part in findings(flatten=["NetworkEvents>Type"])


def test_lists_as_labels() -> None:
    message = 'the label "Udns" shows a whole list, such as [a b]'
    assert (WARNING, "labels[0]", message, 'add "Udns" to flatten') in findings(labels=["Udns"])
    assert [f for f in findings(labels=["Udns"], flatten=["Udns"]) if f[1] != "labels"] == []
    own = '"NetworkEvents" is flattened into its parts: its own label stays empty'
    found = findings(labels=["NetworkEvents"], flatten=["NetworkEvents"])
    assert (WARNING, "labels[0]", own, "name a part, such as NetworkEvents>Type") in found


def test_flattening_what_is_not_split() -> None:
    scalar = '"Proto" is of type number, which is not split: its label stays empty'
    numbers = '"IfDirections" is of type number[], which is not split: its label stays empty'
    assert findings(flatten=["Proto", "IfDirections"]) == [
        (WARNING, "flatten[0]", scalar, ""),
        (WARNING, "flatten[1]", numbers, ""),
    ]
    whole = (ERROR, "flatten[0]", '"Bytes" is the valueField, it stays whole', "")
    assert findings(valueField="Bytes", flatten=["Bytes"]) == [whole]
    assert findings(flatten=["Flags", "Flags"]) == [
        (WARNING, "flatten[1]", '"Flags" is given twice', "")
    ]


@pytest.mark.parametrize("pattern", ["(", "a(?=b)", r"(a)\1", "a{1,9}{1,9}{1,9}{1,9}{1,9}{1,9}"])
@pytest.mark.parametrize("match", ["MatchRegex", "NotMatchRegex"])
def test_regexes_that_re2_refuses(pattern: str, match: str) -> None:
    found = findings(filters=[condition("SrcK8S_Name", match, pattern)])
    assert [(severity, path) for severity, path, _, _ in found] == [(ERROR, "filters[0].value")]
    assert found[0][2].startswith(f'"{pattern}" is not a valid regular expression: ')


def test_a_regex_is_only_that_where_it_is_asked_for() -> None:
    assert findings(filters=[condition("SrcK8S_Name", "MatchRegex", "^(a|b)-[0-9]+$")]) == []
    assert findings(filters=[condition("SrcK8S_Name", "Equal", "(")]) == []


def test_references_name_fields() -> None:
    unknown = condition("SrcK8S_Zone", "NotEqual", "$(DstK8SZone)")
    assert findings(filters=[unknown]) == [
        (
            ERROR,
            "filters[0].value",
            '"DstK8SZone" is not a field of a flow',
            'did you mean "DstK8S_Zone"?',
        )
    ]
    assert findings(filters=[condition("SrcK8S_Zone", "NotEqual", "$(DstK8S_Zone)")]) == []
    assert findings(filters=[condition("SrcK8S_Zone", "MatchRegex", "$(DstK8S_Zone)")]) == [
        (WARNING, "filters[0].value", "$(Field) is replaced for Equal and NotEqual only", "")
    ]


def test_a_filter_on_a_flattened_field_sees_its_part_only() -> None:
    found = findings(flatten=["Flags"], filters=[condition("Flags", value="$(SrcK8S_Zone)")])
    message = 'a filter on the flattened "Flags" does not see "SrcK8S_Zone"'
    assert found == [(WARNING, "filters[0].value", message, '$(SrcK8S_Zone) reads "" here')]


def test_an_empty_text_is_not_absence() -> None:
    assert findings(filters=[{"field": "DstK8S_Namespace"}]) == [
        (
            WARNING,
            "filters[0].value",
            'only a field that is there and empty equals ""',
            "matchType: Absence matches where there is no field",
        )
    ]


def test_alternatives_that_surprise() -> None:
    two_not = [condition("DstPort", "NotEqual", "80"), condition("DstPort", "NotEqual", "443")]
    message = 'filters on "DstPort" are OR\'ed: these let nearly everything pass'
    assert findings(filters=two_not) == [(WARNING, "filters[0]", message, "")]
    flags = [condition("Flags", value="SYN"), condition("Flags", value="FIN")]
    message = 'of the filters on the flattened "Flags", the first that matches decides'
    hint = "write one MatchRegex, such as ^(SYN|FIN)$"
    found = findings(filters=flags, flatten=["Flags"])
    assert found == [(WARNING, "filters[1]", message, hint)]
    assert findings(filters=[condition("DstPort"), condition("DstPort", value="y")]) == []


def test_direction_and_a_filter_on_the_direction() -> None:
    own = [condition("FlowDirection", value="2")]
    message = "direction Ingress adds a filter on FlowDirection, OR'ed with this"
    found = findings(direction="Ingress", filters=own)
    assert found == [(WARNING, "filters[0]", message, "")]
    assert findings(filters=own) == []
    negative = [condition("FlowDirection", "NotEqual", "2")]
    assert "nearly everything" in findings(direction="Egress", filters=negative)[0][2]


def test_cardinality_is_that_of_the_worst_label() -> None:
    assert list(cardinality(["SrcK8S_Zone", "DstPort", "SrcAddr", "NetworkEvents>Foo"])) == [
        Level.AVOID,
        Level.UNKNOWN,
        Level.CAREFUL,
        Level.FINE,
    ]
    assert cardinality(["NetworkEvents>Name"]) == {Level.FINE: ["NetworkEvents>Name"]}
    assert cardinality([]) == {}


def test_cardinality_warns() -> None:
    careful = "cardinality careful: many series with DstPort"
    assert findings(labels=["DstPort", "Proto"]) == [(WARNING, "labels", careful, "")]
    unsafe = "cardinality avoid: unsafe, a great many series with SrcAddr, DstPort"
    assert findings(labels=["DstPort", "SrcAddr"]) == [(WARNING, "labels", unsafe, "")]
