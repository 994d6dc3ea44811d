"""Labels written into a pipeline file in place."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from discovery import apply
from pipeline import config
from pipeline.diagnostics import ConfigError
from pipeline.kube.subnets import Label

BOTH = [Label("EXT:A", ["10.0.0.0/8", "2001:db8::/32"]), Label("EXT:B", ["11.0.0.1/32"])]
HEAD = """\
# flows of the shop
stages:
  - {name: flows, type: ingest_stdin, decoder: json}  # all of them
"""
TAIL = """\

  # what is counted
  - name: expose
    type: encode_prometheus
    follows: subnets
    metrics: [{name: all, type: counter}]
"""
OUT = "  - {name: out, type: write_stdout, follows: subnets}\n"
ADDED = 'name: "EXT:A", cidrs: ["10.0.0.0/8", "2001:db8::/32"]'
MORE = 'name: "EXT:B", cidrs: ["11.0.0.1/32"]'


def changed(text: str, path: Path, labels: list[Label] = BOTH, stage: str = "") -> str:
    """The text of a file after the labels were written into it."""
    path.write_bytes(text.encode())
    apply.apply(path, labels, stage)
    return path.read_bytes().decode()


def labels_of(path: Path) -> list[Label]:
    loaded = config.load(path)
    return [label for stage in loaded.stages for label in getattr(stage, "labels", [])]


@pytest.mark.parametrize(
    ("stage", "after"),
    [
        (
            """\
  - name: subnets
    type: subnet_label
    follows: flows
    labels:
      - name: Pods   # of the cluster
        cidrs: [10.128.0.0/14]  # no more
    # of nobody
    match: longest
""",
            """\
  - name: subnets
    type: subnet_label
    follows: flows
    labels:
      - name: Pods   # of the cluster
        cidrs: [10.128.0.0/14]  # no more
      - name: "EXT:A"
        cidrs: ["10.0.0.0/8", "2001:db8::/32"]
      - name: "EXT:B"
        cidrs: ["11.0.0.1/32"]
    # of nobody
    match: longest
""",
        ),
        (
            """\
  - name: subnets
    type: subnet_label
    follows: flows
    labels:
    - {name: Pods, cidrs: [10.128.0.0/14]}
""",
            f"""\
  - name: subnets
    type: subnet_label
    follows: flows
    labels:
    - {{name: Pods, cidrs: [10.128.0.0/14]}}
    - {{{ADDED}}}
    - {{{MORE}}}
""",
        ),
        (
            """\
  - name: subnets
    type: subnet_label
    follows: flows
    labels: [{name: Pods, cidrs: [10.128.0.0/14]}]  # - all
""",
            f"""\
  - name: subnets
    type: subnet_label
    follows: flows
    labels: [{{name: Pods, cidrs: [10.128.0.0/14]}}, {{{ADDED}}}, {{{MORE}}}]  # - all
""",
        ),
        (
            """\
  - name: subnets
    type: subnet_label
    follows: flows
    labels: [
      {name: Pods, cidrs: [10.128.0.0/14]},  # pods
      {name: Machines, cidrs: [10.0.0.0/16]},  # hosts
    ]
""",
            f"""\
  - name: subnets
    type: subnet_label
    follows: flows
    labels: [
      {{name: Pods, cidrs: [10.128.0.0/14]}},  # pods
      {{name: Machines, cidrs: [10.0.0.0/16]}},
      {{{ADDED}}},
      {{{MORE}}},  # hosts
    ]
""",
        ),
        (
            "  - {name: subnets, type: subnet_label, follows: flows, autodetect: objects.yaml}\n",
            (
                "  - {name: subnets, type: subnet_label, follows: flows, autodetect: objects.yaml,"
                f" labels: [{{{ADDED}}}, {{{MORE}}}]}}\n"
            ),
        ),
        (
            """\
  - type: subnet_label
    name: subnets
    follows: flows
    autodetect: objects.yaml  # of the cluster

  # the end
""",
            """\
  - type: subnet_label
    name: subnets
    follows: flows
    autodetect: objects.yaml  # of the cluster
    labels:
      - name: "EXT:A"
        cidrs: ["10.0.0.0/8", "2001:db8::/32"]
      - name: "EXT:B"
        cidrs: ["11.0.0.1/32"]

  # the end
""",
        ),
        (
            """\
  - name: subnets
    type: subnet_label
    follows: flows
    autodetect: objects.yaml
    labels: []
""",
            f"""\
  - name: subnets
    type: subnet_label
    follows: flows
    autodetect: objects.yaml
    labels: [{{{ADDED}}}, {{{MORE}}}]
""",
        ),
        (
            """\
  - name: subnets
    type: subnet_label
    follows: flows
    labels:
      -   # - the first
        cidrs:
          - 10.128.0.0/14
        name: Pods
""",
            """\
  - name: subnets
    type: subnet_label
    follows: flows
    labels:
      -   # - the first
        cidrs:
          - 10.128.0.0/14
        name: Pods
      - name: "EXT:A"
        cidrs: ["10.0.0.0/8", "2001:db8::/32"]
      - name: "EXT:B"
        cidrs: ["11.0.0.1/32"]
""",
        ),
    ],
    ids=["block", "braces", "flow", "lines", "in braces", "no list", "empty", "dashes"],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_every_style(stage: str, after: str, end: str, tmp_path: Path) -> None:
    """Only the labels are new: all else is there as it was, letter by letter."""
    pods = {
        "kind": "Network",
        "apiVersion": "config.openshift.io/v1",
        "metadata": {"name": "cluster"},
    }
    objects = {**pods, "spec": {"clusterNetwork": [{"cidr": "10.128.0.0/14"}]}}
    (tmp_path / "objects.yaml").write_text(json.dumps(objects))
    path = tmp_path / "pipeline.yaml"
    before = (HEAD + stage + TAIL).replace("\n", end)
    assert changed(before, path) == (HEAD + after + TAIL).replace("\n", end)
    assert labels_of(path)[-2:] == BOTH


def test_a_file_without_an_end_of_line(tmp_path: Path) -> None:
    stage = "  - name: subnets\n    type: subnet_label\n    follows: flows\n    labels:\n"
    text = HEAD + TAIL + stage + "    - {name: A, cidrs: [9.0.0.0/8]}"
    assert changed(text, tmp_path / "p.yaml") == f"{text}\n    - {{{ADDED}}}\n    - {{{MORE}}}"


ITEM = "{name: A, cidrs: [9.0.0.0/8]}"
BLOCK = '    - name: "EXT:B"\n      cidrs: ["11.0.0.1/32"]\n'
STAGE = f"""{HEAD}{OUT}\
  - name: subnets
    type: subnet_label
    follows: flows
"""
FOLDED = "    labels:\n    - cidrs: [9.0.0.0/8]\n      name: >-\n        A\n\n    match: first\n"


@pytest.mark.parametrize(
    ("text", "before", "added"),
    [
        (f"---\n{STAGE}    labels:\n    - {ITEM}\n...\n", "...", f"    - {{{MORE}}}\n"),
        (f"\ufeff{STAGE}    labels:\n    - {ITEM}\n", "", f"    - {{{MORE}}}\n"),
        (f"{STAGE}    labels: &l\n      - {ITEM}\n", "", f"      - {{{MORE}}}\n"),
        (f"{STAGE}    labels: !!seq [{ITEM}]\n", "]\n", f", {{{MORE}}}"),
        (f"{STAGE}    labels:\n    - {ITEM}\n    # - none\n", "    # -", f"    - {{{MORE}}}\n"),
        (f"{STAGE}    ? labels\n    : - {ITEM}\n", "", f"      - {{{MORE}}}\n"),
        (
            f"{STAGE}    labels:\n    - &a {ITEM}\n    - *a  # again\n    match: longest\n",
            *("    match", BLOCK),
        ),
        (STAGE + FOLDED, "    match", BLOCK),
    ],
    ids=["marks", "bom", "anchor", "tag", "comment", "keys", "alias", "folded"],
)
def test_other_ways_to_write_yaml(text: str, before: str, added: str, tmp_path: Path) -> None:
    """The new text stands before a part of the old one; all else is as it was."""
    at = text.rindex(before) if before else len(text)
    expected = text[:at] + added + text[at:]
    assert changed(text, tmp_path / "p.yaml", BOTH[1:]) == expected


def test_json(tmp_path: Path) -> None:
    stages = [
        {"name": "flows", "type": "ingest_stdin", "decoder": "json"},
        {"name": "out", "type": "write_stdout", "follows": "s"},
        {
            "name": "s",
            "type": "subnet_label",
            "follows": "flows",
            "labels": [{"name": "A", "cidrs": ["9.0.0.0/8"]}],
        },
    ]
    path = tmp_path / "p.json"
    document = json.loads(changed(json.dumps({"stages": stages}, indent=2), path))
    assert [label["name"] for label in document["stages"][2]["labels"]] == ["A", "EXT:A", "EXT:B"]


def test_flowlogs_pipelines_dialect(tmp_path: Path) -> None:
    text = """\
pipeline:
  - name: read
  - {name: enrich, follows: read}
  - {name: out, follows: enrich}
parameters:
  - name: read
    ingest: {type: stdin, stdin: {decoder: {type: json}}}
  - name: enrich
    transform:
      type: network
      network:
        rules:
          - {type: add_subnet_label, add_subnet_label: {input: SrcAddr, output: SrcSubnetLabel}}
          - {type: add_subnet_label, add_subnet_label: {input: DstAddr, output: DstSubnetLabel}}
        subnetLabels:
          - name: Pods
            cidrs: [10.128.0.0/14]
        # the rest
  - {name: out, write: {type: stdout}}
"""
    path = tmp_path / "p.yaml"
    pods = "            cidrs: [10.128.0.0/14]\n"
    assert changed(text, path, BOTH[1:]) == text.replace(
        pods, pods + '          - name: "EXT:B"\n            cidrs: ["11.0.0.1/32"]\n'
    )
    assert BOTH[1] in labels_of(path)


PLAIN = f"""{HEAD}{TAIL}\
  - name: subnets
    type: subnet_label
    follows: flows
    labels: [{{name: A, cidrs: [9.0.0.0/8]}}]
"""


def test_twice_is_as_once(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    once = changed(PLAIN, path)
    before = path.stat()
    edit = apply.apply(path, BOTH)
    assert (edit.added, edit.notes) == ([], [])
    assert path.read_text() == once
    assert path.stat().st_ino == before.st_ino, "it is not written again"


def test_only_what_is_new_is_added(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(PLAIN)
    edit = apply.apply(path, [Label("A", ["9.0.0.0/8", "10.0.0.0/8"]), Label("B", ["9.1.0.0/16"])])
    assert edit.added == [Label("A", ["10.0.0.0/8"])]
    assert edit.notes == ['9.1.0.0/16 is not added to "B": it is named "A"']


def test_file_mode_and_links_stay(tmp_path: Path) -> None:
    real, link = tmp_path / "real.yaml", tmp_path / "link.yaml"
    real.write_text(PLAIN)
    real.chmod(0o640)
    link.symlink_to(real)
    apply.apply(link, BOTH)
    assert link.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert BOTH[0].name in real.read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.yaml", "real.yaml"]


def test_a_file_that_changes_meanwhile_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(PLAIN)
    edited = apply.edited

    def meanwhile(*arguments: object) -> apply.Edit:
        path.write_text(PLAIN + "# more\n")
        return edited(*arguments)  # type: ignore[arg-type] # as they came

    monkeypatch.setattr(apply, "edited", meanwhile)
    with pytest.raises(ConfigError, match="the file has changed meanwhile; try again"):
        apply.apply(path, BOTH)
    assert path.read_text() == PLAIN + "# more\n"
    assert [file.name for file in tmp_path.iterdir()] == ["p.yaml"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            HEAD + OUT.replace("subnets", "flows"),
            "p.yaml: error: the file has no stage of type subnet_label; add one after",
        ),
        (HEAD.replace("name:", "nam:"), "unknown field"),
        (
            HEAD.replace("stages:", "x-labels: &l [{name: A, cidrs: [9.0.0.0/8]}]\nstages:")
            + OUT
            + "  - {name: subnets, type: subnet_label, follows: flows, labels: *l}\n",
            'p.yaml:6:65: error: stage "subnets": its labels cannot be added to in place',
        ),
        (
            HEAD.replace("stages:", "x-s: &s {labels: [{name: A, cidrs: [9.0.0.0/8]}]}\nstages:")
            + OUT
            + "  - {<<: *s, name: one, type: subnet_label, follows: flows}\n"
            + "  - {<<: *s, name: subnets, type: subnet_label, follows: one}\n",
            "",
        ),
    ],
    ids=["no stage", "not valid", "an alias", "merged"],
)
def test_what_cannot_be_changed_is_refused(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(text)
    if not said:
        apply.apply(path, BOTH, "subnets")
        assert labels_of(path).count(BOTH[0]) == 2, "both stages share the list"
        return
    with pytest.raises(ConfigError) as refused:
        apply.apply(path, BOTH)
    assert said in str(refused.value)
    assert path.read_text() == text


def test_of_several_stages_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    label = "labels: [{name: A, cidrs: [9.0.0.0/8]}]"
    other = f"  - {{name: other, type: subnet_label, follows: subnets, {label}}}\n"
    last = OUT.replace("subnets", "other").replace("name: out", "name: last")
    path.write_text(PLAIN + other + last)
    with pytest.raises(
        ConfigError, match="several stages of type subnet_label; name one of subnets, other"
    ):
        apply.apply(path, BOTH)
    with pytest.raises(ConfigError, match='is called "othr"; did you mean "other"'):
        apply.apply(path, BOTH, "othr")
    apply.apply(path, BOTH, "other")
    stages = {stage.name: getattr(stage, "labels", []) for stage in config.load(path).stages}
    assert (len(stages["subnets"]), len(stages["other"])) == (1, 3)
