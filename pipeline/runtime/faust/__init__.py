"""The plan as a member of a Kafka consumer group; nothing outside imports Faust."""

from pipeline.runtime.faust.memberships import WorkerOptions, worker

__all__ = ["WorkerOptions", "worker"]
