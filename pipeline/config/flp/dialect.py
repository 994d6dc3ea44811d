"""The parameters of flowlogs-pipeline, as its configuration files write them.

Source: docs/reference/flowlogs-pipeline.md#stage-types.
These modules only have structures: names, types and defaults. A field that a stage needs may be
optional here, because the native stage checks it. Blocks of stages that are not supported stay
untyped, because they are refused as a whole. Each block is in a module of its own.
"""

from __future__ import annotations

from msgspec import Struct

from pipeline.config.flp.dialect_encode import Encode, ServerTls
from pipeline.config.flp.dialect_extract import Extract
from pipeline.config.flp.dialect_ingest import Ingest
from pipeline.config.flp.dialect_transform import Transform
from pipeline.config.flp.dialect_write import Write


class Entry(Struct, frozen=True):
    """An entry of `pipeline`: an edge, or only a declaration when `follows` is empty."""

    name: str = ""
    follows: str = ""


class Parameter(Struct, frozen=True):
    """An entry of `parameters`: a name and one of the five kinds."""

    name: str = ""
    ingest: Ingest | None = None
    transform: Transform | None = None
    extract: Extract | None = None
    encode: Encode | None = None
    write: Write | None = None


class Metrics(Struct, frozen=True, rename="camel"):
    """`metricsSettings` (docs/reference/flowlogs-pipeline.md#metrics-settings)."""

    address: str = ""
    port: int = 0
    tls: ServerTls | None = None
    prefix: str = ""
    no_panic: bool = False
    suppress_default_metrics: bool = False
    disable_global_server: bool = False


class Dynamic(Struct, frozen=True, rename="camel"):
    """`dynamicParameters` (docs/reference/flowlogs-pipeline.md#dynamic-parameters)."""

    namespace: str = ""
    name: str = ""
    file_name: str = ""
    kube_config_path: str = ""


class Root(Struct, frozen=True, rename="camel"):
    """The part of a file that is read strictly."""

    pipeline: list[Entry] = []
    parameters: list[Parameter] = []
    dynamic_parameters: Dynamic | None = None
    metrics_settings: Metrics = Metrics()
