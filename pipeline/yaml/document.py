"""YAML (and so JSON) files as plain data that knows where each part was written.

Scalars follow the core schema of YAML 1.2, keys are texts as written, `<<` merges mappings.
Variables of the environment are replaced in scalars after parsing, so that their content never
becomes structure; an unquoted scalar that is one variable and nothing else may become a number.
Size, nesting and aliases are limited.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from pipeline.diagnostics import ConfigPath, Diagnostic, Key, Location, refusal
from pipeline.files import opened
from pipeline.yaml.composer import MAX_DEPTH, Composer, Node

MAX_SIZE = 4 * 2**20
"""Bytes of a file, characters of a text."""


class Document:
    """Plain data, and where each part of it was written.

    `problems`: what is wrong but did not prevent reading (duplicate keys, unset variables);
    whoever uses `data` reports them too.
    """

    def __init__(self, name: str, root: Node, problems: list[Diagnostic]) -> None:
        self.name = name
        self.data: Any = root.data
        self.problems = problems
        self._root = root
        self._grafts: dict[ConfigPath, tuple[Document, ConfigPath]] = {}

    def graft(self, key: str, other: Document, below: ConfigPath = ()) -> None:
        """Put what `other` has at `below` under a key of this mapping.

        Where both have a list there, it is added behind the one that this document has.
        """
        given = other.data
        for part in below:
            given = given[part]
        self.problems += other.problems
        known = self.data.get(key)
        if not (isinstance(known, list) and isinstance(given, list)):
            self.data[key] = given
            self._grafts[(key,)] = other, below
            return
        for index, item in enumerate(given):
            self._grafts[key, len(known)] = other, (*below, index)
            known.append(item)

    def place(self, path: ConfigPath) -> Location:
        """Where a value starts (a key, when the path ends in a `Key`).

        Of a path that leads nowhere, the place of its longest known prefix.
        """
        for length in (2, 1):
            if path[:length] in self._grafts:
                other, below = self._grafts[path[:length]]
                return other.place((*below, *path[length:]))
        node = self._root
        for part in path:
            if isinstance(part, Key) and part in node.keys:
                return Location(self.name, *node.keys[part])
            if part not in node.items:
                break
            node = node.items[part]
        return Location(self.name, node.line, node.column)


def content(path: Path, most: int = MAX_SIZE) -> bytes:
    """The bytes of a file. Raises ConfigError when it cannot be read or has more than `most`."""
    name = str(path)
    try:
        with opened(path) as file:
            found = file.read(most + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise refusal(Location(name), f"cannot be read: {reason}") from error
    if len(found) > most:
        raise refusal(Location(name), f"the file is longer than {most} bytes")
    return found


def read(path: Path) -> str:
    """The text of a UTF-8 file. Raises ConfigError when it cannot be read or is too long."""
    name, found = str(path), content(path)
    try:
        return found.decode()
    except UnicodeDecodeError as error:
        line = found.count(b"\n", 0, error.start) + 1
        column = error.start - found.rfind(b"\n", 0, error.start)
        raise refusal(Location(name, line, column), "the file is not UTF-8") from error


def load(text: str, name: str, environ: Mapping[str, str] | None = None) -> Document:
    """The one document of a text; an empty text is null.

    `name` is the file in places. Without `environ` no variables are replaced. Raises ConfigError
    for YAML that cannot be read, is beyond the limits, or is more than one document.
    """
    if len(text) > MAX_SIZE:
        raise refusal(Location(name), f"the text is longer than {MAX_SIZE} characters")
    documents = list(composed(Composer(text, name, environ), text, name))
    if len(documents) > 1:
        message = "the file has several documents where one is expected"
        raise refusal(documents[1].place(()), message)
    return documents[0] if documents else Document(name, Node(None, 1, 1), [])


def composed(composer: Composer, text: str, name: str) -> Iterator[Document]:
    """The documents of a text that the composer reads, each as it is asked for.

    Raises ConfigError for YAML that cannot be read.
    """
    if text.count("\n%TAG") > MAX_DEPTH:  # the parser compares each with all before it
        raise refusal(Location(name), "too many %TAG directives")
    try:
        for root, problems in composer.documents():
            yield Document(name, root, problems)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Location(name, mark.line + 1, mark.column + 1) if mark else Location(name)
        reason = ", ".join(part for part in (error.problem, error.context) if part)
        hint = 'a variable inside [] or {} needs quotes: "${NAME}"' if "${" in text else ""
        raise refusal(place, f"invalid YAML: {reason}", hint) from error
    except yaml.reader.ReaderError as error:
        # The parser in C counts bytes.
        before = text.encode()[: error.position].decode(errors="ignore")
        place = Location(name, before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise refusal(place, f"invalid YAML: {error.reason}") from error
    except UnicodeEncodeError as error:
        raise refusal(Location(name), f"invalid YAML: {error.reason}") from error
