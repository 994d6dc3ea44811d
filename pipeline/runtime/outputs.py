"""The senders of a process: one for each stage that pushes flows to a server."""

from __future__ import annotations

from pathlib import Path

from pipeline.push.sender import Measures, Sender
from pipeline.runtime.failure import OutputError
from pipeline.stage import Writer


class Outputs:
    """Made when their first flows come, and kept to the end of the process.

    A worker that joins its group again goes on with the same queues.
    """

    def __init__(self, measures: Measures) -> None:
        self._measures = measures
        self._senders: dict[str, Sender] = {}

    def sender(self, writer: Writer, folder: Path) -> Sender:
        """The sender of a stage; names of files are under `folder`. Raises OutputError."""
        if writer.name not in self._senders:
            destination = writer.destination(folder)
            if destination is None:
                raise OutputError(f'stage "{writer.name}" does not say which server it writes to')
            self._senders[writer.name] = Sender(writer.name, destination, self._measures)
        return self._senders[writer.name]

    def problems(self) -> list[str]:
        """Why flows do not arrive, by stages; any thread may ask."""
        return [problem for one in list(self._senders.values()) if (problem := one.problem())]

    def close(self) -> None:
        """Send what waits, up to the deadlines of the queues, which run side by side."""
        senders = list(self._senders.values())
        for sender in senders:
            sender.finish()
        for sender in senders:
            sender.close()
