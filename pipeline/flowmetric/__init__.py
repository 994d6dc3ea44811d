"""FlowMetric custom resources: read from files or objects, checked, turned into metrics."""

from pipeline.flowmetric.files import Loaded, load, loads
from pipeline.flowmetric.resource import FlowMetric, parse, without_duplicates

__all__ = ["FlowMetric", "Loaded", "load", "loads", "parse", "without_duplicates"]
