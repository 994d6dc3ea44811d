"""The entry of the command: whatever a person can cause ends it with one line, not a traceback.

It imports nothing that takes time, so that an interrupt is answered from the first moment.
"""

from __future__ import annotations

import atexit
import codecs
import errno
import gc
import os
import resource
import select
import signal
import sys
from contextlib import suppress
from io import BufferedWriter, RawIOBase, TextIOWrapper
from types import FrameType
from typing import NoReturn, TextIO

INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 and the number of the signal, as in a shell."""
USAGE = 2
"""Exit code when an argument or a variable of the environment is wrong, as click has it."""
CLOSED_PIPE = 141
"""Exit code when nobody reads the output any more, as a shell has it of SIGPIPE."""
COLLECTED = 50_000
"""New objects after which cycles are looked for: most of what a start makes will stay."""
THREADS = "POLARS_MAX_THREADS"
"""The variable of the environment that says how many threads Polars has."""
MOST_THREADS = 4_096
"""Polars starts as many as it is told, or ends the process where the system has no more."""
_INTERRUPTS: list[int] = []
"""The signals of Ctrl-C that have come."""
_ERRORS = "flowmatrix"
_FRAMES = {"─": "-", "━": "-", "│": "|", "┃": "|", "…": ".", "·": "."}


def main() -> NoReturn:
    """Run the command that the arguments name, and leave with its exit code."""
    code = 1
    try:
        _prepare()
        code = _run()
        sys.stdout.flush()
        signal.signal(signal.SIGINT, lambda *_: os._exit(code))  # it has come too late
    except KeyboardInterrupt:
        code = _interrupted()
    except OSError as error:
        code = _failed(error)
    except Exception:
        if not _INTERRUPTS:
            raise
        code = _interrupted()  # a library may make another error of an interrupt
    signal.signal(signal.SIGINT, lambda *_: os._exit(code))
    _close_output()
    sys.exit(code)


def _prepare() -> None:
    """Set the process up.

    An interrupt waits for the end of it: a stream is without its encoder for a moment, in which it
    could not say that one came.
    """
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    signal.signal(signal.SIGINT, _interrupt)
    atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)  # Python's end gives it back
    sys.unraisablehook = _unraisable
    _keep_no_core()
    gc.set_threshold(COLLECTED)
    _replace_closed_streams()
    _prepare_streams()
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _keep_no_core() -> None:
    """A crash leaves no memory, with passwords in it, on a disk; `ulimit -Hc` stays as it was."""
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))


def drop_in() -> NoReturn:
    """The command `flowlogs-pipeline`: `flowmatrix flp` under the name that others start."""
    sys.argv.insert(1, "flp")
    main()


def _run() -> int:
    """The exit code of the command.

    The heap is settled before libraries are imported: they start threads, which would have one
    each for good.
    """
    if not _threads_are_valid():
        return USAGE
    from pipeline.heap import one_heap  # noqa: PLC0415 - it takes time: see above

    one_heap()
    from pipeline.cli import logs  # noqa: PLC0415 - the same
    from pipeline.cli.app import app  # noqa: PLC0415 - the same

    logs.start()
    try:
        app()
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else int(left.code is not None)
        if code == INTERRUPTED:
            return _interrupted()
        return CLOSED_PIPE if code and output_is_closed() else code
    return 0


def _threads_are_valid() -> bool:
    """Whether the variable of Polars has a value that it takes. An empty one counts as none."""
    given = os.environ.get(THREADS, "")
    if not given:
        os.environ.pop(THREADS, None)
        return True
    valid = given.isascii() and given.isdecimal() and 1 <= int(given[:9]) <= MOST_THREADS
    if not valid:
        _tell(f"error: {THREADS}: {given[:40]!r} is not a number from 1 to {MOST_THREADS:,}")
    return valid


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt. Within an import the process ends at once.

    Modules in C import others, and go on where an exception comes out of it: the interrupt would be
    lost.
    """
    _INTERRUPTS.append(number)
    while frame:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            os._exit(_interrupted())
        frame = frame.f_back
    raise KeyboardInterrupt


def _interrupted() -> int:
    _tell("interrupted")
    return INTERRUPTED


def _failed(error: OSError) -> int:
    """The exit code after an error of the system that no command expected."""
    if error.errno == errno.EPIPE and output_is_closed():
        return CLOSED_PIPE
    reason = error.strerror or str(error)
    _tell(f"error: {error.filename}: {reason}" if error.filename else f"error: {reason}")
    return 1


def output_is_closed() -> bool:
    """Whether standard output is a pipe whose reader is gone."""
    poll = select.poll()
    poll.register(1, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def _tell(line: str) -> None:
    with suppress(OSError, ValueError):
        print(line, file=sys.stderr, flush=True)  # noqa: T201 - nothing else may be there yet


def _unraisable(what: sys.UnraisableHookArgs) -> None:
    """An interrupt that comes while an object is finalized must not be lost there."""
    if issubclass(what.exc_type, KeyboardInterrupt):
        os._exit(_interrupted())
    sys.__unraisablehook__(what)


def _replace_closed_streams() -> None:
    """Put the null device where a caller has closed a stream (`>&-`).

    A file that is opened later would have its number, and what a library prints would go there. To
    the output nothing can be written: a command that prints ends with an error, as on a full disk.
    """
    streams = (("stdin", 0, os.O_RDONLY), ("stdout", 1, os.O_RDONLY), ("stderr", 2, os.O_WRONLY))
    for name, number, flags in streams:
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, flags)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            stream = os.fdopen(number, "w" if number else "r", closefd=False)
            setattr(sys, name, stream)


def _prepare_streams() -> None:
    """Let both streams take every text.

    A terminal gets its own encoding, with escapes for what that does not have. Files and pipes get
    UTF-8 in every locale: JSON, CSV and expositions are defined so.
    """
    codecs.register_error(_ERRORS, _replaced)
    if isinstance(getattr(sys.stdout, "buffer", None), RawIOBase):
        sys.stdout = _whole(sys.stdout)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            encoding = stream.encoding if stream.isatty() else "utf-8"
            stream.reconfigure(encoding=encoding, errors=_ERRORS)


def _whole(stream: TextIO) -> TextIO:
    """An unbuffered stream (PYTHONUNBUFFERED, python -u), line by line.

    Python would not look whether the system has taken all of a text: on a disk that takes a part of
    it, the rest would be lost without an error.
    """
    raw = os.fdopen(stream.fileno(), "wb", buffering=0, closefd=False)
    return TextIOWrapper(BufferedWriter(raw), stream.encoding, line_buffering=True)


def _replaced(error: UnicodeError) -> tuple[str, int]:
    """What stands for letters that an encoding does not have: JSON's escapes, lines as ASCII."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    return "".join(_FRAMES.get(letter) or _escaped(letter) for letter in letters), error.end


def _escaped(letter: str) -> str:
    units = letter.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def _close_output() -> None:
    """Nothing is left to be written when Python ends: it would complain of a closed pipe."""
    for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
        try:
            stream.flush()
        except (OSError, ValueError):
            with suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), number)
