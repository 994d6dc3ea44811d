"""Strict reading of a document into the Structs of the dialect.

Source: docs/reference/flowlogs-pipeline.md#files.
Keys are case-insensitive, a null means "not set", and free-form maps keep their keys as written.
An unknown key or a wrong JSON type is a problem. All problems are collected; a value with a problem
is left out of the result, so that the rest can be checked too.
"""

from __future__ import annotations

from typing import Any, TypeVar

from msgspec import Struct, inspect

from pipeline.diagnostics import ConfigPath, Key, Problem
from pipeline.yaml import validate

T = TypeVar("T", bound=Struct)


class Reader:
    """Reads plain data once; has the problems, and the path of each part in the document.

    The paths of `problems` are paths of the document.
    """

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._written: dict[ConfigPath, ConfigPath] = {}

    def read(self, data: dict[str, Any], kind: type[T]) -> T:
        """`data` as an instance of `kind`; every field of `kind` must have a default."""
        folded = self._fold(data, inspect.type_info(kind), (), ())
        for problem in list(validate.problems(folded, kind)):
            path = self.written(problem.path)
            self.problems.append(Problem(path, problem.message, problem.hint))
            _prune(folded, problem.path)
        return validate.convert(folded, kind)

    def written(self, path: ConfigPath) -> ConfigPath:
        """The document's path for a path of the Structs, or for its nearest known parent."""
        known = next(path[:n] for n in range(len(path), -1, -1) if path[:n] in self._written)
        written = self._written[known]
        if known and known == path and isinstance(path[-1], Key):
            return (*written[:-1], Key(written[-1]))
        return written

    def _fold(self, data: Any, kind: inspect.Type, path: ConfigPath, at: ConfigPath) -> Any:
        """A copy of the data with its keys spelled as in the Structs."""
        self._written[path] = at
        if isinstance(kind, inspect.UnionType):
            kind = next(t for t in kind.types if not isinstance(t, inspect.NoneType))
        if isinstance(kind, inspect.StructType) and isinstance(data, dict):
            return self._struct(data, kind, path, at)
        if isinstance(kind, inspect.ListType) and isinstance(data, list):
            return [
                self._fold(item, kind.item_type, (*path, index), (*at, index))
                for index, item in enumerate(data)
            ]
        texts = isinstance(kind, inspect.DictType) and isinstance(kind.value_type, inspect.StrType)
        if texts and isinstance(data, dict):
            return {key: item for key, item in data.items() if item is not None}
        return data

    def _struct(
        self, data: dict[str, Any], kind: inspect.StructType, path: ConfigPath, at: ConfigPath
    ) -> dict[str, Any]:
        fields = {field.encode_name.lower(): field for field in kind.fields}
        folded: dict[str, Any] = {}
        for key, value in data.items():
            field = fields.get(key.lower())
            name = field.encode_name if field else key
            if value is None and field:
                continue
            if name in folded:
                self.problems.append(Problem((*at, Key(key)), f'"{name}" is given twice'))
                continue
            part = field.type if field else inspect.AnyType()
            folded[name] = self._fold(value, part, (*path, name), (*at, key))
        return folded


def _prune(data: Any, path: ConfigPath) -> None:
    """Remove the innermost mapping entry that is on the path."""
    holder: dict[str | int, Any] = {}
    key: str | int = ""
    for part in path:
        if isinstance(data, dict):
            holder, key = data, part
            if part not in data:
                return
        data = data[part]
    holder.pop(key, None)
