"""JSON objects out of a stream: a line each, over several lines, with commas, or in arrays.

Where an object ends is the JSON scanner's to say. After an object that is malformed, reading goes
on at the next line that begins with one, so that it costs no other.
"""

from __future__ import annotations

import json
import re

from pipeline.decode.splitting import MAX_BYTES, Damaged, Split

_BOM = b"\xef\xbb\xbf"
_SEPARATORS = re.compile(r"[\s,\0]*", re.ASCII)
_ARRAY = re.compile(r"\[\s*(?=[{\]])", re.ASCII)
_UNKNOWN = re.compile(r"\[\s*\Z", re.ASCII)
_BEHIND = re.compile(r"[ \t\r\0]*(?:,[ \t\r\0]*)?(?P<end>\n|\Z)|(?:[ \t\r]|\0+)?(?=\{)")
"""What may stand behind an object: the end of the line, or another object."""
_NEXT_OBJECT = re.compile(r"\}(?=[\s,]*[{\]])", re.ASCII)
_NEXT_ELEMENT = re.compile(r"(?=[,\]])")
_UNFINISHED = re.compile(r'(?:"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+\\?|[-+.\w]*+)\s*+\Z', re.ASCII)
"""What is left behind an error when the input is cut: nothing, or a token without its end.

Possessive, as a text of spaces that is not the last of a line would take quadratic time otherwise.
"""
_JOINED = (b"}{", b"} {", b"}\t{", b"}\r{", b"\0{")
_DEEP = 200
_WINDOW = 1 << 13
_SCARCE = 1 << 20
"""Of more bytes than these without an end of a message, twice as many are waited for."""

_scan = json.JSONDecoder(parse_int=str).raw_decode  # Python reads no more than 4300 digits


class JsonSplitter:
    """Cuts one stream. It knows whether an array is open, so it is for that stream alone."""

    def __init__(self) -> None:
        self._array = False
        self._started = False
        self._enough = 0

    def __call__(self, data: bytes, *, whole: bool) -> Split:
        """The payloads that are complete, and how many bytes they took."""
        if len(data) < self._enough and not whole:
            return [], 0
        skipped = 0
        if not self._started:
            if _BOM.startswith(data) and not whole:
                return [], 0
            self._started = True
            skipped = len(_BOM) if data.startswith(_BOM) else 0
        data = data[skipped:]
        lines = None if self._array else _lines(data, whole=whole)
        payloads, end = lines or self._windows(data, whole=whole)
        rest = len(data) - end
        self._enough = min(2 * rest, MAX_BYTES + 1) if rest > _SCARCE else 0
        if rest > MAX_BYTES:
            reason = f"a part of a message of more than {MAX_BYTES} bytes"
            payloads.append(Damaged.because(data[end:], reason, last=False))
            end = len(data)
        return payloads, skipped + end

    def _windows(self, data: bytes, *, whole: bool) -> Split:
        """The payloads window by window: what is malformed is looked for in few bytes."""
        payloads: list[bytes] = []
        at, size, last = 0, _WINDOW, False
        while not last:
            last = at + size >= len(data)
            part, end = self._objects(data[at : at + size], whole=whole and last)
            payloads += part
            at += end
            size = _WINDOW if end else 2 * size
        return payloads, at

    def _objects(self, data: bytes, *, whole: bool) -> Split:
        """The payloads one after another, by the JSON scanner."""
        text = data.decode("latin-1")  # a character a byte: what JSON's grammar needs is ASCII
        payloads: list[bytes] = []
        at = self._between(text, 0)
        while at < len(text):
            end = self._end(text, at, whole=whole)
            if end < 0:
                break
            payloads.append(data[at:end].rstrip(b" \t\r\n,\0"))
            at = self._between(text, end)
        if whole and (self._array or at < len(text)):
            inside = f"an object, {len(text) - at} bytes into it" if at < len(text) else "the array"
            payloads.append(
                Damaged.because(data[at:], f"the input ends inside {inside}", last=True)
            )
            at = len(text)
        return payloads, at

    def _between(self, text: str, at: int) -> int:
        """Where the next value begins; opens and closes arrays on the way."""
        while True:
            at = _skip(text, at)
            if self._array and text.startswith("]", at):
                self._array, at = False, at + 1
            elif not self._array and _ARRAY.match(text, at):
                self._array, at = True, at + 1
            else:
                return at

    def _end(self, text: str, at: int, *, whole: bool) -> int:
        """Where the value ends that begins at `at`; -1 when that has not come yet."""
        if not self._array and text[at] != "{":
            return -1 if _UNKNOWN.match(text, at) else _line_end(text, at, whole=whole)
        try:
            _, end = _scan(text, at)
        except json.JSONDecodeError as error:
            return self._malformed(text, at, error.pos, whole=whole)
        except RecursionError:
            return _too_deep(text, at, whole=whole)
        if self._array:
            return end if whole or end < len(text) else -1
        behind = _BEHIND.match(text, end)
        if behind is None:
            return _line_end(text, end, whole=whole)
        return -1 if behind["end"] == "" and not whole else end

    def _malformed(self, text: str, at: int, error: int, *, whole: bool) -> int:
        """Where to read on after a value that is malformed at `error`; -1 when it may go on.

        No token of JSON spans lines: an error that has the end of a line behind it is final.
        """
        if text.find("\n", error) < 0 and _UNFINISHED.match(text, error):
            return text.find("\n{", at) if whole and not self._array else -1
        if self._array:
            following = _NEXT_OBJECT if text[at] == "{" else _NEXT_ELEMENT
            found = following.search(text, error)
            end = found.end() if found else -1
        else:
            end = text.find("\n", at)
            if 0 <= end < error:
                end = text.find("\n{", at)
        return len(text) if end < 0 and whole else end


def _too_deep(text: str, at: int, *, whole: bool) -> int:
    """Where to read on after a value of too many levels: behind its line, or behind its end."""
    line = text.find("\n", at)
    if line >= 0 and text.count("{", at, line) + text.count("[", at, line) > _DEEP:
        return line
    found = _NEXT_OBJECT.search(text, at)
    end = found.end() if found else -1
    return len(text) if end < 0 and whole else end


def _skip(text: str, at: int) -> int:
    found = _SEPARATORS.match(text, at)
    return found.end() if found else at


def _line_end(text: str, at: int, *, whole: bool) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 and whole else end


def _lines(data: bytes, *, whole: bool) -> Split | None:
    """The lines, when each is an object by itself, without a look inside; otherwise None.

    An object that spans lines has one that begins or ends otherwise. The last line may begin one.
    """
    if whole and not data.endswith(b"\n"):
        data += b"\n"
    lines = data[: data.rfind(b"\n") + 1]
    number = lines.count(b"\n")
    ended = lines.count(b"}\n") + lines.count(b"}\r\n")
    if not lines.startswith(b"{") or lines.count(b"\n{") != number - 1 or ended != number:
        return None
    if any(joined in lines for joined in _JOINED):
        return None
    *payloads, _ = lines.split(b"\n")
    end = len(lines)
    if not whole and _may_go_on(payloads[-1].decode("latin-1")):
        end -= len(payloads.pop()) + 1
    if b"\r" in lines:
        payloads = [payload.rstrip(b"\r") for payload in payloads]
    return payloads, end


def _may_go_on(text: str) -> bool:
    try:
        _scan(text)
    except json.JSONDecodeError as error:
        return error.pos == len(text)
    except RecursionError:
        return False
    return False
