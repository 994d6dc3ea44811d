"""The plan as a member of a Kafka consumer group; nothing outside imports Faust."""

from pipeline.runtime.kafka.member import Options
from pipeline.runtime.kafka.worker import Worker

__all__ = ["Options", "Worker"]
