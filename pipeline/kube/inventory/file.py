"""Kubernetes objects from a file: YAML or JSON as kubectl prints them, gzip or not."""

from __future__ import annotations

import gzip
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import yaml

from pipeline import files
from pipeline.diagnostics import ConfigError, Diagnostic, Problem, Severity, warning
from pipeline.kube.api import objects
from pipeline.kube.api.objects import Object
from pipeline.kube.index.entries import IndexOptions
from pipeline.kube.index.index import Index
from pipeline.kube.inventory.addresses import strange
from pipeline.kube.inventory.export import restore
from pipeline.yaml import kubernetes

_DUMPER: type[Any] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_GZIP = b"\x1f\x8b"
_JSON = re.compile(rb"\s*(\[\s*)?\{\s*[\"}]|\s*\[\s*\]")
_MOST, _MOST_YAML = 1 << 30, 1 << 26
"""Bytes of a document that are read: YAML takes many times its size, and minutes."""
_PIECE = 1 << 24
_INK = re.compile(r"\S")
_SHOWN = 20
"""The number of errors, and of warnings, listed per file; further ones are only counted."""


class Found(NamedTuple):
    """An object and its location, such as `pods.yaml: document 3, item 12`."""

    where: str
    object: Object


class _Item(NamedTuple):
    """An object with its location, and the JSON text that it was read from."""

    where: str
    object: Object
    text: bytes | msgspec.Raw


def load(path: Path, options: IndexOptions | None = None) -> tuple[Index, list[Problem]]:
    """The index of a file's objects, and the problems of the file, errors first."""
    index, problems = Index(options=options), list[Problem]()
    for where, one in read(path, problems):
        try:
            restore(index, one)
            if said := strange(one):
                problems.append(warning((), f"{where}: {said}"))
        except msgspec.ValidationError as error:
            problems.append(Problem((), f"{where}: {one.kind} {one.metadata.name}: {error}"))
    if not problems and not len(index):
        problems = [warning((), f"{path.name}: no pod, node or service: no address is known")]
    return index, [one for severity in Severity for one in _first(severity, problems, path)]


def _first(severity: Severity, problems: list[Problem], path: Path) -> Iterator[Problem]:
    """The first problems of a severity, and how many more there are."""
    found = [problem for problem in problems if problem.severity is severity]
    yield from found[:_SHOWN]
    if more := len(found[_SHOWN:]):
        yield Problem((), f"{path.name}: {more} more problems like these", severity=severity)


def read(path: Path, problems: list[Problem]) -> Iterator[Found]:
    """The objects of a file and of its lists; problems are added to `problems`.

    The file has YAML documents, JSON lines, or one or more JSON documents. It may be gzipped.
    """
    yield from (Found(one.where, one.object) for one in _items(path, problems))


def manifests(path: Path, problems: list[Problem]) -> Iterator[dict[str, Any]]:
    """The same objects whole, as plain data."""
    for one in _items(path, problems):
        yield {**msgspec.json.decode(one.text), "kind": one.object.kind}


def _items(path: Path, problems: list[Problem]) -> Iterator[_Item]:
    number = 0
    try:
        with _open(path) as file:
            for number, document in enumerate(_documents(file, path.name, problems), 1):
                yield from _take_apart(f"{path.name}: document {number}", document, problems)
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or error
        problems.append(Problem((), f"{path.name}: cannot be read: {reason}"))
    except ConfigError as error:
        problems += (_placed(one) for one in error.problems)
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        problems.append(Problem((), f"{path.name}: document {number + 1}: {reason}"))


def endpoints(path: Path) -> list[Object]:
    """The EndpointSlices of a file; what cannot be read of it is left out."""
    return [found.object for found in read(path, []) if found.object.kind == "EndpointSlice"]


def write(found: Iterable[Mapping[str, Any]], path: Path) -> None:
    """Write objects to a file in the format of its suffixes: .yaml, .jsonl or .json, maybe .gz."""
    packed = path.suffix == ".gz"
    kind = (path.with_suffix("") if packed else path).suffix
    if kind in {".yaml", ".yml"}:
        documents = map(dict, found)
        text = yaml.dump_all(documents, Dumper=_DUMPER, sort_keys=False, allow_unicode=True)
        data = str(text).encode()
    elif kind == ".jsonl":
        data = b"".join(msgspec.json.encode(one) + b"\n" for one in found)
    else:
        data = msgspec.json.encode({"apiVersion": "v1", "kind": "List", "items": list(found)})
    files.write(path, gzip.compress(data, mtime=0) if packed else data)


@contextmanager
def _open(path: Path) -> Iterator[io.BufferedReader | gzip.GzipFile]:
    with files.opened(path) as file:
        packed = file.peek(len(_GZIP)).startswith(_GZIP)
        yield gzip.GzipFile(fileobj=file) if packed else file


def _documents(
    file: io.BufferedReader | gzip.GzipFile, name: str, problems: list[Problem]
) -> Iterator[bytes]:
    """The JSON text of each document."""
    if not _JSON.match(file.peek(512)):
        content = file.read(_MOST_YAML + 1)
        _check(content, _MOST_YAML)
        text = kubernetes.text_of(content, name)
        for document in kubernetes.documents(text, name):
            problems += (_placed(one) for one in document.problems)
            yield msgspec.json.encode(document.data)
        return
    first = _line(file)
    if first.strip() and _complete(first):
        yield first
        lines = iter(lambda: _line(file), b"")
        yield from filter(bytes.strip, lines)
        return
    whole = first + _json(file.read)
    if _complete(whole):
        yield whole
        return
    yield from _in_a_row(whole.decode())


def _line(file: io.BufferedReader | gzip.GzipFile) -> bytes:
    return _json(file.readline, b"\n")


def _json(read: Callable[[int], bytes], end: bytes | None = None) -> bytes:
    """The JSON up to an end, in pieces: of a hole, which is NUL bytes, one piece is read."""
    found = bytearray()
    while piece := read(min(_PIECE, _MOST + 1 - len(found))):
        if b"\0" in piece:
            raise ValueError("it has NUL bytes, so it is not JSON")
        found += piece
        _check(found, _MOST)
        if end and piece.endswith(end):
            break
    return bytes(found)


def _check(found: Sized, most: int) -> None:
    """Raise ValueError for more than is read of a file, as it may have no end."""
    if len(found) > most:
        raise ValueError(f"it is longer than {most} bytes")


def _placed(found: Diagnostic) -> Problem:
    """A diagnostic of the file as a problem whose message has the location."""
    problem = found.problem
    return msgspec.structs.replace(problem, message=f"{found.place}: {problem.message}")


def _complete(text: bytes) -> bool:
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except msgspec.DecodeError:
        return False
    return True


def _in_a_row(text: str) -> Iterator[bytes]:
    decoder, at = json.JSONDecoder(), _skip_blanks(text, 0)
    while at < len(text):
        _, end = decoder.raw_decode(text, at)
        yield text[at:end].encode()
        at = _skip_blanks(text, end)


def _skip_blanks(text: str, at: int) -> int:
    return len(text) if (found := _INK.search(text, at)) is None else found.start()


def _take_apart(where: str, text: bytes, problems: list[Problem]) -> Iterator[_Item]:
    """The object of a document, or the objects of a list."""
    if text.strip() == b"null":
        return
    if text.lstrip().startswith(b"["):
        text = b'{"kind":"List","items":' + text + b"}"
    try:
        whole = objects.parse(text)
        texts = objects.items(whole)
    except ValueError as error:
        problems.append(_left_out(where, text, error))
        return
    if texts is None:
        yield from _named(_Item(where, whole, text), problems)
        return
    kind = whole.kind.removesuffix("List")
    for number, item in enumerate(texts, 1):
        place = f"{where}, item {number}"
        try:
            one = objects.parse(item)
        except ValueError as error:
            problems.append(_left_out(place, item, error))
            continue
        one = one if one.kind else msgspec.structs.replace(one, kind=kind)
        yield from _named(_Item(place, one, item), problems)


def _left_out(where: str, text: bytes | msgspec.Raw, error: ValueError) -> Problem:
    """That an object cannot be read, with what it is called."""
    return Problem((), ": ".join(filter(None, (where, objects.called(text), str(error)))))


def _named(item: _Item, problems: list[Problem]) -> Iterator[_Item]:
    one = item.object
    missing = "kind" if not one.kind else "metadata.name" if not one.metadata.name else ""
    if missing:
        problems.append(Problem((), f"{item.where}: not a Kubernetes object: {missing} is missing"))
    else:
        yield item
