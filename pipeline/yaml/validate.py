"""Plain data to msgspec structs, with everything that is wrong at once and in plain words.

`msgspec.convert` stops at the first error; `problems` goes on into every field, item and value.
Nothing is coerced: a quoted "1" is a text. Unknown fields are refused in every struct. A type may
say more with `Meta(extra={"expected": text, "check": function, "names": texts})`: what people
should write, a function that raises ValueError for a value of the right type that is still wrong,
and the texts of which the nearest is shown.
"""

from __future__ import annotations

import enum
import re
import types
import typing
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from pipeline.diagnostics import Code, ConfigError, ConfigPath, Diagnostic, Key, Problem, nearest
from pipeline.yaml import document

T = TypeVar("T")

_WORDS = {"str": "text", "float": "number", "bool": "true or false", "null": "nothing"}
_WORDS |= {"array": "list", "object": "mapping"}
_LISTS = (list, tuple, set, frozenset)


def convert(data: object, kind: type[T]) -> T:
    """`data` as a `kind`; it has no problems."""
    return msgspec.convert(data, kind, str_keys=True)


def read(path: Path, kind: type[T], check: Callable[[T], Iterable[Problem]] = lambda _: ()) -> T:
    """What a file has. Raises ConfigError with everything that keeps it from being a `kind`.

    `check` finds what is wrong with it beyond types.
    """
    written = document.load(document.read(path), str(path))
    wrong = list(problems(written.data, kind))
    if not wrong:
        found = convert(written.data, kind)
        wrong += check(found)
    told = [*written.problems, *(Diagnostic(written.place(one.path), one) for one in wrong)]
    if told:
        raise ConfigError(told)
    return found


def problems(data: object, kind: Any, path: ConfigPath = ()) -> Iterator[Problem]:
    """All that keeps `data` from being a `kind`; `path` is where `data` is."""
    bare, extra = _bare(kind)
    if "expected" in extra:
        yield from _checked(data, kind, path, extra)
    else:
        yield from list(_inside(data, bare, path)) or _own(data, kind, path)


def _own(data: object, kind: Any, path: ConfigPath) -> Iterator[Problem]:
    try:
        msgspec.convert(data, kind, str_keys=True)
    except msgspec.ValidationError as error:
        got = f", got {data}" if type(data) in {int, float} and "got" not in str(error) else ""
        scalar = isinstance(data, int | float)  # a bool is an int
        code = Code.UNQUOTED if scalar and _bare(kind)[0] is str else Code.OTHER
        yield _choice(data, kind, path) or Problem(path, _plain(str(error)) + got, code=code)


def _inside(data: object, kind: Any, path: ConfigPath) -> Iterator[Problem]:
    origin, args = typing.get_origin(kind) or kind, typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        yield from _either(data, args, path)
    elif _is_struct(origin):
        if isinstance(data, dict):
            yield from _struct(data, origin, path)
    elif origin in _LISTS and isinstance(data, list):
        of = args if origin is tuple and args[1:] != (...,) else args[:1] * len(data)
        for index, item in enumerate(data[: len(of)]):
            yield from problems(item, of[index], (*path, index))
    elif origin is dict and isinstance(data, dict) and args:
        for key, value in data.items():
            yield from _own({key: None}, dict[args[0], object], (*path, Key(key)))  # type: ignore[valid-type] # a type made at run time
            yield from problems(value, args[1], (*path, key))


def _struct(
    data: dict[str, object], kind: type[msgspec.Struct], path: ConfigPath
) -> Iterator[Problem]:
    fields = {field.encode_name: field for field in _fields(kind)}
    tag = kind.__struct_config__.tag_field
    for name, value in data.items():
        if name in fields:
            yield from problems(value, fields[name].type, (*path, name))
        elif name != tag:
            hint = nearest(name, fields) or f"fields are {', '.join(fields)}"
            yield Problem((*path, Key(name)), "unknown field", hint)
    for name, field in fields.items():
        if field.required and name not in data:
            yield Problem(path, f'missing field "{name}"')


def _either(data: object, options: tuple[Any, ...], path: ConfigPath) -> Iterator[Problem]:
    """The problems under the one option of a union that has the shape of the data.

    What may be left out is checked as what may not, where people are told what is expected.
    """
    given = [option for option in options if option is not types.NoneType]
    if data is not None and len(given) == 1 and "expected" in _bare(given[0])[1]:
        yield from problems(data, given[0], path)
        return
    shapes = [option for option in options if _has_shape(data, _bare(option)[0])]
    if isinstance(data, dict) and len(shapes) > 1:
        yield from _tagged(data, shapes, path)
    elif len(shapes) == 1:
        yield from problems(data, shapes[0], path)


def _tagged(data: dict[str, object], options: list[Any], path: ConfigPath) -> Iterator[Problem]:
    """The problems of one of several structs, told apart by their tag."""
    tags = {option.__struct_config__.tag: option for option in options}
    name = options[0].__struct_config__.tag_field
    tag = data.get(name)
    if name not in data:
        yield Problem(path, f'missing field "{name}"', _one_of(tags))
    elif isinstance(tag, str) and tag in tags:
        yield from problems(data, tags[tag], path)
    else:
        yield unknown(tag, tags, (*path, name))


def _has_shape(data: object, option: Any) -> bool:
    origin = typing.get_origin(option) or option
    if isinstance(data, dict):
        return _is_struct(origin) or origin is dict
    return isinstance(data, list) and origin in _LISTS


def _checked(data: object, kind: Any, path: ConfigPath, extra: dict[str, Any]) -> Iterator[Problem]:
    check: Callable[[Any], object] = extra.get("check", lambda value: value)
    try:
        check(msgspec.convert(data, kind))
    except ValueError:  # a ValidationError is one
        hint = nearest(data, extra.get("names", ())) if isinstance(data, str) else ""
        yield Problem(path, f"expected {extra['expected']}, got {_shown(data)}", hint)


def _choice(data: object, kind: Any, path: ConfigPath) -> Problem | None:
    """What to say when the type is a choice of texts and the data is another text."""
    bare, _ = _bare(kind)
    options: list[Any] = [bare]
    if typing.get_origin(bare) in (typing.Union, types.UnionType):
        options = list(typing.get_args(bare))
    valid = [str(value) for option in options for value in _values(option)]
    return unknown(data, valid, path) if valid and isinstance(data, str) else None


def _values(kind: Any) -> list[Any]:
    if typing.get_origin(kind) is typing.Literal:
        return list(typing.get_args(kind))
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return [member.value for member in kind]
    return []


def unknown(
    value: object, valid: Collection[str], path: ConfigPath, what: str = "value"
) -> Problem:
    """The problem of a value that is not one of the valid ones."""
    hint = nearest(value, valid) if isinstance(value, str) else ""
    return Problem(path, f"unknown {what} {_shown(value)}", hint or _one_of(valid))


def _one_of(valid: Collection[str]) -> str:
    return f"one of {', '.join(valid)}"


def _shown(data: object) -> str:
    if isinstance(data, str):
        return f'"{data}"' if len(data) <= 50 else f'"{data[:50]}..."'
    if isinstance(data, bool):
        return str(data).lower()
    if data is None:
        return "nothing"
    if isinstance(data, list | dict):
        return "a list" if isinstance(data, list) else "a mapping"
    return str(data)


def in_words(error: Exception, part: str = "") -> str:
    """An error of msgspec in plain words, led by the field: `field status.podIPs: expected list`.

    `part` is the field in which it looked. Of an entry of a mapping, the key is not known: `[...]`.
    """
    _, _, place = str(error).rpartition(" - at `")
    path = place.removesuffix("`").removeprefix("$") if place.startswith("$") else ""
    field = f"{part}{path}".removeprefix(".")
    plain = _plain(str(error))
    return f"field {field}: {plain}" if field else plain


def _plain(message: str) -> str:
    """A message of msgspec in the words of YAML: `Expected `int`, got `str`` and so on."""
    message = re.sub(r" - at .*$", "", message)

    def words(found: re.Match[str]) -> str:
        return " or ".join(_WORDS.get(word, word) for word in found[1].split(" | "))

    message = re.sub(r"`([^`]*)`", words, message)
    return message[:1].lower() + message[1:]


def _bare(kind: Any) -> tuple[Any, dict[str, Any]]:
    """A type without its annotations, and the `extra` of these."""
    extra: dict[str, Any] = {}
    if typing.get_origin(kind) is typing.Annotated:
        kind, *annotations = typing.get_args(kind)
        for annotation in annotations:
            extra |= getattr(annotation, "extra", None) or {}
    return kind, extra


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


@cache
def _fields(kind: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(kind)
