"""Long local commands whose output is progress: package installation, compilation."""

from __future__ import annotations

import shlex
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from core.command import start
from core.errors import CommandError
from core.processes import end_tree

TAIL_LINES = 30
"""How many of the last lines of output an error carries."""


def follow(
    command: Sequence[str | Path],
    on_line: Callable[[str], None],
    *,
    timeout: float,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    shown: str | None = None,
    hint: str | None = None,
) -> None:
    """Run `command` and hand each line of its output (both streams) to `on_line` as it comes.

    `env` is added to halab's environment for programs; `timeout` is in seconds; `shown` stands for
    the command in errors when its own words are too long to read.
    Raises CommandError with the end of the output when it fails or takes too long, HalabError
    when the program is not there. Whatever ends this function ends the command too.
    """
    words = [str(word) for word in command]
    named = shown or shlex.join(words)
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    expired = threading.Event()
    process = start(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        env=env,
        cwd=cwd,
        hint=hint,
    )

    def expire() -> None:
        expired.set()
        _end(process.pid)

    timer = threading.Timer(timeout, expire)
    timer.daemon = True
    timer.start()
    try:
        assert process.stdout is not None
        for line in process.stdout:
            tail.append(line.rstrip())
            on_line(line.rstrip())
        status = process.wait()
    except BaseException:
        _end(process.pid)
        raise
    finally:
        timer.cancel()
    if status != 0 or expired.is_set():
        raise CommandError(
            named, status=None if expired.is_set() else status, stdout="\n".join(tail), hint=hint
        )


def _end(pid: int) -> None:
    # What sudo started may not be ours to end; the terminal's Ctrl-C has reached it already.
    with suppress(PermissionError):
        end_tree(pid)
