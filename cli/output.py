"""Text output that outlives whoever reads it: a terminal that is gone, a pipe that was closed."""

from __future__ import annotations

import errno
import io
import os
import sys

READER_GONE = frozenset({errno.EPIPE, errno.EIO, errno.ENXIO})
"""What a write fails with when its pipe was closed or its terminal went away."""


class LastingOutput(io.TextIOWrapper):
    """Drops what is written as soon as nobody can read it any more, and raises nothing for that.

    Work that is under way must not end in the middle because its reader went away.
    """

    forgiven = READER_GONE
    original: io.TextIOWrapper
    """Closes the file that both write to, as soon as nobody keeps it."""

    @classmethod
    def of(cls, stream: object, *also: int) -> LastingOutput | None:
        """Return the same stream with this behaviour, and for the errors named besides.

        None for a stream that is no ordinary file.
        """
        if not isinstance(stream, io.TextIOWrapper):
            return None
        made = cls(
            stream.buffer,
            encoding=stream.encoding,
            errors=stream.errors,
            line_buffering=stream.line_buffering,
            write_through=stream.write_through,
        )
        made.original = stream
        made.forgiven = READER_GONE | set(also)
        return made

    def write(self, text: str, /) -> int:
        """Write text, or drop it."""
        try:
            return super().write(text)
        except OSError as error:
            self._give_up(error)
            return len(text)

    def flush(self) -> None:
        """Hand over what is still held, or drop it."""
        try:
            super().flush()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        if error.errno not in self.forgiven:
            raise error
        # Children and the interpreter's last flush write here too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())


def outlive_readers() -> None:
    """Make this process's own output and errors such streams.

    Progress is a courtesy: a full disk does not end what it tells of. Results that cannot be
    written are an error.
    """
    sys.stdout = LastingOutput.of(sys.stdout) or sys.stdout
    sys.stderr = LastingOutput.of(sys.stderr, errno.ENOSPC, errno.EDQUOT) or sys.stderr
