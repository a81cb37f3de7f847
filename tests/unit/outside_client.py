"""The client outside, as it runs on a monitor: a process of its own, and the log that it writes."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from core.wait import wait_until
from drills.probes import Attempt, parse_attempts, program_files

RUN = "run"
BARE = (sys.executable, "-I", "-S")


class Client:
    """One that runs here; without `python`, under a bare one."""

    def __init__(self, log: Path, writes: str, *urls: str, python: tuple[str, ...] = BARE) -> None:
        self.log = log
        program = log.parent / "outside"
        for file in program_files(str(program)):
            Path(file.path).parent.mkdir(parents=True, exist_ok=True)
            Path(file.path).write_bytes(file.data)
        words = [*python, str(program), str(log), RUN, writes, "", *urls]
        self.process = subprocess.Popen(words)

    def attempts(self, kind: str = "", address: str = "") -> tuple[Attempt, ...]:
        """Return what was tried so far: all of it, or of one kind, at one address."""
        text = self.log.read_text() if self.log.exists() else ""
        return tuple(
            attempt
            for attempt in parse_attempts(text)
            if attempt.kind.startswith(kind) and attempt.address.startswith(address)
        )

    def wait(self, kind: str, *, ok: bool, count: int, address: str = "") -> None:
        """Wait for so many more attempts of a kind that went like this."""

        def tried() -> int:
            return sum(attempt.ok is ok for attempt in self.attempts(kind, address))

        wanted = tried() + count
        wait_until(
            tried,
            lambda found: found >= wanted,
            what=f"{count} {kind}s at {address or 'any address'}, ok {ok}",
            timeout=20,
            interval=0.05,
        )

    def end(self) -> None:
        """Stop it as a drill does; it must end well."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=20) == 0
