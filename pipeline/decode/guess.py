"""What payloads look like that a decoder rejects: a guess, for who has to choose another one."""

from __future__ import annotations

import json
import re
import zlib
from collections import Counter
from collections.abc import Iterable
from functools import cache
from itertools import islice

import msgspec
from google.protobuf import message_factory
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from pipeline.decode import record
from pipeline.decode.compression import named
from pipeline.flows import protobuf

_SAMPLE = 50
_LARGEST = 1 << 20
_SHOWN = 8
_XERIAL = b"\x82SNAPPY\x00"
_AVRO_FILE = b"Obj\x01"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BOM = "\ufeff"
_BASE64 = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}\s*")
_LOGFMT = re.compile(r"\w+=\S*(\s+\w+=\S*)+\s*")
_SEPARATORS = {",": "CSV", ";": "CSV (with semicolons)", "\t": "CSV (with tabs)"}
_SCHEMA_ID = 5  # bytes: a zero, and a number of 4
_NETFLOW = {5: "NetFlow 5", 9: "NetFlow 9", 10: "IPFIX"}


def looks_like(payloads: Iterable[bytes]) -> str:
    """What most of the first payloads look like, such as "protobuf"; never empty."""
    guesses = Counter(_guess(payload[:_LARGEST]) for payload in islice(payloads, _SAMPLE))
    return guesses.most_common(1)[0][0] if guesses else "nothing"


def _guess(payload: bytes) -> str:
    """What one payload looks like; the surest signs first."""
    if not payload.strip(b"\0"):
        return "nothing but zeros" if payload else "nothing"
    return (
        _compressed(payload)
        or _flow_packet(payload)
        or _framed(payload)
        or _text(payload)
        or _protobuf(payload)
        or _packed(payload)
        or f"no format that is known here (they begin with {payload[:_SHOWN].hex(' ')})"
    )


def _compressed(payload: bytes) -> str:
    if payload.startswith(_XERIAL):
        return "something compressed with snappy (xerial) by its producer, not by Kafka"
    if (
        payload[:1] == b"\x78"
        and int.from_bytes(payload[:2], "big") % 31 == 0
        and _inflates(payload)
    ):
        return "something compressed with zlib by its producer, not by Kafka"
    return named(payload)


def _inflates(payload: bytes) -> bool:
    try:
        zlib.decompressobj().decompress(payload, _LARGEST)
    except zlib.error:
        return False
    return True


def _framed(payload: bytes) -> str:
    """A schema registry's frame, or a file of Avro."""
    if payload.startswith(_AVRO_FILE):
        return "an Avro file"
    if payload[:1] != b"\0" or len(payload) <= _SCHEMA_ID:
        return ""
    schema, rest = int.from_bytes(payload[1:_SCHEMA_ID], "big"), payload[_SCHEMA_ID:]
    inside = "JSON" if _text(rest).startswith("JSON") else "Avro or protobuf"
    return f"{inside} behind the header of a schema registry (schema id {schema})"


def _text(payload: bytes) -> str:
    if payload.startswith(_UTF16):
        return "text in UTF-16"
    try:
        text = payload.decode().removeprefix(_BOM).strip()
    except UnicodeDecodeError:
        return ""
    if any(not c.isprintable() and not c.isspace() for c in text):
        return ""
    if found := _json(text):
        return found
    if text.startswith("<"):
        return "XML"
    return _lines(text)


def _json(text: str) -> str:
    """JSON, said more closely where it is no object."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        whole = text.startswith("{") and text.endswith("}")
        if whole or (text.startswith(('{"', "[{", "{ ")) and ":" in text):
            return "JSON with an error, or cut" if not whole else "JSON with an error"
        return ""
    if isinstance(value, dict):
        return "JSON"
    if isinstance(value, list):
        return "JSON arrays, where one object a message is wanted"
    if isinstance(value, str):
        return "JSON texts" + (", with JSON inside" if _json(value) else "")
    return "" if isinstance(value, (int, float)) else "JSON"


def _lines(text: str) -> str:
    lines = text.splitlines()
    for separator, name in _SEPARATORS.items():
        counts = {line.count(separator) for line in lines}
        if len(counts) == 1 and min(counts) >= 2:
            return name
    if _BASE64.fullmatch(text) and len(text) % 4 == 0:
        return "base64"
    if all(map(_LOGFMT.fullmatch, lines)):
        return "text of name=value"
    return "plain text"


def _flow_packet(payload: bytes) -> str:
    """The packets of flow exporters, by their version and what follows from it."""
    version, size = int.from_bytes(payload[:2], "big"), int.from_bytes(payload[2:4], "big")
    if version not in _NETFLOW or len(payload) < 16:
        return ""
    right = {10: size == len(payload), 5: len(payload) == 24 + 48 * size, 9: 0 < size < 100}
    return _NETFLOW[version] if right[version] else ""


def _protobuf(payload: bytes) -> str:
    for name, kind in _messages().items():
        found = _parsed(kind, payload)
        if found and len(found.ListFields()) > 1 and not len(UnknownFieldSet(found)):
            return name
    if _parsed(Empty, payload):
        return "protobuf"
    length, rest = _varint(payload)
    if length and length <= len(rest) and _parsed(Empty, rest[:length]):
        return "protobuf with its length in front"
    return ""


@cache
def _messages() -> dict[str, type[Message]]:
    """The messages that have a decoder here, by what they are called in a configuration."""
    descriptors = {
        "protobuf (NetObserv's flows: decoder protobuf)": record.descriptor(),
        "protobuf (flowmatrix's flows: decoder flowmatrix)": protobuf.descriptor(protobuf.NAMES),
    }
    return {name: message_factory.GetMessageClass(one) for name, one in descriptors.items()}


def _parsed(kind: type[Message], payload: bytes) -> Message | None:
    try:
        return kind.FromString(payload)
    except DecodeError:
        return None


def _varint(payload: bytes) -> tuple[int, bytes]:
    """A number in the form of protobuf, and what is behind it; 0 when it is none."""
    number = 0
    for place, byte in enumerate(payload[:4]):
        number |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return number, payload[place + 1 :]
    return 0, b""


def _packed(payload: bytes) -> str:
    try:
        value = msgspec.msgpack.decode(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ""
    return "MessagePack" if isinstance(value, (dict, list)) else ""
