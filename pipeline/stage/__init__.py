"""The contract of a stage: what an author of stages imports."""

from pipeline.stage.built import BuiltStage, Decode, Decoded, Encode, Knowledge, Step, Write
from pipeline.stage.context import BuildContext, Fields, SourceContext
from pipeline.stage.example import Example
from pipeline.stage.macro import Expansion, Macro, ResourceMacro
from pipeline.stage.memory import Change, Measure, Memory, Stateful, Stepped
from pipeline.stage.metrics import (
    COUNT,
    FIRST_SEEN,
    LAST_SEEN,
    SUM,
    VALUE,
    AddressLimit,
    Column,
    Delta,
    Encoded,
    Family,
    Kind,
    MetricSet,
    Policy,
    RejectedValue,
    Rule,
    bucket,
    sample_names,
)
from pipeline.stage.once import once
from pipeline.stage.registry import registry
from pipeline.stage.resources import ResourcePool
from pipeline.stage.spec import (
    Encoder,
    ResourceTransform,
    Sink,
    Source,
    Spec,
    StatefulTransform,
    Transform,
    Writer,
)

__all__ = [
    "COUNT",
    "FIRST_SEEN",
    "LAST_SEEN",
    "SUM",
    "VALUE",
    "AddressLimit",
    "BuildContext",
    "BuiltStage",
    "Change",
    "Column",
    "Decode",
    "Decoded",
    "Delta",
    "Encode",
    "Encoded",
    "Encoder",
    "Example",
    "Expansion",
    "Family",
    "Fields",
    "Kind",
    "Knowledge",
    "Macro",
    "Measure",
    "Memory",
    "MetricSet",
    "Policy",
    "RejectedValue",
    "ResourceMacro",
    "ResourcePool",
    "ResourceTransform",
    "Rule",
    "Sink",
    "Source",
    "SourceContext",
    "Spec",
    "Stateful",
    "StatefulTransform",
    "Step",
    "Stepped",
    "Transform",
    "Write",
    "Writer",
    "bucket",
    "once",
    "registry",
    "sample_names",
]
