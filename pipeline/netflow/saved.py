"""Templates and options of exporters in a file, so that they last longer than a process."""

from __future__ import annotations

import logging
from collections import OrderedDict
from pathlib import Path
from urllib.parse import quote

import msgspec

from pipeline.files import content, write
from pipeline.netflow.exporters import Exporter, Exporters
from pipeline.netflow.options import Options
from pipeline.netflow.payload import address_text
from pipeline.netflow.template import Field, Template
from pipeline.state.sealed import SealError, seal, unseal

_VERSION = 1
_MOST = 1 << 28
"""Bytes of a file that are read: the collector bounds how much it knows."""
_log = logging.getLogger(__name__)


class _Kept(msgspec.Struct, frozen=True):
    number: tuple[int, int, int]
    fields: list[Field]
    scopes: int


class _Exporter(msgspec.Struct, frozen=True):
    sender: bytes
    templates: list[_Kept]
    options: list[tuple[tuple[int, int], Options]]


def path(folder: Path, stage: str) -> Path:
    """Where the templates of a stage are kept."""
    return folder / f"{quote(stage, safe='')}.templates"


def save(file: Path, exporters: Exporters) -> None:
    """Write what is known; a reader sees the old or the new file, whole. Raises OSError."""
    kept = [
        _Exporter(
            sender,
            [
                _Kept(number, list(one.fields), one.scopes)
                for number, one in known.templates.items()
            ],
            list(known.options.items()),
        )
        for sender, known in exporters.known.items()
        if known.templates or known.options
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    write(file, seal(msgspec.msgpack.encode(kept), _VERSION), private=True)


def load(file: Path, exporters: Exporters) -> None:
    """Know what was written. A file that cannot be read is told, and the templates come again."""
    try:
        kept = msgspec.msgpack.decode(unseal(content(file, _MOST), _VERSION), type=list[_Exporter])
    except FileNotFoundError:
        return
    except (OSError, SealError, msgspec.MsgspecError) as error:
        _log.warning("%s cannot be read (%s): flows wait for new templates", file, error)
        return
    for one in kept:
        found = Exporter(address_text(one.sender))
        found.templates = OrderedDict(
            (each.number, Template(each.number[0], tuple(each.fields), each.scopes))
            for each in one.templates
        )
        found.options = OrderedDict(one.options)
        exporters.adopt(one.sender, found)
