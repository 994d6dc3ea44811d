"""Dead letters on disk."""

from pathlib import Path

import msgspec

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
