"""What the page is about: /api/v0/about."""

from __future__ import annotations

from importlib.metadata import version

import msgspec

from page.source import Source
from pipeline.api.openapi import Described


class About(msgspec.Struct, frozen=True):
    """/api/v0/about: the version, what is shown, and what can be done with it.

    `can` has "apply" (labels into a pipeline file), "approve", "metrics" (save a FlowMetric),
    "flows" (the latest ones) and "files" (those of files), as far as that is possible here.
    """

    version: str
    source: str
    can: list[str]


DESCRIBED = Described("What the page is about, and what can be done.", About)


def about(source: Source, name: str, *, flows: bool, files: bool = False) -> About:
    """What is told of a source; `name` says what it is."""
    possible = {
        "apply": source.pipeline is not None,
        "approve": source.approved is not None,
        "metrics": source.metrics is not None,
        "flows": flows,
        "files": files,
    }
    return About(version("flowmatrix"), name, [one for one, can in possible.items() if can])
