"""Dead letters on disk."""

import os
from pathlib import Path

import msgspec
import pytest

from pipeline.dead_letters.file import DeadLetterFile
from pipeline.plan.outcome import Reject

LETTERS = [Reject("in", "bad", b"text"), Reject("in", "worse", b"\xff\x00")]


def test_a_letter_is_a_line_of_json(tmp_path: Path) -> None:
    path = tmp_path / "dead" / "letters.jsonl"
    with DeadLetterFile(path) as letters:
        letters.write(LETTERS)
    assert [msgspec.json.decode(line) for line in path.read_bytes().splitlines()] == [
        {"stage": "in", "reason": "bad", "payload": "text"},
        {"stage": "in", "reason": "worse", "payload_b64": "/wA="},
    ]


def test_what_the_state_does_not_include_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "letters.jsonl"
    with DeadLetterFile(path) as letters:
        letters.write(LETTERS[:1])
        kept = letters.size
        letters.write(LETTERS[1:])
    with DeadLetterFile(path, kept) as letters:
        assert letters.size == kept
        letters.write(LETTERS[:1])
    assert [
        line["reason"] for line in map(msgspec.json.decode, path.read_bytes().splitlines())
    ] == [
        "bad",
        "bad",
    ]


def test_a_full_file_takes_no_more(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Once, it says so; after a restart as well."""
    path = tmp_path / "letters.jsonl"
    with DeadLetterFile(path, max_bytes=60) as letters:
        for _ in range(5):
            letters.write(LETTERS[:1])
        kept = letters.size
    assert 60 <= kept < 120
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith(f"{path} has {kept} bytes, the limit is 60")
    with DeadLetterFile(path, kept, max_bytes=60) as letters:
        letters.write(LETTERS)
        letters.write(LETTERS)
    assert len(caplog.messages) == 2


def test_a_pipe_takes_letters(tmp_path: Path) -> None:
    """It has no length to be cut to, and no disk to be on."""
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with DeadLetterFile(tmp_path / "pipe", 7) as letters:
        letters.write(LETTERS[:1])
        letters.sync()
        assert letters.size == len(os.read(reader, 1000)) == 47
    os.close(reader)
