"""Names that terminals, spreadsheets and markup act on, through every command that prints."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random

from pipeline.flows import tcp
from tests.attack.tally import Size, Tally
from tests.support.commands import flowmatrix

_PIECES = (
    "\x1b]0;title\x07",
    "\x1b[2J",
    "\x9b31m",
    "\r",
    "\n",
    "\t",
    "\0",
    "\x7f",
    "\u202e",
    "\u2066",
    "\u200b",
    "\u2028",
    "\ufeff",
    "\ue000",
    "\U000e0041",
    "=cmd|'/c calc'!A0",
    "+1",
    "-1",
    "@SUM(A1)",
    "[/x]",
    "[bold]",
    "[link=x]",
    "|",
    "`",
    "*",
    "<img src=x onerror=alert(1)>",
    "\\",
    '"',
    "'",
    "%s",
    "{0}",
    "$(id)",
    "/",
    ",",
    ";",
    "#",
    " ",
    "é",
    "\u0301",
    "漢",
    "x" * 253,
)
_FORMULA = "=+-@\t\r"
_SHOWN = "SrcK8S_Namespace", "SrcK8S_Name", "SrcK8S_OwnerName", "DstSubnetLabel", "DnsName"
_PIPELINE = """\
stages:
- {{name: in, type: ingest_file, path: {path}, decoder: json}}
- {{name: edges, type: encode_matrix, follows: in}}
- name: count
  type: encode_prometheus
  follows: in
  metrics:
  - {{name: bytes, value: Bytes, labels: [SrcK8S_Namespace, SrcK8S_Name, DstSubnetLabel, DnsName]}}
"""


def attacks(size: Size) -> Iterator[Tally]:
    """Each kind of attack with its tally."""
    draw = Random(11)
    letters = _letters(size.of(4_001, 1))
    names = [*_PIECES, *(f"a{letter}b" for letter in letters), *(letters if size.long else ())]
    names += ["".join(draw.choices(_PIECES, k=3)) for _ in range(size.of(30, 6_000))]
    groups = [names[at : at + 200] for at in range(0, len(names), 200)]
    yield _printed("names of objects, labels and domains", size.folder, groups)
    yield _arguments("arguments of commands", size.folder, names[:: size.of(45, 20)])
    yield _configured("names in a configuration", size.folder, names[:: size.of(45, 20)])


def _letters(step: int) -> list[str]:
    """Every control and format character, and each so many of the others that are no surrogates."""
    rare = [*range(0xA0), *range(0x2000, 0x2070), *range(0xFFF0, 0x10000), *range(0xE0000, 0xE0080)]
    others = [number for number in range(0, 0x30000, step) if not 0xD800 <= number < 0xE000]
    return list(map(chr, dict.fromkeys(rare + others)))


def _flows(names: Sequence[str]) -> Iterator[dict[str, object]]:
    """A connection of each name, as its client, that is answered."""
    for number, name in enumerate(names):
        client, server = ("10.0.0.1", 1_024 + number), ("192.0.2.1", 443)
        named = dict.fromkeys(_SHOWN, name)
        back = {
            key.replace("Src", "tsD").replace("Dst", "Src").replace("tsD", "Dst"): value
            for key, value in named.items()
        }
        common = {"Proto": 6, "Bytes": 9, "Packets": 1, "TimeFlowStartMs": 1, "TimeFlowEndMs": 2}
        for fields, here, there, flags in (
            (named, client, server, "SYN"),
            (back, server, client, "SYN_ACK"),
        ):
            ends = {"SrcAddr": here[0], "SrcPort": here[1], "DstAddr": there[0]}
            yield {**common, **fields, **ends, "DstPort": there[1], "Flags": tcp.BITS[flags]}


def _printed(attack: str, folder: Path, groups: list[list[str]]) -> Tally:
    """Whatever is printed of flows is text of lines, and its format reads it back."""
    tally = Tally(attack)
    recording, config = folder / "flows.json", folder / "pipeline.yaml"
    config.write_text(_PIPELINE.format(path=recording))
    matrix = ["matrix", "--input", recording, config]
    commands: list[tuple[list[object], Callable[[str], object]]] = [
        ([*matrix, "--evidence"], _lines),
        ([*matrix, "--summary"], _lines),
        ([*matrix, "--metric", "bytes"], _lines),
        ([*matrix, "--format", "markdown"], _lines),
        ([*matrix, "--format", "dot"], _lines),
        ([*matrix, "--format", "csv"], _table),
        ([*matrix, "--format", "json"], json.loads),
        ([*matrix, "--format", "jsonl"], _objects),
        (["matrix", "approve", "--input", recording, config], _lines),
        (["discover", "--all", "--input", recording, config], _lines),
        (["discover", "--all", "--format", "yaml", "--input", recording, config], _lines),
        (["policy", "generate", "-A", "--input", config], _lines),
        (["flows", recording, "--columns", ",".join(_SHOWN)], _lines),
        (["flows", recording, "--format", "csv"], _table),
        (["flows", recording, "--format", "json"], json.loads),
        (["flows", recording, "--format", "jsonl"], _objects),
    ]
    for names in groups:
        recording.write_text("".join(json.dumps(flow) + "\n" for flow in _flows(names)))
        for command, check in commands:
            what = " ".join(word for word in map(str, command) if "/" not in word)
            with tally.step(f"{what}: {names!r}"):
                done = flowmatrix(*command)
                _told(tally, what, done.exception, done.output)
                if done.exit_code in {0, 3}:
                    check(done.stdout)
                tally.add(f"{what}", len(names))
    return tally


def _arguments(attack: str, folder: Path, names: list[str]) -> Tally:
    tally = Tally(attack)
    recording, config = folder / "flows.json", folder / "pipeline.yaml"
    for name in names:
        if "\0" in name:  # no process can be given it
            continue
        for command in (
            ["matrix", "--input", recording, config, "-n", name],
            ["matrix", "--input", recording, config, "--peer", name],
            ["matrix", "--input", recording, config, "--metric", name],
            ["flows", recording, "--query", name],
            ["flows", recording, "--columns", name],
            ["validate", folder / f"{name[:60]}.yaml"],
            ["who", name],
            [name],
        ):
            with tally.step(f"{command[0]} {name!r}"):
                done = flowmatrix(*command)
                _told(tally, f"{command[0]} {name!r}", done.exception, done.output)
                tally.add("answered" if done.exit_code == 0 else "refused by name")
    return tally


def _configured(attack: str, folder: Path, names: list[str]) -> Tally:
    """Names of stages, metrics, labels, files and keys."""
    tally = Tally(attack)
    path = folder / "named.yaml"
    for name in names:
        stage = {"name": name, "type": "ingest_file", "path": "flows.json", "decoder": "json"}
        metric = {"name": name, "value": name, "labels": [name]}
        for stages in (
            [stage, {"name": "out", "type": "write_stdout", "follows": name}],
            [{**stage, "path": name}],
            [{**stage, name: name}],
            [{**stage, "type": name}],
            [
                stage,
                {"name": "x", "type": "encode_prometheus", "follows": "y", "metrics": [metric]},
            ],
        ):
            path.write_text(json.dumps({"stages": stages}, ensure_ascii=False))
            for command in ("validate", "graph", "convert"):
                with tally.step(f"{command} {stages!r}"):
                    done = flowmatrix(command, path)
                    _told(tally, f"{command} {name!r}", done.exception, done.output)
                    tally.add("accepted" if done.exit_code == 0 else "refused by name")
    return tally


def _told(tally: Tally, what: str, exception: BaseException | None, output: str) -> None:
    """An end that the command chose, and nothing on the way that moves a cursor."""
    if exception and not isinstance(exception, SystemExit):
        tally.fault(f"{what}: {type(exception).__name__}: {exception}")
    moved = {letter for letter in output if not letter.isprintable() and letter != "\n"}
    if moved:
        tally.fault(f"{what}: {moved!r} is printed")


def _lines(text: str) -> None:
    assert text.endswith("\n") or not text


def _table(text: str) -> None:
    """Every row has the columns of the first, and no cell is a formula."""
    head, *rows = csv.reader(io.StringIO(text))
    assert all(len(row) == len(head) for row in rows)
    cells = [cell for row in rows for cell in row if cell[:1] in tuple(_FORMULA)]
    assert all(not cell or _number(cell) for cell in cells), cells[:3]


def _number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _objects(text: str) -> None:
    for line in text.splitlines():
        assert isinstance(json.loads(line), dict)
