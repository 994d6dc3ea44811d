from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.diagnostics import ConfigError
from pipeline.stage import BuildContext, Spec
from stages.encode_prometheus import EncodePrometheus, Metric
from stages.filter import Filter
from stages.flow_metrics import FlowMetrics

CONFIGS = Path(__file__).parents[2] / "configs"
CONTEXT = BuildContext(folder=CONFIGS)

METRIC = """\
apiVersion: flows.netobserv.io/v1alpha1
kind: FlowMetric
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{type: {type}, metricName: {metric}}}
"""


def blog(side: str = "*") -> FlowMetrics:
    files = [f"flowmetrics/workload-syn-{side}.yaml"]
    return FlowMetrics(name="metrics", follows="subnets", files=files)


def named(stages: list[Spec]) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(stage.name, stage.type, stage.parents) for stage in stages]


def test_the_blog_pair_becomes_two_chains() -> None:
    expose = EncodePrometheus(name="expose", follows="metrics", prefix="netobserv_", expiry="5m")
    stages = blog().expand(CONTEXT, [expose], {}).stages
    assert named(stages) == [
        step
        for name in ("expose/workload-syn-in", "expose/workload-syn-out")
        for step in (
            (f"{name}/flatten", "flatten", ("subnets",)),
            (f"{name}/filter", "filter", (f"{name}/flatten",)),
            (f"{name}/remap", "remap", (f"{name}/filter",)),
            (name, "encode_prometheus", (f"{name}/remap",)),
        )
    ]
    encoder = stages[3]
    assert isinstance(encoder, EncodePrometheus)
    assert (encoder.prefix, encoder.expiry) == ("netobserv_", "5m")
    (family,) = encoder.families()
    assert family.name == "netobserv_workload_syn_in"
    assert set(family.labels) == {
        *("namespace", "workload", "kind", "subnet_label", "port", "Flags"),
        *("from_namespace", "from_workload", "from_kind", "from_subnet_label"),
    }


def test_a_set_for_each_encoder() -> None:
    followers = [
        EncodePrometheus(name=name, follows="metrics", prefix=f"{name}_") for name in ("a", "b")
    ]
    stages = blog("in").expand(CONTEXT, followers, {}).stages
    encoders = [stage for stage in stages if isinstance(stage, EncodePrometheus)]
    assert [encoder.families()[0].name for encoder in encoders] == [
        "a_workload_syn_in",
        "b_workload_syn_in",
    ]


def test_an_encoder_that_follows_others_too_stays_for_them() -> None:
    expose = EncodePrometheus(name="expose", follows=["metrics", "more"])
    assert named(blog("in").expand(CONTEXT, [expose], {}).stages)[-1] == (
        "expose",
        "encode_prometheus",
        ("more",),
    )


def test_other_followers_are_refused() -> None:
    other = Filter(name="odd", follows="metrics", query="Proto = 6")
    with pytest.raises(ConfigError, match=r'"odd".*only encode_prometheus can follow flow_metrics'):
        blog().expand(CONTEXT, [other], {})
    own = EncodePrometheus(name="own", follows="metrics", metrics=[Metric(name="m")])
    with pytest.raises(ConfigError, match=r'"own".*the metrics come from flow_metrics'):
        blog().expand(CONTEXT, [own], {})


def test_names_in_several_namespaces(tmp_path: Path) -> None:
    texts = [
        METRIC.format(name="m", namespace=space, type="Counter", metric=f"m_{space}")
        for space in ("a", "b")
    ]
    (tmp_path / "m.yaml").write_text("---\n".join(texts))
    macro = FlowMetrics(name="metrics", follows="in", files=["m.yaml"])
    stages = macro.expand(
        BuildContext(folder=tmp_path), [EncodePrometheus(name="e", follows="metrics")], {}
    ).stages
    assert [stage.name for stage in stages] == ["e/a:m", "e/b:m"]
    assert list(macro.check(tmp_path)) == []


def test_check_reports_all_with_their_places(tmp_path: Path) -> None:
    good = METRIC.format(name="good", namespace="a", type="Counter", metric="good")
    bad = METRIC.format(name="bad", namespace="a", type="counter", metric="1")
    (tmp_path / "m.yaml").write_text(f"{good}---\n{bad}")
    macro = FlowMetrics(name="metrics", follows="in", files=["m.yaml", "n.yaml"])
    found = {p.message: (p.path, p.place, p.hint) for p in macro.check(tmp_path)}
    assert found['there is no file or folder "n.yaml"'] == (
        ("files", 1),
        "",
        'did you mean "m.yaml"?',
    )
    assert found['spec.type: unknown value "counter"'] == (
        ("files",),
        f"{tmp_path}/m.yaml:9:14",
        'did you mean "Counter"?',
    )
    assert len(found) == 3
    stages = macro.expand(
        BuildContext(folder=tmp_path), [EncodePrometheus(name="e", follows="metrics")], {}
    ).stages
    assert [stage.name for stage in stages] == ["e/good"]


def test_no_files() -> None:
    (problem,) = FlowMetrics(name="m", files=[]).check(Path())
    assert (problem.path, problem.message) == (("files",), "files is empty")


def test_predefined_metrics_come_before_those_of_files() -> None:
    macro = FlowMetrics(
        name="metrics",
        follows="in",
        predefined=["workload_ingress_bytes_total", "node_drop_packets_total"],
        files=["flowmetrics/workload-syn-in.yaml"],
        features=["FlowRTT"],
        zone=True,
    )
    expose = EncodePrometheus(name="expose", follows="metrics", prefix="netobserv_")
    expansion = macro.expand(CONTEXT, [expose], {})
    encoders = [stage for stage in expansion.stages if isinstance(stage, EncodePrometheus)]
    families = [encoder.families()[0] for encoder in encoders]
    assert [family.name for family in families] == [
        "netobserv_workload_ingress_bytes_total",
        "netobserv_workload_syn_in",
    ]
    assert {"SrcK8S_Zone", "DstK8S_Zone"} < set(families[0].labels)
    assert not {"K8S_ClusterName", "SrcK8S_NetworkName"} & set(families[0].labels)
    assert [status["name"] for status in expansion.statuses] == ["workload-syn-in"]
    (left_out,) = (p for p in macro.check(CONFIGS) if p.path == ("predefined", 1))
    assert (left_out.severity, left_out.message) == (
        "warning",
        '"node_drop_packets_total" is left out: it needs the feature PacketDrop',
    )


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("workload_ingres_bytes_total", 'did you mean "workload_ingress_bytes_total"?'),
        ("namespace_dns_packets_total", 'it is now "namespace_dns_flows_total"'),
        ("xyz", "such as node_egress_bytes_total"),
    ],
)
def test_an_unknown_predefined_metric_is_an_error(name: str, hint: str) -> None:
    (found,) = FlowMetrics(name="m", predefined=["node_flows_total", name]).check(Path())
    assert (found.path, found.severity, found.hint) == (("predefined", 1), "error", hint)
    assert found.message == f'unknown predefined metric "{name}"'


def test_a_metric_of_a_file_cannot_have_a_predefined_name(tmp_path: Path) -> None:
    text = METRIC.format(name="mine", namespace="a", type="Counter", metric="node_flows_total")
    (tmp_path / "m.yaml").write_text(text)
    macro = FlowMetrics(name="m", follows="in", predefined=["node_flows_total"], files=["m.yaml"])
    expose = EncodePrometheus(name="expose", follows="m", prefix="netobserv_")
    with pytest.raises(ConfigError, match=r"m\.yaml:1:1.* and by a predefined metric"):
        macro.expand(BuildContext(folder=tmp_path), [expose], {})
