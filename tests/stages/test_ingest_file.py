"""The file source: what it finds wrong, what it reads, where it resumes."""

import gzip
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest

from pipeline.decode import Format
from pipeline.diagnostics import Severity
from pipeline.stage import BuildContext, Source, SourceContext
from stages.ingest_file import IngestFile
from tests.support.commands import flowmatrix
from tests.support.recordings import cli_database
from tests.support.records import message_class

NATIVE = """
stages:
  - {name: in, type: ingest_file, path: %s, decoder: json}
  - name: out
    type: encode_prometheus
    follows: in
    metrics: [{name: flows_bytes, value: Bytes, labels: [SrcAddr]}]
"""
DIALECT = """
pipeline: [{name: in}, {name: out, follows: in}]
parameters:
  - {name: in, ingest: {type: file, file: {filename: %s, decoder: {type: json}}}}
  - name: out
    encode:
      type: prom
      prom: {metrics: [{name: flows_bytes, type: counter, valueKey: Bytes, labels: [SrcAddr]}]}
"""


def source(path: str, **fields: object) -> IngestFile:
    given = {"type": "ingest_file", "name": "in", "path": path, **fields}
    return msgspec.convert(given, IngestFile)


def record(size: int) -> bytes:
    message = message_class()(eth_protocol=0x0800, bytes=size, network={}, transport={})
    data: bytes = message.SerializeToString()
    return bytes([len(data)]) + data


def read(stage: Source, folder: Path) -> list[int]:
    decode = stage.decode(BuildContext(folder=folder))
    frames = [decode(payloads).flows for payloads in stage.chunks(SourceContext(folder))]
    return [size for frame in frames for size in frame["Bytes"]]


def test_a_missing_file_is_named_with_its_nearest_neighbour(tmp_path: Path) -> None:
    (tmp_path / "flows.jsonl").touch()
    (tmp_path / "flows.d").mkdir()
    [problem] = source("flow.jsonl").check(tmp_path)
    assert problem.path == ("path",)
    assert problem.message == f"no file {tmp_path / 'flow.jsonl'}"
    assert problem.hint == 'did you mean "flows.jsonl"?'
    [problem] = source("gone/flows.jsonl").check(tmp_path)
    assert (problem.message, problem.hint) == (f"no file {tmp_path / 'gone/flows.jsonl'}", "")
    [problem] = source("flows.d").check(tmp_path)
    assert problem.message == f"{tmp_path / 'flows.d'} is a folder, not a file"
    assert list(source("flows.jsonl").check(tmp_path)) == []


@pytest.mark.parametrize(
    "fields",
    [{"decoder": "xml"}, {"compression": "rar"}, {"batch_size": 0}, {"chunk": 1}],
)
def test_fields_are_checked(fields: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        source("flows", **fields)


def test_an_empty_name_is_not_a_file() -> None:
    with pytest.raises(msgspec.ValidationError):
        source("")


def test_an_empty_file_has_no_chunk(tmp_path: Path) -> None:
    (tmp_path / "flows").touch()
    for decoder in ("protobuf", "json"):
        assert list(source("flows", decoder=decoder).chunks(SourceContext(tmp_path))) == []


def test_protobuf_in_batches(tmp_path: Path) -> None:
    (tmp_path / "flows.pb").write_bytes(b"".join(map(record, range(1, 8))))
    stage = source("flows.pb", batch_size=3)
    chunks = list(stage.chunks(SourceContext(tmp_path)))
    assert [len(payloads) for payloads in chunks] == [3, 3, 1]
    assert read(stage, tmp_path) == [1, 2, 3, 4, 5, 6, 7]


def test_json_lines_and_arrays_packed_or_not(tmp_path: Path) -> None:
    flows = [{"Bytes": number} for number in range(1, 2001)]
    lines = "".join(json.dumps(flow) + "\n" for flow in flows).encode()
    for name, data in (
        ("a", lines),
        ("b", json.dumps(flows).encode()),
        ("c", gzip.compress(lines)),
    ):
        (tmp_path / name).write_bytes(data)
        stage = source(name, decoder="json", batch_size=700)
        assert read(stage, tmp_path) == list(range(1, 2001))
        chunks = list(stage.chunks(SourceContext(tmp_path)))
        assert [len(payloads) for payloads in chunks] == [700, 700, 600]


def test_a_damaged_tail_is_rejected_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "flows.pb").write_bytes(record(5) + b"\x7fabc")
    stage = source("flows.pb")
    [payloads] = stage.chunks(SourceContext(tmp_path))
    decoded = stage.decode(BuildContext())(payloads)
    assert decoded.flows["Bytes"].to_list() == [5]
    assert decoded.rejected == [(1, "the input ends inside a message, 4 bytes into it")]


def test_of_a_file_that_is_cut_the_rest_is_rejected(tmp_path: Path) -> None:
    packed = gzip.compress(record(1) * 1000)[:-9]
    (tmp_path / "flows.gz").write_bytes(packed)
    stage = source("flows.gz")
    [payloads] = stage.chunks(SourceContext(tmp_path))
    decoded = stage.decode(BuildContext())(payloads)
    [(place, reason)] = decoded.rejected
    assert place == decoded.flows.height > 900
    assert reason == f"the gzip data ends early, at byte {len(packed)} of the input"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "flows.zip").write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(OSError, match=r"flows\.zip: the input is a zip archive"):
        list(source("flows.zip").chunks(SourceContext(tmp_path)))
    with pytest.raises(FileNotFoundError, match="gone"):
        list(source("gone").chunks(SourceContext(tmp_path)))


def test_replay_reads_another_file(tmp_path: Path) -> None:
    (tmp_path / "other.pb").write_bytes(record(9))
    stage = source("flows.gz", compression="gzip").replay(tmp_path / "other.pb")
    assert read(stage, Path("/nowhere")) == [9]


def test_a_database_of_the_netobserv_cli_reads_as_json(tmp_path: Path) -> None:
    cli_database(tmp_path / "flows.db", [{"Bytes": 1}, {"Bytes": 2}, {"Bytes": 3}])
    assert read(source("flows.db", decoder="json", batch_size=2), tmp_path) == [1, 2, 3]
    with pytest.raises(OSError, match=r"flows\.db: .* are read with decoder: json"):
        read(source("flows.db"), tmp_path)


def test_a_recording_in_its_place_brings_its_own_decoder(tmp_path: Path) -> None:
    cli_database(tmp_path / "flows.db", [{"Bytes": 1}])
    (tmp_path / "flows.pb").write_bytes(record(2))
    (tmp_path / "flows.jsonl").write_text('{"Bytes": 3}')
    for own in ("protobuf", "json"):
        stage = source("any", decoder=own, compression="gzip")
        names = ("flows.db", "flows.pb", "flows.jsonl")
        assert [read(stage.replay(tmp_path / name), tmp_path) for name in names] == [[1], [2], [3]]


@pytest.mark.parametrize(
    ("content", "decoder", "hint"),
    [
        (b'{"SrcAddr": "10.0.0.1"}\n', "protobuf", "write decoder: json"),
        (gzip.compress(b'[{"SrcAddr": "10.0.0.1"}]', mtime=0), "protobuf", "write decoder: json"),
        (b"SQLite format 3\0", "protobuf", "write decoder: json"),
        (b"\x05\x0a\x03\x01\x02\x03", "json", ""),
        (b'{"SrcAddr": "10.0.0.1"}\n', "json", ""),
        (b"\x05\x0a\x03\x01\x02\x03", "protobuf", ""),
        (b"\x05\x0a\x03\x01\x02\x03", "flowmatrix", ""),
        (b"", "json", ""),
        (b"", "protobuf", ""),
    ],
)
def test_a_file_of_json_proposes_its_decoder(
    tmp_path: Path, content: bytes, decoder: Format, hint: str
) -> None:
    """JSON is sure by how the file begins, whatever packs it; messages are not."""
    (tmp_path / "flows").write_bytes(content)
    stage = IngestFile(name="in", path="flows", decoder=decoder)
    found = [(one.path, one.severity, one.hint) for one in stage.check(tmp_path)]
    assert found == ([(("decoder",), Severity.WARNING, hint)] if hint else [])


@pytest.mark.parametrize("kind", ["native", "dialect"])
@pytest.mark.parametrize("form", ["flows.json", "flows.txt", "flows.db"])
def test_recordings_of_the_netobserv_cli_are_inputs_of_run(
    tmp_path: Path, form: str, kind: str
) -> None:
    """A JSON array, the raw capture (a comma behind each object, no brackets), and the database."""
    flows = [{"SrcAddr": f"10.0.0.{n % 3}", "DstPort": 443, "Bytes": n} for n in range(1, 10)]
    if form == "flows.db":
        cli_database(tmp_path / form, flows)
    else:
        texts = [json.dumps(flow) for flow in flows]
        array = "[\n" + ",\n".join(texts) + "\n]\n"
        raw = "".join(f"{text},\n" for text in texts)
        (tmp_path / form).write_text(array if form == "flows.json" else raw)
    file = tmp_path / "pipeline.yaml"
    file.write_text((NATIVE if kind == "native" else DIALECT) % form)
    done = flowmatrix("run", file, "--once", "--strict", "--metrics-out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "9 read, 9 counted, 0 filtered, 0 rejected" in done.output
    samples = {line for line in (tmp_path / "out").read_text().splitlines() if line[0] == "f"}
    assert samples >= {
        f'flows_bytes{{SrcAddr="10.0.0.{n}"}} {s}' for n, s in enumerate([18, 12, 15])
    }


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/urandom"])
def test_a_device_has_no_end(tmp_path: Path, name: str) -> None:
    """It was read for ever, as empty messages."""
    given = source(name, decoder="json")
    with pytest.raises(OSError, match="it is a device, which has no end"):
        next(given.chunks(SourceContext(tmp_path)))
    nothing = source("/dev/null", decoder="json")
    assert list(nothing.chunks(SourceContext(tmp_path))) == []


def test_a_pipe_may_have_its_writer_later(tmp_path: Path) -> None:
    """What was written before the pipe is closed comes through, in time for who watches."""
    os.mkfifo(tmp_path / "pipe")
    looked, seen = threading.Event(), threading.Event()

    def write() -> None:
        looked.wait(60)
        with (tmp_path / "pipe").open("wb") as pipe:
            pipe.write(b'{"n":1}\n{"n":2}\n{"half')
            pipe.flush()
            seen.wait(60)
            pipe.write(b'":0}')

    writer = threading.Thread(target=write)
    writer.start()
    context = SourceContext(tmp_path, waiting=looked.set)
    stream = source("pipe", decoder="json").chunks(context)
    assert next(stream) == [b'{"n":1}', b'{"n":2}']
    seen.set()
    assert list(stream) == [[b'{"half":0}']]
    writer.join()


def test_a_socket_is_named(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        with pytest.raises(OSError, match=r"No such device or address: .*socket"):
            next(source("socket", decoder="json").chunks(SourceContext(tmp_path)))


def test_an_error_of_reading_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"Input/output error: '/proc/self/mem'"):
        next(source("/proc/self/mem", decoder="json").chunks(SourceContext(tmp_path)))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_wait_for_a_writer(tmp_path: Path, number: signal.Signals) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "pipeline.yaml").write_text(NATIVE % "pipe")
    program = "from pipeline.cli import main; main()"
    command = [sys.executable, "-c", program, "run", "pipeline.yaml", "--once"]
    with subprocess.Popen(command, cwd=tmp_path, text=True, stderr=subprocess.PIPE) as process:
        assert process.stderr
        while "is a pipe, and nobody has written" not in (line := process.stderr.readline()):
            assert line
        process.send_signal(number)
        assert "0 read" in process.communicate(timeout=60)[1]
        assert process.returncode == 0


def large(path: Path) -> IngestFile:
    """A file longer than one read, of lines of 100 bytes."""
    path.write_bytes((b"x" * 99 + b"\n") * 30_000)
    return IngestFile(name="in", path=str(path), decoder="json", batch_size=1_000)


def test_what_is_written_meanwhile_is_for_the_next_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A run that writes to the file it reads, `>> FILE` with write_stdout, did not end."""
    source, read = large(tmp_path / "flows"), 0
    for payloads in source.chunks(SourceContext()):
        read += len(payloads)
        with (tmp_path / "flows").open("ab") as file:
            file.writelines(payload + b"\n" for payload in payloads)
    assert read == 30_000
    (warned,) = caplog.records
    assert "flows grows: it had 3000000 bytes, and has 6000000 now" in warned.getMessage()
    again = source.chunks(SourceContext())
    assert sum(map(len, again)) == 60_000


def test_a_file_that_becomes_shorter_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Where it was cut between two messages, nothing is rejected: the rest was lost in silence."""
    chunks = large(tmp_path / "flows").chunks(SourceContext())
    next(chunks)
    os.truncate(tmp_path / "flows", 0)
    assert sum(map(len, chunks)) < 29_000
    (warned,) = caplog.records
    assert re.search("flows became shorter while it was read: [0-9]+ bytes, then 0", warned.message)


def test_a_file_that_says_it_has_nothing_is_read_to_its_end() -> None:
    """As those of /proc do."""
    source = IngestFile(name="in", path="/proc/self/status", decoder="json")
    assert sum(map(len, source.chunks(SourceContext()))) > 10
