"""Stages as native YAML."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import yaml

from pipeline.files import is_secret
from pipeline.stage import Spec
from pipeline.yaml import scalars

_FIRST = ("name", "type", "follows")
_TAG = "tag:yaml.org,2002:"


class _Dumper(yaml.SafeDumper):
    """Quotes what YAML 1.1 or 1.2 would not read as a text, and never writes aliases."""

    def ignore_aliases(self, data: object) -> bool:
        return True

    def represent_text(self, data: str) -> yaml.ScalarNode:
        """In double quotes where it has line breaks that only YAML 1.1 knows, and the like."""
        plain = data.replace("\n", "").isprintable()
        return self.represent_scalar(_TAG + "str", data, style=None if plain else '"')


_Dumper.add_representer(str, _Dumper.represent_text)
_Dumper.add_implicit_resolver(_TAG + "int", scalars.INT, list("-+0123456789"))
_Dumper.add_implicit_resolver(_TAG + "float", scalars.FLOAT, list("-+.0123456789"))


def dump(stages: Iterable[Spec | dict[str, Any]], settings: dict[str, Any] | None = None) -> str:
    """The native YAML of stages and settings, which loads as the same.

    Of Specs, fields with their default are left out; documents are written as they are. Name,
    type and follows come first, the other fields in their order. Secrets are left out of Specs.
    """
    whole = {**(settings or {}), "stages": [_ordered(_plain(stage)) for stage in stages]}
    return _yaml(whole)


def dump_plain(data: dict[str, Any]) -> str:
    """The YAML of plain data, which loads as the same; for files of another dialect."""
    return _yaml(_plain(data))


def _yaml(whole: dict[str, Any]) -> str:
    text = yaml.dump(whole, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return "".join(map(_shown, str(text)))


def _shown(letter: str) -> str:
    """A letter, escaped where it is not printable: a text that has one is in double quotes."""
    if letter.isprintable() or letter == "\n":
        return letter
    return f"\\U{ord(letter):08x}"


def _ordered(stage: dict[str, Any]) -> dict[str, Any]:
    first = {key: stage[key] for key in _FIRST if key in stage}
    return first | stage


def _plain(value: Any) -> Any:
    """A value as YAML has it: structs without defaults, texts that survive `substitute`."""
    if isinstance(value, msgspec.Struct):
        return _fields(value)
    if isinstance(value, dict):
        return {str(msgspec.to_builtins(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(map(_plain, value))
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    value = msgspec.to_builtins(value)
    return scalars.escape(value) if isinstance(value, str) else value


def _fields(struct: msgspec.Struct) -> dict[str, Any]:
    config = struct.__struct_config__
    plain: dict[str, Any] = {config.tag_field: config.tag} if config.tag_field else {}
    for field in msgspec.structs.fields(struct):
        value = getattr(struct, field.name)
        if field.required or value != _default(field):
            plain[field.encode_name] = (_hidden if is_secret(field.type) else _plain)(value)
    return plain


def _hidden(value: str | dict[str, str]) -> Any:
    """A secret, or a mapping whose values are: its names are none."""
    return dict.fromkeys(value, "***") if isinstance(value, dict) else "***"


def _default(field: msgspec.structs.FieldInfo) -> object:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default
