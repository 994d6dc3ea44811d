from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.flowmetric import Loaded, load

CONFIGS = Path(__file__).parents[2] / "configs"

METRIC = """\
apiVersion: flows.netobserv.io/v1alpha1
kind: FlowMetric
metadata:
  name: {name}
spec:
  type: Counter
"""


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def metric(name: str, more: str = "") -> str:
    return METRIC.format(name=name) + more


def names(loaded: Loaded) -> list[str]:
    return [resource.name for resource in loaded.resources]


def printed(loaded: Loaded, folder: Path) -> list[str]:
    return [str(problem).replace(f"{folder}/", "") for problem in loaded.problems]


def test_shipped_metrics_are_accepted() -> None:
    loaded = load(["flowmetrics"], CONFIGS)
    assert names(loaded) == [
        "dropped-packets",
        "namespace-bytes",
        "network-policy-events",
        "workload-round-trip",
        "workload-syn-in",
        "workload-syn-out",
        "workload-udp-in",
        "workload-udp-out",
    ]
    assert all(resource.ready for resource in loaded.resources)
    assert [(p.problem.path, p.problem.severity.value) for p in loaded.problems] == [
        (("spec", "labels"), "warning")
    ] * 4


def test_files_folders_and_globs(tmp_path: Path) -> None:
    write(tmp_path, a__yaml=metric("a"), b__yml=metric("b"), notes__txt="x")
    write(
        tmp_path,
        c__json='{"kind": "FlowMetric", "apiVersion": "flows.netobserv.io/v1alpha1",'
        ' "metadata": {"name": "c"}, "spec": {"type": "Gauge", "valueField": "Sampling"}}',
    )
    assert names(load(["b.yml"], tmp_path)) == ["b"]
    assert names(load([str(tmp_path / "b.yml")], Path())) == ["b"]
    assert names(load(["."], tmp_path)) == ["a", "b", "c"]
    assert names(load(["*.y*ml", "*"], tmp_path)) == ["a", "b", "c"]
    assert names(load(["**/a.yaml"], tmp_path.parent / tmp_path.name)) == ["a"]
    assert load(["*"], tmp_path).problems == []


@pytest.mark.parametrize(
    ("pattern", "message", "hint"),
    [
        ("metrcs.yaml", 'there is no file or folder "metrcs.yaml"', 'did you mean "metrics.yaml"?'),
        ("none/a.yaml", 'there is no file or folder "none/a.yaml"', '"none" is not a folder'),
        ("q*.yaml", '"q*.yaml" matches no file *.yaml, *.yml, *.json', ""),
        ("empty", 'the folder "empty" has no file *.yaml, *.yml, *.json', ""),
    ],
)
def test_nothing_matched(tmp_path: Path, pattern: str, message: str, hint: str) -> None:
    write(tmp_path, metrics__yaml=metric("a"))
    (tmp_path / "empty").mkdir()
    loaded = load([pattern], tmp_path)
    assert loaded.resources == []
    (located,) = loaded.problems
    assert located.problem.message == message
    assert hint in located.problem.hint.replace(f"{tmp_path}/", "")
    assert located.problem.path == (0,)


def test_a_bad_file_or_resource_does_not_harm_the_others(tmp_path: Path) -> None:
    write(
        tmp_path,
        a__yaml="a: [",
        b__yaml=metric("b", "  labels: [Proto, DstPrt]\n") + "---\n" + metric("good"),
        c__yaml=metric("c"),
    )
    loaded = load(["."], tmp_path)
    assert [(r.name, r.ready) for r in loaded.resources] == [
        ("b", False),
        ("good", True),
        ("c", True),
    ]
    first, *others = printed(loaded, tmp_path)
    assert first.startswith("a.yaml:")
    assert others == [
        (
            'b.yaml:7:19: error: field spec.labels[1]: "DstPrt" is not a field of a flow; '
            'did you mean "DstPort"?'
        ),
    ]


def test_lists_and_other_objects(tmp_path: Path) -> None:
    others = "  - kind: ConfigMap\n  - 5\n"
    item = METRIC.format(name="a").replace("\n", "\n    ").rstrip()
    write(
        tmp_path,
        list__yaml=f"kind: List\nitems:\n  - {item}\n{others}---\n---\n{metric('b')}",
    )
    loaded = load(["list.yaml"], tmp_path)
    assert names(loaded) == ["a", "b"]
    assert loaded.resources[0].place == f"{tmp_path}/list.yaml:3:5"
    assert printed(loaded, tmp_path) == [
        'list.yaml:9:5: warning: a "ConfigMap" is not a FlowMetric, it is ignored',
        "list.yaml:10:5: warning: an object without kind is not a FlowMetric, it is ignored",
    ]


def test_a_file_without_any_flow_metric(tmp_path: Path) -> None:
    write(tmp_path, a__yaml="kind: Flowmetrics\n", b__yaml="")
    loaded = load(["."], tmp_path)
    assert printed(loaded, tmp_path) == [
        (
            'a.yaml: error: no FlowMetric in this file: a "Flowmetrics" is not a FlowMetric; '
            'did you mean "FlowMetric"?'
        ),
        "b.yaml: error: no FlowMetric in this file",
    ]


def test_doubles_over_files(tmp_path: Path) -> None:
    write(tmp_path, a__yaml=metric("a-b"), b__yaml=metric("a.b"))
    loaded = load(["."], tmp_path)
    assert [resource.ready for resource in loaded.resources] == [True, False]
    assert printed(loaded, tmp_path) == [
        (
            'b.yaml:4:9: error: field metadata.name: a-b and a.b both expose the metric "a_b", '
            "see a.yaml:1:1; give one of them another metricName"
        )
    ]
