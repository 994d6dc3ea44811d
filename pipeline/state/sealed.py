"""A state as bytes that say what they are: version, length and checksum stand before the content.

Nothing of the content is parsed before all three agree, so that damage is an error in words.
"""

from __future__ import annotations

import hashlib
import struct

_MAGIC = b"\x89flowmatrix-state\r\n"
_HEAD = struct.Struct(f">{len(_MAGIC)}sIQ16s")


class SealError(Exception):
    """Bytes that are not a whole state of a version that is read; the message says why."""


def seal(content: bytes, version: int) -> bytes:
    """The content with its head: magic, version, length, and the checksum of all of these."""
    return _HEAD.pack(_MAGIC, version, len(content), _checksum(version, content)) + content


def unseal(data: bytes, version: int) -> bytes:
    """The content that `seal` was given. Raises SealError when it is not exactly that."""
    if not data.startswith(_MAGIC[: len(data)]) or not data:
        raise SealError("it is not a state of flowmatrix")
    if len(data) < _HEAD.size:
        raise SealError(f"it ends after {len(data)} bytes, inside its head")
    _, written, length, checksum = _HEAD.unpack_from(data)
    content = data[_HEAD.size :]
    if len(content) < length and written == version:
        raise SealError(f"it is cut: {len(content)} of {length} bytes are there")
    if len(content) != length or _checksum(written, content) != checksum:
        raise SealError("it is damaged: its checksum does not agree with its content")
    if written != version:
        age = "a newer" if written > version else "an older"
        raise SealError(f"it was written by {age} flowmatrix (version {written}, not {version})")
    return content


def _checksum(version: int, content: bytes) -> bytes:
    state = hashlib.blake2b(digest_size=16)
    state.update(struct.pack(">IQ", version, len(content)))
    state.update(content)
    return state.digest()
