"""The files that patterns name: files, folders and globs."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from pathlib import Path

from pipeline.diagnostics import Diagnostic, Location, Problem, nearest
from pipeline.files import entries, is_file, is_folder

SUFFIXES = (".yaml", ".yml", ".json")


def matching(patterns: Iterable[str], folder: Path, problems: list[Diagnostic]) -> list[Path]:
    """The files of files, folders and globs, each once; relative names start at `folder`.

    Folders and globs give the .yaml, .yml and .json files in them, in order of their names. A
    pattern without a file is added to `problems`.
    """
    files: dict[Path, Path] = {}
    for index, pattern in enumerate(patterns):
        found = _matches(pattern, folder)
        if not found:
            problem = Problem((index,), *_nothing(pattern, folder))
            problems.append(Diagnostic(Location(pattern), problem))
        for file in found:
            files.setdefault(file.resolve(), file)
    return list(files.values())


def _matches(pattern: str, folder: Path) -> list[Path]:
    path = folder / pattern
    if not pattern:
        return []
    if is_file(path):
        return [path]
    if is_folder(path):
        found = entries(path)
    else:
        # Path.glob refuses absolute patterns.
        names = glob.glob(pattern, root_dir=folder, recursive=True)  # noqa: PTH207 - see above
        found = [folder / name for name in names]
    return sorted(file for file in found if file.suffix in SUFFIXES and is_file(file))


def _nothing(pattern: str, folder: Path) -> tuple[str, str]:
    """The reason why a pattern matches no file, and a hint with the nearest name."""
    if not pattern:
        return "the name of a file is empty", ""
    path = folder / pattern
    wanted = ", ".join(f"*{suffix}" for suffix in SUFFIXES)
    if is_folder(path):
        if not os.access(path, os.R_OK | os.X_OK):
            return f'the folder "{pattern}" cannot be read', ""
        return f'the folder "{pattern}" has no file {wanted}', ""
    parent = path.parent
    names = [entry.name for entry in entries(parent)]
    names = [name for name in names if name != path.name]  # it may have come meanwhile
    if glob.has_magic(pattern):
        return f'"{pattern}" matches no file {wanted}', nearest(path.name, names)
    hint = nearest(path.name, names) or ("" if names else f'"{parent}" is not a folder or is empty')
    return f'there is no file or folder "{pattern}"', hint
