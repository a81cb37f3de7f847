"""Standard input, output and error as they may be: closed, full, or of a narrow encoding."""

from __future__ import annotations

import codecs
import locale
import os
import sys
from io import TextIOWrapper

from cli.output import outlive_readers

READABLE = "halab.readable"

SUBSTITUTES = {
    **{"✔": "+", "✘": "x", "▸": ">", "…": "..."},
    **{"│": "|", "─": "-", "┌": "+", "●": "o", "◆": "*", "═": "=", "╞": "#", "╪": "#"},
}
"""What stands for halab's signs on a terminal that has none of them; "?" for all others."""

UNDECIDED = ("utf-8", "utf8", "ascii", "ansi_x3.4-1968")
"""Encodings of locales for which Python's choice, UTF-8, stays (PEP 540)."""


def prepare() -> None:
    """Make the three standard streams usable, whatever this process was started with."""
    _open_closed()
    outlive_readers()
    codecs.register_error(READABLE, _readable)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            narrow = locale.getencoding().lower()
            chosen = narrow if stream.isatty() and narrow not in UNDECIDED else None
            stream.reconfigure(encoding=chosen, errors=READABLE)


def discard_output() -> None:
    """Let whatever is still to be printed go nowhere: its disk is full."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _open_closed() -> None:
    """Occupy closed descriptors: the next file to be opened would get what programs write to."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdin = sys.stdin or os.fdopen(0, "r")
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(2, "w")


def _readable(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    if all("\udc80" <= sign <= "\udcff" for sign in text):
        # Bytes of a file's name that are no text: as they are.
        return bytes(ord(sign) - 0xDC00 for sign in text), error.end
    return "".join(SUBSTITUTES.get(sign, "?") for sign in text), error.end
