"""Go's string literals."""

from __future__ import annotations

import re

from pipeline.predicate.syntax import Token, Tokens

_ESCAPE = re.compile(
    rb"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.)|$)", re.DOTALL
)
_LETTERS = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"} | {
    b"v": b"\v",
    b"\\": b"\\",
    b'"': b'"',
}


def unquoted(tokens: Tokens, token: Token) -> str:
    """The value of a Go string literal."""
    body = token.text[1:-1]
    if token.text.startswith("`"):
        return body.replace("\r", "")

    def replaced(escape: re.Match[bytes]) -> bytes:
        byte, short, long, octal, letter = escape.groups()
        if byte or octal:
            code = int(byte, 16) if byte else int(octal, 8)
            if code < 256:
                return bytes([code])
        elif short or long:
            code = int(short or long, 16)
            if code <= 0x10FFFF and not 0xD800 <= code < 0xE000:
                return chr(code).encode()
        elif letter in _LETTERS:
            return _LETTERS[letter]
        raise tokens.refused(f"unknown escape {escape[0].decode()}", token)

    return _ESCAPE.sub(replaced, body.encode(errors="replace")).decode(errors="replace")
