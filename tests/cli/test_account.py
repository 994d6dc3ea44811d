"""A finite run says what became of its input, and its exit status tells a machine."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cramjam
import lz4.frame
import pytest
from backports import zstd

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-c", "from pipeline.cli import main; main()"]
LINES = b'{"Proto":6,"Bytes":1}\n{"Proto":6,"Bytes":2}\n{"Proto":6,"Bytes":3}\n'
PIPELINE = """\
stages:
- {name: in, type: SOURCE, decoder: json}
- name: expose
  type: encode_prometheus
  follows: in
  metrics: [{name: bytes_total, value: Bytes, labels: [Proto]}]
"""
PZSTD = Path(__file__).parents[1] / "decode" / "big.json.zst"


class Done(NamedTuple):
    """How a run ended."""

    code: int
    said: list[str]
    total: float | None


def run(folder: Path, data: bytes, *options: str, stdin: bool = False, more: str = "") -> Done:
    """A run over these bytes. `total` is of bytes_total, None when there is no exposition.

    `more` is for the end of the pipeline.
    """
    source = "ingest_stdin" if stdin else "ingest_file, path: input"
    (folder / "input").write_bytes(data)
    (folder / "pipeline.yaml").write_text(PIPELINE.replace("SOURCE", source) + more)
    out = folder / "out.prom"
    command = [*COMMAND, "run", "pipeline.yaml", "--once", "--metrics-out", str(out), *options]
    done = subprocess.run(
        command,
        cwd=folder,
        input=data if stdin else b"",
        capture_output=True,
        check=False,
        timeout=120,
    )
    if not out.exists():
        return Done(done.returncode, done.stderr.decode().splitlines(), None)
    found = re.search(r'^bytes_total\{Proto="6"\} (\S+)$', out.read_text(), re.MULTILINE)
    said = done.stderr.decode().splitlines()
    return Done(done.returncode, said, float(found[1]) if found else 0.0)


@pytest.mark.parametrize("stdin", [False, True])
@pytest.mark.parametrize(
    "data",
    [
        LINES,
        LINES.replace(b"}\n", b"},\n"),
        b'{"Proto":6,"Bytes":1}\n{"Proto":6,"Bytes":2},\n{"Proto":6,"Bytes":3},\n',
        b"\n".join(json.dumps(json.loads(line), indent=2).encode() for line in LINES.splitlines()),
        b"[" + LINES.strip().replace(b"\n", b",\n") + b"]\n",
    ],
)
def test_every_form_of_json_is_counted(tmp_path: Path, data: bytes, *, stdin: bool) -> None:
    """Trailing commas, objects over several lines, and arrays, from files and standard input."""
    done = run(tmp_path, data, stdin=stdin)
    assert done == (0, ["3 read, 3 counted, 0 filtered, 0 rejected"], 6)


def test_a_capture_that_was_cut_is_counted_as_far_as_it_goes(tmp_path: Path) -> None:
    """As the netobserv CLI leaves it: a comma behind each object, and no end."""
    data = b'{"Proto":6,"Bytes":561},\n{"Proto":6,"Bytes":100},\n{"Proto":6,"Bytes":9,"Fl'
    done = run(tmp_path, data)
    assert done.code == 0
    assert done.total == 661
    assert "".join(done.said) == (
        "3 read, 2 counted, 0 filtered, 1 rejected: "
        "the input ends inside an object, 24 bytes into it (1)"
    )


def test_rejects_are_said_and_strict_makes_them_an_exit_status(tmp_path: Path) -> None:
    data = b'oops\n{"Proto":6,"Bytes":1}\n{"Proto":6,"Bytes":-1}\n{"Proto":6}\n'
    done = run(tmp_path, data)
    assert (done.code, done.total) == (0, 1)
    [line] = done.said
    assert line.startswith("4 read, 1 counted, 1 filtered, 2 rejected: JSON is malformed: ")
    assert line.endswith('; metric bytes_total: Bytes "-1" is negative (1)')
    strict = run(tmp_path, data, "--strict")
    assert (strict.code, strict.total) == (1, 1)
    assert strict.said == [line, "error: 2 were rejected, and the run is strict"]
    assert run(tmp_path, LINES, "--strict").code == 0


@pytest.mark.parametrize("data", [b"oops\noops\n", b"\x89PNG\r\n\x1a\n" * 9, b'{"Bytes":-1}\n'])
def test_nothing_but_rejects_is_an_error(tmp_path: Path, data: bytes) -> None:
    done = run(tmp_path, data)
    assert (done.code, done.total) == (1, 0)
    assert " 0 counted, 0 filtered, " in done.said[0]
    assert done.said[-1] == (
        "error: everything that was read was rejected: is this the decoder, is it this file?"
    )


TWO = """\
stages:
- {name: good, type: ingest_file, path: good, decoder: json}
- {name: other, type: ingest_file, path: other, decoder: json}
- name: expose
  type: encode_prometheus
  follows: [good, other]
  metrics: [{name: bytes_total, value: Bytes, labels: [Proto]}]
"""


def run_two(folder: Path, other: bytes, *options: str) -> tuple[int, list[str]]:
    """A run over a source that is counted and another one, both into one metric."""
    (folder / "good").write_bytes(LINES)
    (folder / "other").write_bytes(other)
    (folder / "two.yaml").write_text(TWO)
    command = [*COMMAND, "run", "two.yaml", "--once", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=120)
    return done.returncode, done.stderr.decode().splitlines()


@pytest.mark.parametrize("data", [b"oops\noops\n", b"\x89PNG\r\n\x1a\n" * 9, b'{"Bytes":-1}\n'])
def test_one_of_two_sources_that_gave_nothing_but_rejects_is_an_error(
    tmp_path: Path, data: bytes
) -> None:
    """It was lost in the sums, as the other one was counted."""
    code, said = run_two(tmp_path, data)
    assert code == 1
    assert " 3 counted, 0 filtered, " in said[0]
    assert said[-1].startswith("error: everything that was read of other was rejected: is this ")


@pytest.mark.parametrize("data", [b"", b'oops\n{"Bytes":1}\n', b"{}\n"])
def test_one_of_two_sources_that_gave_nothing_or_something_is_not(
    tmp_path: Path, data: bytes
) -> None:
    """No flow, a flow beside rejects, and flows that no metric counts."""
    assert run_two(tmp_path, data)[0] == 0


def test_a_source_that_goes_on_may_read_an_unfinished_line_alone(tmp_path: Path) -> None:
    assert run_two(tmp_path, b'{"Bytes":1}\n', "--state", "kept")[0] == 0
    assert run_two(tmp_path, b'{"Bytes":1}\n{"Byt', "--state", "kept")[0] == 0


def test_zeros_are_empty_messages_and_said_to_be_while_they_last(tmp_path: Path) -> None:
    """Three gigabytes of them were read for minutes without a word."""
    (tmp_path / "zeros").touch()
    os.truncate(tmp_path / "zeros", 2_000_000)
    (tmp_path / "zeros.yaml").write_text(
        PIPELINE.replace("SOURCE, decoder: json", "ingest_file, path: zeros")
    )
    command = [*COMMAND, "run", "zeros.yaml", "--once"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=120)
    said = done.stderr.decode().splitlines()
    assert done.returncode == 0
    assert [line for line in said if "in a row are empty" in line] == said[:1]
    assert "stage in: more than 1000000 messages in a row are empty, as zeros read" in said[0]
    assert said[1] == "0 read, 0 counted, 0 filtered, 0 rejected; 2000000 empty"


@pytest.mark.parametrize("option", ["--dead-letters", "--metrics-out"])
def test_what_is_read_is_not_overwritten(tmp_path: Path, option: str) -> None:
    """The recording was emptied, and the run said that all was well."""
    done = run(tmp_path, LINES, option, "input")
    assert done.code == 1
    assert done.said == ["error: input is what this run reads: it would be overwritten"]
    assert (tmp_path / "input").read_bytes() == LINES


@pytest.mark.parametrize("configured", [False, True])
def test_an_output_is_not_overwritten_by_another_one(tmp_path: Path, *, configured: bool) -> None:
    """The dead letters were gone, and the run said that all was well."""
    options = ["--metrics-out", "same"]
    if configured:
        done = run(tmp_path, LINES, *options, more="dead_letters: {file: same}\n")
    else:
        done = run(tmp_path, LINES, *options, "--dead-letters", "same")
    assert done.code == 1
    assert done.said == ["error: same is what this run writes, too: it would be overwritten"]
    assert not (tmp_path / "same").exists()


def test_dead_letters_to_a_pipe_that_nobody_reads_are_an_error(tmp_path: Path) -> None:
    """It waited, and no signal ended it."""
    os.mkfifo(tmp_path / "pipe")
    done = run(tmp_path, LINES, "--dead-letters", "pipe")
    assert (done.code, done.said) == (1, ["error: pipe: No such device or address"])


def test_an_empty_input_is_not_an_error(tmp_path: Path) -> None:
    done = run(tmp_path, b"")
    assert done.code == 0
    assert done.said[0] == "0 read, 0 counted, 0 filtered, 0 rejected"


def snappy(data: bytes) -> bytes:
    return bytes(cramjam.snappy.compress(data))


PACKS: list[Callable[[bytes], bytes]] = [
    *(gzip.compress, zstd.compress, bz2.compress, lzma.compress, lz4.frame.compress, snappy)
]


@pytest.mark.parametrize("stdin", [False, True])
@pytest.mark.parametrize("pack", PACKS)
def test_compressed_input_is_recognised(
    tmp_path: Path, pack: Callable[[bytes], bytes], *, stdin: bool
) -> None:
    packed = pack(LINES)
    assert run(tmp_path, packed + packed + bytes(512), stdin=stdin) == (
        *(0, ["6 read, 6 counted, 0 filtered, 0 rejected"], 12),
    )


def test_a_recording_of_pzstd_is_counted(tmp_path: Path) -> None:
    """It begins with a skippable frame."""
    assert run(tmp_path, PZSTD.read_bytes()) == (
        *(0, ["9 read, 9 counted, 0 filtered, 0 rejected"], 18),
    )


@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress])
def test_of_a_cut_recording_the_whole_flows_are_counted(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    flows = b"".join(b'{"Proto":6,"Bytes":1,"n":%d}\n' % number for number in range(30_000))
    packed = pack(flows)
    whole = run(tmp_path, packed)
    cut = run(tmp_path, packed[:-1])
    assert whole == (0, ["30000 read, 30000 counted, 0 filtered, 0 rejected"], 30_000)
    assert cut.code == 0
    assert cut.total
    assert cut.total > 25_000
    name = "gzip" if pack is gzip.compress else "zstd"
    assert "".join(cut.said) == (
        f"{cut.total + 1:.0f} read, {cut.total:.0f} counted, 0 filtered, 1 rejected: "
        f"the {name} data ends early, at byte {len(packed) - 1} of the input (1)"
    )


@pytest.mark.parametrize(
    ("data", "why"),
    [(b"PK\x03\x04" + bytes(99), "a zip archive"), (bytes(257) + b"ustar", "a tar")],
)
def test_an_archive_is_refused_by_name(tmp_path: Path, data: bytes, why: str) -> None:
    done = run(tmp_path, data)
    assert (done.code, done.total) == (1, None)
    assert done.said[-1].startswith("error: input: the input is " + why)
