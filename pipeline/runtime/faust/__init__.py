"""The plan as a member of a Kafka consumer group; nothing outside imports Faust."""

from pipeline.runtime.faust.membership import WorkerOptions
from pipeline.runtime.faust.worker import Worker

__all__ = ["Worker", "WorkerOptions"]
