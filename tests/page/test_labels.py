"""Labels that are settled on: as YAML, and written into a pipeline file."""

from __future__ import annotations

import json
from http import HTTPStatus
from pathlib import Path

import pytest

from page.labels import apply, preview
from pipeline import config
from pipeline.api.server import UnansweredError
from pipeline.kube.subnets import Label
from tests.support.edge_rows import frame
from tests.support.seen import Fixed, seen

PIPELINE = """\
stages:
# flows as they come
- {name: flows, type: ingest_stdin, decoder: json}
- name: subnets
  type: subnet_label
  follows: flows
  labels:
  - {name: Machines, cidrs: [10.0.0.0/16]} # ours
- {name: edges, type: encode_matrix, follows: subnets}
"""
S3, WIDE = ("EXT:S3", ["3.5.204.0/22"]), ("EXT:AWS", ["3.0.0.0/8", "3.5.0.0/16"])


def body(*labels: tuple[str, list[str]], **more: str) -> bytes:
    return json.dumps(
        {"labels": [{"name": name, "cidrs": cidrs} for name, cidrs in labels], **more}
    ).encode()


@pytest.fixture
def source(tmp_path: Path) -> Fixed:
    found = Fixed(seen(frame()))
    found.pipeline = tmp_path / "flows.yaml"
    found.pipeline.write_text(PIPELINE)
    return found


def test_labels_as_yaml() -> None:
    found = preview(body(WIDE, S3))
    assert found.sizes == ["16,777,216 addresses", "1,024 addresses"]
    lines = [line for line in found.yaml.splitlines() if "#" not in line]
    assert lines[3:] == [
        "  labels:",
        '    - name: "EXT:S3"',
        "      cidrs:",
        '        - "3.5.204.0/22"',
        '    - name: "EXT:AWS"',
        "      cidrs:",
        '        - "3.0.0.0/8"',
    ]
    assert "kind: FlowCollector\n" in preview(body(S3, kind="flowcollector")).yaml
    assert 'namespace: "shop"' in preview(body(S3, kind="slice", namespace="shop")).yaml


def test_labels_are_written_with_the_narrower_first(source: Fixed) -> None:
    assert source.pipeline
    applied = apply(source, body(WIDE, S3))
    assert applied.added == [Label(*S3), Label("EXT:AWS", ["3.0.0.0/8"])]
    text = source.pipeline.read_text()
    assert "# flows as they come" in text
    assert "# ours" in text
    (stage,) = [one for one in config.load(source.pipeline).stages if one.type == "subnet_label"]
    labels = [(one.name, one.cidrs) for one in stage.labels]  # type: ignore[attr-defined]
    assert labels == [("Machines", ["10.0.0.0/16"]), S3, ("EXT:AWS", ["3.0.0.0/8"])]


def test_what_is_there_already_is_not_added_again(source: Fixed) -> None:
    assert source.pipeline
    apply(source, body(S3))
    before = source.pipeline.read_bytes()
    assert apply(source, body(S3)).added == []
    assert source.pipeline.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (body(), "no label is given"),
        (body(("1st", ["10.0.0.0/8"])), '"1st" is not a valid name of a label: letters, digits'),
        (body(("<img src=x>", ["10.0.0.0/8"])), "is not a valid name of a label"),
        (body(("a\n", ["10.0.0.0/8"])), "is not a valid name of a label"),
        (body(("", ["10.0.0.0/8"])), "is not a valid name of a label"),
        (body(("a", [])), 'the label "a" has no network'),
        (body(("a", ["10.0.0.0/33"])), 'label "a": "10.0.0.0/33" is not a valid CIDR'),
        (body(("a", ["ten"])), 'label "a": "ten" is not a valid CIDR'),
        (body(S3, kind="slice"), "a slice is of a namespace: give its name"),
        (body(("a" * 254, S3[1])), f'labels[0].name: "{"a" * 100}..." is not a valid name of a'),
        (body(S3, ("a", ["9" * 100_000])), f'labels[1].cidrs[0]: label "a": "{"9" * 100}..." is'),
        (body(S3, namespace="../x"), 'namespace: "../x" is not a valid name of a namespace: lower'),
        (body(S3, kind="slice", namespace="Shop"), 'namespace: "Shop" is not a valid name of a'),
        (body(S3, kind="slice", namespace="a" * 64), "is not a valid name of a namespace"),
        (body(S3, **{"x" * 100_000: ""}), "the body is not valid: Object contains unknown field"),
        (body(S3, kind="pod"), "the body is not valid: Invalid enum value 'pod'"),
        (b"", "the body is not valid"),
    ],
)
def test_labels_that_are_not_valid(content: bytes, why: str) -> None:
    with pytest.raises(UnansweredError) as caught:
        preview(content)
    assert why in str(caught.value)
    assert len(str(caught.value)) < 500
    assert caught.value.status == HTTPStatus.BAD_REQUEST


def test_the_longest_names() -> None:
    found = preview(body(("a" * 253, S3[1]), kind="slice", namespace="a" * 63)).yaml
    assert f'"{"a" * 253}"' in found
    assert f'namespace: "{"a" * 63}"' in found


def test_nothing_is_written_of_labels_that_are_not_valid(source: Fixed) -> None:
    with pytest.raises(UnansweredError, match="is not a valid CIDR"):
        apply(source, body(S3, ("a", ["ten"])))
    assert source.pipeline
    assert source.pipeline.read_text() == PIPELINE


def test_without_a_file_to_write_to(source: Fixed) -> None:
    source.pipeline = None
    with pytest.raises(UnansweredError, match="copy the YAML") as caught:
        apply(source, body(S3))
    assert caught.value.status == HTTPStatus.NOT_FOUND


def test_a_file_without_a_stage_for_labels(source: Fixed) -> None:
    assert source.pipeline
    source.pipeline.write_text(
        "stages: [{name: flows, type: ingest_stdin, decoder: json},"
        " {name: edges, type: encode_matrix, follows: flows}]"
    )
    with pytest.raises(
        UnansweredError, match="the file has no stage of type subnet_label"
    ) as caught:
        apply(source, body(S3))
    assert caught.value.status == HTTPStatus.CONFLICT


def test_one_of_several_stages_is_named(source: Fixed) -> None:
    assert source.pipeline
    more = (
        "- {name: more, type: subnet_label, follows: subnets, labels: [{name: a, cidrs: [1::/16]}]}"
    )
    source.pipeline.write_text(PIPELINE.replace("follows: subnets}", "follows: more}") + more)
    with pytest.raises(UnansweredError, match="several stages of type subnet_label; name one of"):
        apply(source, body(S3))
    assert apply(source, body(S3, stage="more")).added == [Label(*S3)]


def test_a_file_that_cannot_be_written(source: Fixed, tmp_path: Path) -> None:
    source.pipeline = tmp_path / "none" / "flows.yaml"
    with pytest.raises(UnansweredError, match="cannot be read: No such file") as caught:
        apply(source, body(S3))
    assert caught.value.status == HTTPStatus.CONFLICT
