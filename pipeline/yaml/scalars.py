"""YAML scalars: the core schema of YAML 1.2, and variables of the environment in texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

_NULL = re.compile("null|Null|NULL|~|")
_BOOL = re.compile("true|True|TRUE|false|False|FALSE")
INT = re.compile(r"[-+]?[0-9]+|0o[0-7]{1,22}|0x[0-9a-fA-F]{1,16}")
FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"([-+]?)\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_VARIABLE = re.compile(
    r"\$(?:(?P<dollar>\$)|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?:(?P<how>:?[-?])(?P<word>[^${}]*))?\}"
    r"|(?P<broken>\{[^}]*\}?))"
)

_TAGS = {"null": type(None), "bool": bool, "int": int, "float": float}

Scalar = str | int | float | bool | None


class Schema(NamedTuple):
    """How plain scalars are read: as values, and as keys of mappings (None: keys as written)."""

    value: Callable[[str], Scalar]
    key: Callable[[Scalar], str] | None = None


class VariableError(Exception):
    """A reference to the environment that has no value or cannot be read."""

    def __init__(self, message: str, hint: str = "") -> None:
        self.hint = hint
        super().__init__(message)


def core(text: str) -> Scalar:
    """The value of a plain scalar: yes, no, on and off are texts, 0o17 and 0xff are integers.

    An integer beyond 64 bits is a float, in base 8 or 16 a text.
    """
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text[0] in "tT"
    if INT.fullmatch(text):
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        number = integer(text if base == 10 else text[2:], base)
        if number is not None:
            return number
    if FLOAT.fullmatch(text):
        return float(text)
    if _INFINITE.fullmatch(text):
        return float(text.replace(".", "").lower())
    return text


CORE = Schema(core)


def tagged(text: str, tag: str, schema: Schema = CORE) -> Scalar:
    """The value of a scalar under an explicit tag (`str`, `int`, ...).

    Raises ValueError for a tag that YAML 1.2 does not know and for a text that does not fit it.
    """
    if tag == "str":
        return text
    if tag not in _TAGS:
        raise ValueError("unknown tag")
    value = schema.value(text)
    if tag == "float" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not _TAGS[tag]:
        raise ValueError(f'the value does not fit its tag "{tag}"')
    return value


def integer(digits: str, base: int) -> int | None:
    """Digits, with a sign or not; None beyond 64 bits."""
    if base == 10 and len(digits) > 24:
        return None
    number = int(digits, base)
    return number if -(2**63) <= number < 2**64 else None


def substitute(text: str, environ: Mapping[str, str]) -> str:
    """The text with its `${NAME}` replaced, as docker compose does.

    `${NAME:-default}` and `${NAME:?message}` count an empty variable as unset, `${NAME-default}`
    and `${NAME?message}` do not; `$$` is a dollar sign. Everything else, `$(Field)` and `$NAME`
    included, stays as it is. What comes in is not looked at again.

    Raises VariableError for a variable that is not set and for a `${` that cannot be read.
    """
    return _VARIABLE.sub(lambda found: _value(found, environ), text)


def is_variable(text: str) -> bool:
    """Whether a text is one `${...}` and nothing else."""
    found = _VARIABLE.fullmatch(text)
    return found is not None and found["name"] is not None


def escape(text: str) -> str:
    """The text that `substitute` turns into this one."""
    return re.sub(r"\$(?=[${])", "$$", text)


def _value(found: re.Match[str], environ: Mapping[str, str]) -> str:
    if found["dollar"]:
        return "$"
    if found["broken"] is not None:
        message = "this is not a valid reference to a variable"
        raise VariableError(message, "write $${ for a text that has ${")
    name, how, word = found["name"], found["how"] or "", found["word"] or ""
    value = environ.get(name)
    if value is not None and (value or not how.startswith(":")):
        return value
    if how.endswith("-"):
        return word
    raise VariableError(f"variable {name}: {word}" if word else f"variable {name} is not set")
