"""How the command ends, as a real process: pipes, full disks, encodings, interrupts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from simulate import Simulation

pytestmark = pytest.mark.slow

COMMAND = str(Path(sys.executable).with_name("flowmatrix"))
SAMPLE = '{"SrcAddr": "10.0.0.1", "Bytes": %d, "name": "caf\\u00e9 \\u0101 \\ud83d\\ude00"}\n'
PIPELINE = """\
stages:
- {name: in, type: ingest_file, path: flows.jsonl, decoder: json}
- {name: out, type: write_stdout, follows: in}
"""
BEFORE = b"""Traceback (most recent call last):
  File "<string>", line 1, in <module>
KeyboardInterrupt
"""
"""What Python says of an interrupt that comes before the command has begun."""
NAP = """
import sys, time
class Nap:
    def find_spec(self, name, path=None, target=None):
        if name == "{at}":
            try:
                print("here", flush=True)
                time.sleep(60)
            except {lost}:
                pass
sys.meta_path.insert(0, Nap())
sys.argv = ["flowmatrix", *sys.argv[1:]]
from pipeline.cli import main
main()
"""
PREPARED = """
import codecs, encodings.utf_8, os, sys
made = []
def make(self, errors="strict"):
    made.append(self)
    if len(made) == {number}:
        os.kill(os.getpid(), 2)
    codecs.IncrementalEncoder.__init__(self, errors)
encodings.utf_8.IncrementalEncoder.__init__ = make
sys.argv = ["flowmatrix", "schema"]
from pipeline.cli import main
main()
"""
HEAPS = """
import atexit, ctypes, sys, tempfile
def tell():
    libc = ctypes.CDLL(None)
    libc.fopen.restype = ctypes.c_void_p
    with tempfile.NamedTemporaryFile() as file:
        opened = ctypes.c_void_p(libc.fopen(file.name.encode(), b"w"))
        libc.malloc_info(0, opened)
        libc.fclose(opened)
        print(file.read().count(b"<heap "))
atexit.register(tell)
sys.argv = ["flowmatrix", *sys.argv[1:]]
from pipeline.cli import main
main()
"""
"""The command, and at its end the number of heaps of glibc's."""


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    """A pipeline that prints its flows, a megabyte of them."""
    path = tmp_path / "p.yaml"
    path.write_text(PIPELINE)
    with (tmp_path / "flows.jsonl").open("w") as file:
        file.writelines(SAMPLE % number for number in range(20_000))
    return path


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """A line of bash, whose exit code is that of the first command that fails."""
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line.replace("flowmatrix", COMMAND, 1)],
        capture_output=True,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    ["run {0} --once", "schema", "matrix {1}", "convert {1}", "graph {1}", "--help", "run --help"],
)
@pytest.mark.parametrize("reader", ["head -1", "true", "head -c 5000"])
def test_a_reader_that_goes_away_ends_the_command_without_a_word(
    pipeline: Path, made: Simulation, arguments: str, reader: str
) -> None:
    """With the exit code a shell has of SIGPIPE, or 0 when all was written before."""
    done = shell(f"flowmatrix {arguments.format(pipeline, made.config)} | {reader}")
    assert done.returncode in {0, 141}, done.stderr
    errors = [line for line in done.stderr.decode().splitlines() if ": warning: " not in line]
    assert [line for line in errors if "rror" in line or "Traceback" in line] == []


def test_a_large_output_without_a_reader_is_a_closed_pipe(pipeline: Path) -> None:
    assert shell(f"flowmatrix run {pipeline} --once | true").returncode == 141


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments", ["run {0} --once", "schema", "matrix {1}", "validate {1}", "simulate reference"]
)
def test_a_full_disk_is_an_error_in_one_line(
    pipeline: Path, made: Simulation, tmp_path: Path, arguments: str
) -> None:
    more = f" --out {tmp_path / 'new.pb'}" if arguments.startswith("simulate") else ""
    done = shell(f"flowmatrix {arguments.format(pipeline, made.config)}{more} > /dev/full")
    assert done.returncode == 1
    last = done.stderr.decode().splitlines()[-1]
    assert last.endswith("No space left on device") or "Errno 28" in last
    assert last.startswith("error: ")
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("closed", [">&-", ">&- <&-", ">&- 2>&- <&-"])
def test_an_output_that_the_caller_has_closed_is_an_error(closed: str) -> None:
    """Not a success without the schema, and nothing of Python's own."""
    done = shell(f"flowmatrix schema {closed}")
    assert done.returncode == 1
    assert done.stderr in {b"", b"error: Bad file descriptor\n"}
    assert bool(done.stderr) is ("2>&-" not in closed)


def test_a_file_never_takes_the_place_of_a_stream_that_is_closed(
    pipeline: Path, tmp_path: Path
) -> None:
    """What a run says on stderr is not in the file that it writes."""
    out = tmp_path / "dead"
    with (pipeline.parent / "flows.jsonl").open("w") as file:
        file.write("no json\n" + SAMPLE % 1)
    done = shell(f"flowmatrix run {pipeline} --once --dead-letters {out} 2>&- <&-")
    assert done.returncode == 0
    assert [json.loads(line)["payload"] for line in out.read_text().splitlines()] == ["no json"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("simulate reference --out /proc/new/x.pb", "/proc/new"),
        ("simulate reference --out {folder}", "{folder}"),
        ("run {pipeline} --once --metrics-out {folder}", "{folder}"),
        ("run {pipeline} --once --dead-letters {folder}", "{folder}"),
        ("run {pipeline} --once --state /proc/new", "/proc/new"),
    ],
)
def test_outputs_that_cannot_be_written_are_named(
    pipeline: Path, tmp_path: Path, arguments: str, message: str
) -> None:
    done = shell(f"flowmatrix {arguments.format(folder=tmp_path, pipeline=pipeline)} > /dev/null")
    assert done.returncode in {1, 2}
    errors = done.stderr.decode()
    assert message.format(folder=tmp_path) in errors
    assert "Traceback" not in errors


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "utf-8"])
def test_json_is_utf8_in_every_locale(pipeline: Path, encoding: str) -> None:
    done = shell(f"flowmatrix run {pipeline} --once", PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.decode("utf-8").splitlines()
    assert len(lines) == 20_000
    assert json.loads(lines[-1])["name"] == "café ā 😀"


def test_a_terminal_of_another_encoding_gets_escapes() -> None:
    """Its own letters as they are, lines of tables as ASCII, others as JSON writes them."""
    code = "from pipeline.cli import entry; import codecs; "
    code += 'codecs.register_error("x", entry._replaced); '
    code += 'print("é─│ā😀\\udc80".encode("latin-1", "x"))'
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert eval(done.stdout) == b"\xe9-|\\u0101\\ud83d\\ude00\\udc80"  # noqa: S307 - of bytes


def test_a_name_of_a_file_that_is_no_text_is_told() -> None:
    done = subprocess.run(
        [COMMAND, "validate", os.fsdecode(b"\xff.yaml")], capture_output=True, check=False
    )
    assert done.returncode == 78
    assert b"Traceback" not in done.stderr
    assert b".yaml: error: " in done.stderr


@pytest.mark.parametrize("lost", ["()", "KeyboardInterrupt"])
@pytest.mark.parametrize("at", ["pipeline.cli.app", "pipeline.config.loader", "polars", "typer"])
def test_an_interrupt_while_it_starts_is_one_line(at: str, lost: str, made: Simulation) -> None:
    """The import of a module takes a minute, and Ctrl-C comes meanwhile.

    What imports it may pass over the exception, as `msgspec._core` does and other modules in C.
    """
    with subprocess.Popen(
        [sys.executable, "-c", NAP.format(at=at, lost=lost), "graph", str(made.config)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"here\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, b"interrupted\n")


@pytest.mark.parametrize("number", [1, 2])
def test_an_interrupt_while_its_streams_are_prepared_is_one_line(number: int) -> None:
    """A stream whose encoder was not made takes no text any more, standard error's neither."""
    command = [sys.executable, "-c", PREPARED.format(number=number)]
    done = subprocess.run(command, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"interrupted\n")


@pytest.mark.slow
def test_an_interrupt_at_any_moment_is_one_line(tmp_path: Path) -> None:
    """From when Python has started, at twelve moments of a command that takes a few seconds."""
    started = "from pipeline.cli import main; print(flush=True); main()"
    command = [sys.executable, "-c", started, "simulate", "cluster", "--flows", "2000000", "--out"]
    command.append(str(tmp_path / "c.pb"))
    ends = set()
    for tenths in range(0, 24, 2):
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout
            process.stdout.readline()
            time.sleep(tenths / 10)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
        if errors != BEFORE:
            ends.add((process.returncode, errors))
    assert ends <= {(130, b"interrupted\n"), (0, b"")}
    assert (130, b"interrupted\n") in ends


def test_an_interrupt_while_python_ends_is_not_one_any_more() -> None:
    """The command has done all it had to; the shell would have been told that a signal ended it."""
    started = "import builtins, os, sys; sys.argv = ['flowmatrix', '--help']\n"
    started += "class End:\n    def __del__(self): os.kill(os.getpid(), 2)\n"
    started += "builtins.end = End()\nfrom pipeline.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", started], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_threads_of_libraries_have_no_heap_of_their_own(pipeline: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HEAPS, "run", str(pipeline), "--once", "--metrics-out", "/dev/null"],
        capture_output=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == b"1"


@pytest.mark.parametrize("given", ["0", "-1", "many", "1.5", "99999999999"])
def test_a_number_of_threads_that_polars_does_not_take_is_one_line(
    pipeline: Path, given: str
) -> None:
    """Polars itself panics, warns, or ends the process."""
    done = shell(f"flowmatrix run {pipeline} --once", POLARS_MAX_THREADS=given)
    assert done.returncode == 2
    told = f"error: POLARS_MAX_THREADS: '{given}' is not a number from 1 to 4,096\n"
    assert done.stderr.decode() == told


@pytest.mark.parametrize("given", ["1", "3", ""])
def test_a_number_of_threads_is_taken(pipeline: Path, given: str) -> None:
    """An empty one counts as none."""
    done = shell(f"flowmatrix run {pipeline} --once", POLARS_MAX_THREADS=given)
    assert (done.returncode, b"POLARS" in done.stderr) == (0, False)


def test_shell_completion_knows_commands_and_options() -> None:
    """The commands are imported when they are asked for, and completed all the same."""
    for words, count, expected in (
        ("flowmatrix si", 1, ["simulate"]),
        ("flowmatrix matrix --na", 2, ["--namespace"]),
    ):
        environment = {"COMP_WORDS": words, "COMP_CWORD": str(count)}
        environment["_FLOWMATRIX_COMPLETE"] = "complete_bash"
        done = shell("flowmatrix", **environment)
        assert done.stdout.decode().split() == expected


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_an_output_that_takes_a_part_is_an_error(tmp_path: Path, unbuffered: str) -> None:
    """Also where Python writes straight to the system, which may take less than it is given."""
    out = tmp_path / "out"
    done = shell(f"ulimit -f 1; flowmatrix schema > {out}", PYTHONUNBUFFERED=unbuffered)
    assert (done.returncode, done.stderr) == (1, b"error: File too large\n")
    assert out.stat().st_size == 1024
