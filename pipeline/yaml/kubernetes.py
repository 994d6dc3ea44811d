"""YAML as Kubernetes reads it: objects, custom resources, and the YAML inside ConfigMaps.

Kubernetes reads plain scalars as YAML 1.1 does, with exceptions: there is no base 60, and
timestamps and `=` are texts. Source: the resolver of go-yaml v2, which sigs.k8s.io/yaml keeps. A
duplicate key is an error, as it is to `kubectl apply`, which has the server validate strictly.
"""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Iterator
from typing import Any

from pipeline.diagnostics import ConfigPath, Location, refusal
from pipeline.yaml.composer import MAX_NODES, Composer
from pipeline.yaml.document import Document, composed
from pipeline.yaml.scalars import FLOAT, Scalar, Schema, core, integer

_TRUE, _FALSE = ("y", "yes", "true", "on"), ("n", "no", "false", "off")
_BOOLEANS = {
    form: word in _TRUE
    for word in (*_TRUE, *_FALSE)
    for form in (word, word.capitalize(), word.upper())
}
_INTEGER = re.compile(
    r"(?P<sign>[-+]?)(?:0[bB](?P<b>[01]+)|0[oO]?(?P<o>[0-7]+)|0[xX](?P<x>[0-9a-fA-F]+)|(?P<d>[0-9]+))"
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ][0-9:.]+(?:Z|[-+][0-9:]+)?)?")
_NUMERIC = frozenset("+-0123456789")
_BASES = {"b": 2, "o": 8, "x": 16, "d": 10}
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def scalar(text: str) -> Scalar:
    """The value of a plain scalar: `yes`, `on` and `y` are true, 0777 and 0o777 are octal.

    Digits may be separated by underscores. An integer beyond 64 bits is a float, an octal one as if
    it were decimal; with 0x, 0b or 0o it is a text, and so is a number that no double has.
    """
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _DATE.fullmatch(text):
        return text
    plain = text.replace("_", "") if text[:1] in _NUMERIC else text
    if found := _INTEGER.fullmatch(plain):
        base = found.lastgroup or "d"
        whole = integer(found["sign"] + found[base], _BASES[base])
        if whole is not None:
            return whole
    if FLOAT.fullmatch(plain):
        number = float(plain)
        return number if math.isfinite(number) else text
    value = core(text)  # null and the infinities
    return text if isinstance(value, int) else value


def key(value: Scalar) -> str:
    """The text of a mapping's key: `yes: 1` is the key "true", as JSON has texts only."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


KUBERNETES = Schema(scalar, key)


def text_of(content: bytes, name: str) -> str:
    """The text of a file: UTF-8, or what its byte order mark says. Raises ConfigError."""
    encoding = next((encoding for bom, encoding in _BOMS if content.startswith(bom)), "utf-8")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise refusal(Location(name, line, 1), f"the file is not {encoding.upper()}") from error


def documents(text: str, name: str) -> Iterator[Document]:
    """Every document of a text, YAML or JSON, empty ones (null) included; one at a time.

    `name` is the file in places. A file may be of any size: aliases must not stand for more than
    the text could hold itself. Raises ConfigError for YAML that cannot be read.
    """
    composer = Composer(text, name, schema=KUBERNETES, limit=max(MAX_NODES, len(text)))
    return composed(composer, text, name)


def objects(data: Any, kind: str, path: ConfigPath = ()) -> Iterator[tuple[ConfigPath, Any]]:
    """The objects of a document with their paths; of a List, or a list of a kind, one by one."""
    found = data.get("kind") if isinstance(data, dict) else None
    if found in ("List", f"{kind}List") and isinstance(data.get("items"), list):
        for index, item in enumerate(data["items"]):
            yield from objects(item, kind, (*path, "items", index))
    else:
        yield path, data
