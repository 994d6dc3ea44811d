"""Objects as YAML in which every text is quoted: `n`, `1e3` and `0o7` are texts to any reader."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import yaml

from pipeline.yaml import kubernetes
from policy.objects import Manifest

_BASE: type[Any] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_WIDTH = 2**30
_NAME = re.compile("[a-z][A-Za-z]*")


class _Dumper(_BASE):  # type: ignore[misc]
    """Quotes texts, those of several lines as blocks; keys that are plain names stay bare."""

    def ignore_aliases(self, data: object) -> bool:
        return True

    def text(self, text: str) -> yaml.ScalarNode:
        style = "|" if "\n" in text else '"'
        return yaml.ScalarNode("tag:yaml.org,2002:str", text, style=style)

    def mapping(self, data: dict[str, Any]) -> yaml.MappingNode:
        node: yaml.MappingNode = self.represent_mapping("tag:yaml.org,2002:map", data.items())
        for key, _ in node.value:
            if _NAME.fullmatch(key.value) and kubernetes.scalar(key.value) == key.value:
                key.style = None
        return node


_Dumper.add_representer(str, _Dumper.text)
_Dumper.add_representer(dict, _Dumper.mapping)


def dump(manifests: Iterable[Manifest]) -> str:
    """YAML documents, in the order given; the same objects give the same text."""
    return str(
        yaml.dump_all(
            manifests,
            Dumper=_Dumper,
            sort_keys=False,
            allow_unicode=True,
            width=_WIDTH,
            explicit_start=True,
        )
    )
