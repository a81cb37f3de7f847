"""How a command is told to end: Ctrl-C, a cancelled CI job, an ssh session that broke."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

ENDINGS = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT})
"""Ctrl-C, what CI systems send, what the kernel sends when a terminal goes away, and Ctrl-\\."""


@contextmanager
def interruptible(told: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Let each of ENDINGS raise KeyboardInterrupt, and only the first that comes.

    What is taken back and cleaned up after it, and the programs that this starts, are left in
    peace, which may take a while: `told` is called before. What was ignored before, as under nohup,
    stays ignored.
    """
    obeyed = False

    def obey(*_: object) -> None:
        nonlocal obeyed
        if not obeyed:
            obeyed = True
            signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
            with suppress(OSError):
                told()
            raise KeyboardInterrupt

    with _handled(obey):
        yield


@contextmanager
def undisturbed(told: Callable[[], None]) -> Iterator[None]:
    """Let ENDINGS wait until the block is over, for this process and the programs it starts.

    `told` is called for each of them. Raises KeyboardInterrupt at the end when there was one.
    """
    waiting = False

    def wait(*_: object) -> None:
        nonlocal waiting
        waiting = True
        # A message in the middle of another one is refused; nothing may end the block early.
        with suppress(RuntimeError, OSError):
            told()

    # Children inherit the mask, while other threads of this process still hear the signal.
    with _handled(wait, masked=ENDINGS):
        yield
    if waiting:
        raise KeyboardInterrupt


@contextmanager
def _handled(
    handler: Callable[..., None], masked: frozenset[signal.Signals] = frozenset()
) -> Iterator[None]:
    """Have a handler for ENDINGS until the block ends; the mask is then what it was before."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: signal.signal(number, handler)
        for number in ENDINGS
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, masked)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, held in before.items():
            signal.signal(number, held)
