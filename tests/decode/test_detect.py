"""What a file holds, by its beginning."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

from pipeline.decode.compression import FormatError
from pipeline.decode.detect import decoder_of, detected, is_recording
from pipeline.decode.framing import chunks
from pipeline.decode.sqlite import is_database
from simulate import simulate
from tests.support.recordings import cli_database

FLOW = '{"SrcAddr": "10.0.0.1", "DstPort": 443}'
SETTINGS = frozenset({"stages", "pipeline", "parameters"})


@pytest.mark.parametrize(
    "text",
    [
        FLOW,
        f"{FLOW},\n{FLOW},\n",
        f"[{FLOW}, {FLOW}]",
        f"\ufeff\r\n [\n {FLOW}\n]",
        json.dumps(json.loads(FLOW), indent=4),
        "[]",
        "{}",
        FLOW * 5000,
    ],
)
def test_json_in_any_layout(tmp_path: Path, text: str) -> None:
    for name, data in (("a", text.encode()), ("a.gz", gzip.compress(text.encode()))):
        (tmp_path / name).write_bytes(data)
        assert detected(tmp_path / name) == "json"
        assert is_recording(tmp_path / name, SETTINGS)


@pytest.mark.parametrize("name", ["r.pb", "r.pb.zst", "r.jsonl"])
def test_what_simulate_writes(tmp_path: Path, name: str) -> None:
    made = simulate("cluster", tmp_path / name, flows=200)
    assert detected(made.recording) == ("json" if "json" in name else "protobuf")
    assert is_recording(made.recording, SETTINGS)
    assert not is_recording(made.config, SETTINGS)
    assert not is_recording(made.flp_config, SETTINGS)


@pytest.mark.parametrize("second", [b"\x0a\x02\x08\x01", b"\x22\x00", b"\x08\x01"])
def test_a_message_whose_size_reads_as_a_brace_is_protobuf(tmp_path: Path, second: bytes) -> None:
    """123 is `{`, and its first field may begin with the byte of a line's end."""
    file = tmp_path / "r.pb"
    file.write_bytes(b"{" + second + bytes(123 - len(second)) + b"\x02\x08\x01")
    assert detected(file) == "protobuf"


def test_nothing_is_read_of_a_pipe(tmp_path: Path) -> None:
    """What is read to look is gone: a source would miss the first flows."""
    os.mkfifo(pipe := tmp_path / "pipe")
    end = os.open(pipe, os.O_RDWR)
    try:
        os.write(end, FLOW.encode())
        with pytest.raises(OSError, match="pipe: what a pipe holds cannot be known"):
            detected(pipe)
        assert decoder_of(pipe, "json") == "json"
        assert not is_database(pipe)
        assert os.read(end, 1000).decode() == FLOW
    finally:
        os.close(end)


@pytest.mark.parametrize("key", ["stages", "pipeline", "parameters", "Pipeline"])
def test_a_configuration_in_json_is_no_recording(tmp_path: Path, key: str) -> None:
    file = tmp_path / "c.json"
    file.write_text(json.dumps({key: []}, indent=2))
    assert not is_recording(file, SETTINGS)


@pytest.mark.parametrize("value", ["[" * 5000 + "]" * 5000, "9" * 5000])
def test_json_that_is_not_read_is_a_recording(tmp_path: Path, value: str) -> None:
    """Whoever reads it says why it is rejected; nesting was a traceback."""
    file = tmp_path / "deep.json"
    file.write_text(f'{{"SrcAddr":{value}}}\n{FLOW}\n')
    assert detected(file) == "json"
    assert is_recording(file, SETTINGS)


@pytest.mark.parametrize("text", ["stages: []", "# a\nx: {a: 1}", "", "{stages: []}"])
def test_a_text_is_no_recording(tmp_path: Path, text: str) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(text)
    assert not is_recording(file, SETTINGS)


def test_a_database_is_a_recording_of_json(tmp_path: Path) -> None:
    cli_database(tmp_path / "f.db", [{"DstPort": 1}])
    assert detected(tmp_path / "f.db") == "json"
    assert is_recording(tmp_path / "f.db", SETTINGS)


def test_what_is_missing_and_what_is_not_read(tmp_path: Path) -> None:
    assert not is_recording(tmp_path / "none", SETTINGS)
    assert not is_recording(tmp_path, SETTINGS)
    with pytest.raises(FileNotFoundError):
        detected(tmp_path / "none")
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04")
    with pytest.raises(OSError, match=r"a\.zip: the input is a zip archive, which is not read"):
        detected(tmp_path / "a.zip")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_json_in_utf_16_is_refused_by_its_name(tmp_path: Path, encoding: str) -> None:
    """It was read as protobuf, and rejected as a message that is cut."""
    text = FLOW if encoding == "utf-16" else f"\ufeff{FLOW}"
    (tmp_path / "flows").write_bytes(text.encode(encoding))
    assert detected(tmp_path / "flows") == "json"
    with pytest.raises(FormatError, match="the input is UTF-16 text"):
        list(chunks([text.encode(encoding)], "json", 10))


def test_the_decoder_of_a_source_gives_way_to_what_the_recording_is(tmp_path: Path) -> None:
    """Not that of Flow messages, which look like those of agents."""
    (tmp_path / "j").write_text(FLOW)
    made = simulate("cluster", tmp_path / "r.pb", flows=10)
    assert [decoder_of(tmp_path / "j", own) for own in ("json", "protobuf", "flowmatrix")] == [
        "json"
    ] * 3
    assert [decoder_of(made.recording, own) for own in ("json", "protobuf", "flowmatrix")] == [
        *("protobuf", "protobuf", "flowmatrix")
    ]
    assert decoder_of(tmp_path / "none", "flowmatrix") == "flowmatrix"


def test_zeros_before_json_are_passed_over(tmp_path: Path) -> None:
    """They were read as empty messages of protobuf; a source of JSON passes over them."""
    (tmp_path / "flows").write_bytes(bytes(4096) + FLOW.encode())
    assert detected(tmp_path / "flows") == "json"
    assert is_recording(tmp_path / "flows", SETTINGS)


@pytest.mark.parametrize("end", [2, 5, 13])
def test_compressed_data_that_ends_at_once_is_a_recording(tmp_path: Path, end: int) -> None:
    """What is said of it is that it is cut, not that it is no configuration."""
    (tmp_path / "flows").write_bytes(gzip.compress(FLOW.encode())[:end])
    assert is_recording(tmp_path / "flows", SETTINGS)


def test_a_device_without_end_is_not_looked_into(tmp_path: Path) -> None:
    (tmp_path / "flows").symlink_to("/dev/zero")
    with pytest.raises(OSError, match="it is a device, which has no end"):
        detected(tmp_path / "flows")


def test_an_error_of_looking_names_the_file() -> None:
    with pytest.raises(OSError, match=r"Input/output error: '/proc/self/mem'"):
        detected(Path("/proc/self/mem"))
