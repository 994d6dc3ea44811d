"""Inventories in every form kubectl prints, and what is said about broken ones."""

from __future__ import annotations

import gzip
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.diagnostics import Problem, warning
from pipeline.kube.index.index import Index
from pipeline.kube.index.owners import Climb
from pipeline.kube.inventory import file


def pod(number: int) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"p{number}", "namespace": "shop"},
        "spec": {"containers": [{"name": "c"}]},
        "status": {"podIPs": [{"ip": f"10.1.1.{number}"}], "hostIP": "10.0.0.1"},
    }


PODS = [pod(number) for number in (1, 2, 3)]
LIST = {"apiVersion": "v1", "kind": "List", "items": PODS}
UNTYPED = {"kind": "PodList", "items": [{k: v for k, v in p.items() if k != "kind"} for p in PODS]}


def names(index: Index) -> list[str]:
    found = [index.lookup(f"10.1.1.{number}", Climb()) for number in (1, 2, 3)]
    return [peer.name for peer in found if peer]


@pytest.mark.parametrize(
    "text",
    [
        "".join(json.dumps(p) + "\n" for p in PODS),
        "\n\n".join(json.dumps(p) for p in PODS),
        json.dumps(LIST),
        json.dumps(LIST, indent=4),
        json.dumps(PODS),
        "\n" + json.dumps(PODS, indent=2) + "\n",
        "\n".join(json.dumps(p, indent=4) for p in PODS),
        json.dumps(LIST, indent=1) + json.dumps(LIST, indent=1),
        json.dumps(UNTYPED),
        yaml.safe_dump_all(PODS),
        "# comment\n---\n" + yaml.safe_dump(LIST) + "---\n---\n",
        yaml.safe_dump(PODS),
        "{kind: List, items: " + json.dumps(PODS) + "}",
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_forms(text: str, tmp_path: Path, *, packed: bool) -> None:
    """YAML and JSON in every arrangement that kubectl prints, packed or not."""
    path = tmp_path / "kube"
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    index, problems = file.load(path)
    assert (names(index), problems) == (["p1", "p2", "p3"], [])


@pytest.mark.parametrize("name", ["k.json", "k.jsonl", "k.yaml", "k.yml.gz", "k.json.gz", "k"])
def test_what_is_written_is_read(name: str, tmp_path: Path) -> None:
    """The name says the format; the objects are the same."""
    file.write(PODS, tmp_path / name)
    index, problems = file.load(tmp_path / name)
    assert (names(index), problems) == (["p1", "p2", "p3"], [])
    assert name.endswith(".gz") == ((tmp_path / name).read_bytes()[:2] == b"\x1f\x8b")


def test_custom_resources_of_any_shape_pass(tmp_path: Path) -> None:
    """An unknown kind may have any content and is left alone."""
    custom: list[dict[str, Any]] = [
        {"kind": "Odd", "metadata": {"name": "a"}, "spec": "text", "data": 7, "items": {"x": 1}},
        {"kind": "ConfigMap", "metadata": {"name": "b"}, "data": {"k": "v"}},
    ]
    file.write([*custom, pod(1)], tmp_path / "k.json")
    index, problems = file.load(tmp_path / "k.json")
    assert (names(index), problems) == (["p1"], [])


NAMELESS = "not a Kubernetes object: metadata.name is missing"
NO_LIST = "field status.podIPs: expected list or nothing, got text"
NO_CONTENT = "did not find expected node content, while parsing a flow node"
BAD_IP = {**pod(2), "status": {"podIPs": "10.1.1.2"}}
BAD_LABEL = {"kind": "Pod", "metadata": {"name": "x", "labels": {"tier": 1}}}


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("", ["k: no pod, node or service: no address is known"]),
        ("kind: Pod\nmetadata: {}\n", [f"k: document 1: {NAMELESS}"]),
        (
            "a: 1\n---\nkind: Pod\n",
            [
                "k: document 1: not a Kubernetes object: kind is missing",
                f"k: document 2: {NAMELESS}",
            ],
        ),
        ("just text\n", ["k: document 1: expected mapping, got text"]),
        (
            yaml.safe_dump_all([pod(1), BAD_LABEL, BAD_IP]),
            [
                "k: document 2: Pod x: field metadata.labels[...]: expected text, got int",
                f"k: document 3: Pod p2: {NO_LIST}",
            ],
        ),
        (
            json.dumps({"kind": "List", "items": [pod(1), BAD_LABEL, BAD_IP, 7]}),
            [
                "k: document 1, item 2: Pod x: field metadata.labels[...]: expected text, got int",
                f"k: document 1, item 3: Pod p2: {NO_LIST}",
                "k: document 1, item 4: expected mapping, got int",
            ],
        ),
        (
            '{"kind": "List", "items": {}}',
            ["k: document 1: List: field items: expected list or nothing, got mapping"],
        ),
        (json.dumps(pod(1)) + '\n{"kind": "Pod"', ["k: document 2: Input data was truncated"]),
        (
            "kind: Pod\nmetadata: {name: p}\n---\nkind: [\n",
            ["k:5:1: invalid YAML: did not find expected node content, while parsing a flow node"],
        ),
        (
            "kind: Pod\nmetadata: {name: p, name: q}\nspec: {}\n",
            ['k:2:21: duplicate key "name"'],
        ),
        ('{\n"kind": "Pod",,\n}', None),
    ],
)
def test_problems(text: str, messages: list[str] | None, tmp_path: Path) -> None:
    """What is wrong is said with document, item or line, and the rest is read."""
    path = tmp_path / "k"
    path.write_text(text)
    _, problems = file.load(path)
    found = [problem.message for problem in problems]
    if messages is None:
        assert "line" in found[-1]
        assert found[-1].startswith("k: document 1: ")
    else:
        assert found == messages


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file, a folder and a damaged one are problems, not tracebacks."""
    (tmp_path / "cut.gz").write_bytes(gzip.compress(json.dumps(LIST).encode())[:-9])
    found: list[Problem] = []
    for name in ("none", "", "cut.gz"):
        found += file.load(tmp_path / name)[1]
    assert [problem.message.partition(": ")[2] for problem in found] == [
        "cannot be read: No such file or directory",
        "cannot be read: Is a directory",
        "cannot be read: Compressed file ended before the end-of-stream marker was reached",
    ]


def test_many_problems_are_cut_short(tmp_path: Path) -> None:
    """Twenty are listed, the others counted."""
    file.write([BAD_LABEL] * 30, tmp_path / "k.jsonl")
    _, problems = file.load(tmp_path / "k.jsonl")
    assert len(problems) == 21
    assert problems[-1].message == "k.jsonl: 10 more problems like these"


def test_a_cluster_with_everything_in_one_file(tmp_path: Path) -> None:
    """Good objects are indexed although others are broken."""
    file.write([pod(1), BAD_IP, pod(3)], tmp_path / "k.yaml")
    index, problems = file.load(tmp_path / "k.yaml")
    assert (names(index), len(problems)) == (["p1", "p3"], 1)


def test_a_pipe_is_read_once_and_without_a_writer_holds_nothing(tmp_path: Path) -> None:
    """It was opened twice, and an end without a writer was waited for."""
    os.mkfifo(tmp_path / "pipe")
    assert names(file.load(tmp_path / "pipe")[0]) == []
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb") as end:
            end.write(gzip.compress(json.dumps(LIST).encode()))

    writer = threading.Thread(target=write)
    writer.start()
    index, problems = file.load(Path(f"/dev/fd/{reading}"))
    writer.join()
    os.close(reading)
    assert (names(index), problems) == (["p1", "p2", "p3"], [])


@pytest.mark.parametrize(
    ("text", "then", "reason"),
    [
        (b"kind: Pod\n", b"\0", "it is longer than 1000 bytes"),
        (b'{"kind": "Pod", ', b"\0", "it has NUL bytes, so it is not JSON"),
        (b'{"kind": "Pod"}\n', b"\0", "it has NUL bytes, so it is not JSON"),
        (b'[{"kind": "Pod"}, ', b"\0", "it has NUL bytes, so it is not JSON"),
        (b'{"kind": "Pod", ', b" ", "it is longer than 2000 bytes"),
        (b'{"kind": "Pod"}\n', b" ", "it is longer than 2000 bytes"),
        (b'{"kind":\n"Pod"\n', b"\n", "it is longer than 2000 bytes"),
    ],
)
def test_a_file_without_end_is_read_in_part(
    text: bytes, then: bytes, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that something else has made huge meanwhile: YAML, JSON, a line of JSON."""
    monkeypatch.setattr(file, "_MOST", 2_000)
    monkeypatch.setattr(file, "_MOST_YAML", 1_000)
    monkeypatch.setattr(file, "_PIECE", 100)
    path = tmp_path / "pods"
    path.write_bytes(text + then * 10_000)
    *_, problem = file.load(path)[1]
    assert problem.message.endswith(reason)


@pytest.mark.parametrize("piece", range(1, 40))
def test_lines_are_read_in_pieces(
    piece: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever a piece ends."""
    monkeypatch.setattr(file, "_PIECE", piece)
    path = tmp_path / "pods.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in LIST["items"]))
    index, problems = file.load(path)
    assert (names(index), problems) == (["p1", "p2", "p3"], [])


def test_what_is_no_address_is_warned_of(tmp_path: Path) -> None:
    """Once an object, with file, object, field and text, and behind the errors of the file."""
    path = tmp_path / "k.jsonl"
    pods = [{**pod(1), "status": {"podIP": "10.0.0.300"}}, {"kind": "Pod"}, pod(2)]
    path.write_text("".join(json.dumps(one) + "\n" for one in pods))
    _, (error, found) = file.load(path)
    assert error.message == "k.jsonl: document 2: not a Kubernetes object: metadata.name is missing"
    said = 'Pod shop/p1: status.podIP "10.0.0.300" is not an address'
    assert found == warning((), f"k.jsonl: document 1: {said}")


def test_many_of_them_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "k.jsonl"
    lost = [{**pod(number), "status": {"podIP": "?"}} for number in range(100)]
    path.write_text("".join(json.dumps(one) + "\n" for one in lost))
    _, problems = file.load(path)
    assert len(problems) == 21
    assert problems[-1] == warning((), "k.jsonl: 80 more problems like these")
