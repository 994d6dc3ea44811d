"""What a server answered, as it is told; connections are tested in test_http_client.py."""

from __future__ import annotations

import pytest

from pipeline.push.http_requests import Answer


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (Answer(204, b""), "204"),
        (Answer(400, b" no\nand more"), "400 no"),
        (Answer(500, b"x" * 500), "500 " + "x" * 200),
        (Answer(401, b"\xff"), "401 \ufffd"),
    ],
)
def test_in_short(answer: Answer, text: str) -> None:
    assert str(answer) == text
