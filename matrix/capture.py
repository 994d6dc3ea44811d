"""The pipeline of a recording that comes without one: enrich its flows and count its edges."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

from pipeline.config.loader import Config, loads
from pipeline.decode.detect import detected


def pipeline_for(recording: Path, inventory: Path | None = None) -> Config:
    """A configuration that counts the edges of a recording.

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
    stages.append({"name": "edges", "type": "encode_matrix"})
    for before, stage in pairwise(stages):
        stage["follows"] = before["name"]
    return loads(json.dumps({"stages": stages}), str(recording), Path())
