"""The pipeline of a recording that comes without one: enrich its flows and count them."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

from pipeline.config.loader import Config, loads
from pipeline.decode.detect import detected

OPENED, ALL = "opened", "all_flows"
"""The metrics: of flows that open a connection (a TCP SYN), and of all flows."""
NO_SYN = (
    "no flow of the recording has a SYN: all flows are counted, and replies cannot be told from "
    "requests"
)
_ENDS = [
    end + field
    for end in ("Src", "Dst")
    for field in ("K8S_Namespace", "K8S_OwnerName", "K8S_OwnerType", "SubnetLabel")
]


def pipeline_for(recording: Path, inventory: Path | None = None) -> Config:
    """A configuration that counts the flows of a recording in OPENED and ALL.

    Objects and subnet labels are those of the `inventory`; without one, those that the flows have
    already, as in the files of the netobserv CLI. Raises OSError, also for a file that is not a
    recording, and ConfigError for an inventory that is not valid.
    """
    form = detected(recording)
    stages: list[dict[str, Any]] = [
        {"name": "flows", "type": "ingest_file", "path": str(recording.absolute()), "decoder": form}
    ]
    if inventory:
        place = str(inventory.absolute())
        stages.append({"name": "objects", "type": "kubernetes", "inventory": place})
        stages.append({"name": "labels", "type": "subnet_label", "autodetect": place})
    stages.append({"name": "flags", "type": "tcp_flags"})
    for before, stage in pairwise(stages):
        stage["follows"] = before["name"]
    syn = {"field": "Flags", "value": "SYN"}
    stages += [
        {"name": "parts", "type": "flatten", "follows": "flags", "fields": ["Flags"]},
        {"name": "syn", "type": "filter", "follows": "parts", "match": [syn]},
        _metric(OPENED, "syn", [*_ENDS, "DstPort", "Flags"]),
        _metric(ALL, "flags", [*_ENDS, "DstPort"]),
    ]
    return loads(json.dumps({"stages": stages}), str(recording), Path())


def _metric(name: str, follows: str, labels: list[str]) -> dict[str, Any]:
    return {
        "name": f"count {name}",
        "type": "encode_prometheus",
        "follows": follows,
        "metrics": [{"name": name, "labels": labels}],
    }
