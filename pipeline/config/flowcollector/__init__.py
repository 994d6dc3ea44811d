"""FlowCollector resources of the operator, as pipelines (docs/reference/operator.md#pipeline)."""

from pipeline.config.flowcollector.reading import Collector, load

__all__ = ["Collector", "load"]
