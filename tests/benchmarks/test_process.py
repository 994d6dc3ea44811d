"""Programs under measurement: what is read of their pages."""

from __future__ import annotations

import socket
import sys
import threading
from pathlib import Path

from benchmarks.process import Program
from tests.real.parts import LOCALHOST

_WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nn 41\n"
_CUT = _WHOLE.replace(b"Length: 5", b"Length: 500")


def answer(server: socket.socket, answers: list[bytes]) -> None:
    for one in answers:
        connection, _ = server.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(one)


def test_a_page_that_ends_early_is_asked_for_again(tmp_path: Path) -> None:
    """It is no page, and no end of the measurement."""
    with socket.create_server((LOCALHOST, 0)) as server:
        serving = threading.Thread(target=answer, args=(server, [_CUT, _WHOLE]))
        serving.start()
        sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
        with Program(sleeper, server.getsockname()[1], tmp_path / "log") as program:
            assert program.number("n") == 0
            assert program.number("n") == 41
        serving.join()
