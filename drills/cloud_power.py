"""AWS's side of a machine: its power, its disks, and what AWS said happened to it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from core.errors import HalabError
from core.files import write_file
from drills.power import Event
from infra.aws_machines import STOPPED, AwsMachines
from labs.roles import NetworkRole

LOOK_S = 1.0
"""Seconds between two looks at all machines: as often as fence_aws looks."""

SILENT_S = 60.0
"""Seconds without an answer after which nobody can say what happened meanwhile: a request that is
put off is made again for half a minute."""


class CloudPower:
    """Switches and disks of a lab's instances, through EC2.

    What AWS cannot do raises HalabError; no drill that needs it is offered.
    """

    def __init__(self, machines: AwsMachines) -> None:
        self._machines = machines

    def is_on(self, machine: str) -> bool:
        """Tell whether the machine has power; while it is being stopped it may have."""
        return self._machines.is_on(machine)

    def cut(self, machine: str) -> None:
        """Take the power away, without a shutdown of the system."""
        self._machines.cut(machine)

    def start(self, machine: str) -> None:
        """Have a machine get its power back; does nothing when it has it."""
        self._machines.begin(machine)

    def disk(self, machine: str, name: str) -> str | None:
        """Return a machine's volume and where it is attached; None when it is not."""
        found = self._machines.volume(machine, name)
        if found is None:
            return None
        return json.dumps({"volume": found["VolumeId"], "device": found["Device"]})

    def pull_disk(self, machine: str, disk: str) -> None:
        """Tear a volume out of a running machine."""
        self._machines.detach(machine, json.loads(disk)["volume"])

    def plug_disk(self, machine: str, disk: str) -> None:
        """Put a volume into a machine, where it was."""
        self._machines.attach(machine, **json.loads(disk))

    def reset(self, machine: str) -> None:
        """Refuse: AWS asks the system before it resets an instance."""
        _refuse(f"{machine}'s reset button")

    def suspend(self, machine: str) -> None:
        """Refuse."""
        _refuse(f"to stop {machine}'s processors")

    def resume(self, machine: str) -> None:
        """Refuse."""
        _refuse(f"to let {machine}'s processors go on")

    def limit_writes(self, machine: str, name: str, per_second: int) -> None:
        """Refuse: the least that AWS sells is too fast."""
        _refuse(f"to slow down {machine}'s disk")

    def set_cable(self, machine: str, network: NetworkRole, *, plugged: bool) -> None:
        """Refuse."""
        _refuse(f"{machine}'s cable")

    @contextmanager
    def watched(self, log: Path) -> Iterator[CloudWatch]:
        """Record what AWS says of the machines into `log` until the block ends."""
        write_file(log, "")
        watch, ended = CloudWatch(log), threading.Event()
        before = self._machines.starts()

        def look() -> None:
            known = before
            while not ended.wait(LOOK_S):
                # A witness that does not answer for a moment looks again.
                with suppress(HalabError):
                    now = self._machines.starts()
                    watch.note(time.time(), known, now)
                    known, watch.last = now, time.monotonic()

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield watch
        finally:
            ended.set()
            thread.join()


@dataclass
class CloudWatch:
    """What AWS said so far, each state when it was seen first, on this machine's clock.

    `last`: when it was asked last with success, on the monotonic clock.
    """

    log: Path
    last: float = field(default_factory=time.monotonic)

    def note(
        self, at: float, before: dict[str, tuple[str, float]], now: dict[str, tuple[str, float]]
    ) -> None:
        """Write down what has changed between two looks.

        A machine that was started anew was off before, though nobody looked just then.
        """
        lines = []
        for machine, (state, started) in now.items():
            was, was_started = before.get(machine, (state, started))
            if started != was_started and STOPPED not in (was, state):
                lines.append(f"{at} {machine} {STOPPED}\n")
            if state != was:
                lines.append(f"{at} {machine} {state}\n")
        if lines:
            with self.log.open("a") as file:
                file.writelines(lines)

    def events(self) -> tuple[Event, ...]:
        """Return everything that was recorded; raises HalabError when AWS was silent lately."""
        if time.monotonic() - self.last > SILENT_S:
            raise HalabError("AWS does not say any more what its instances do")
        told = (line.split() for line in self.log.read_text().splitlines())
        return tuple(
            Event(at=float(at), machine=machine, kind="instance", detail=state.capitalize())
            for at, machine, state in told
        )


def _refuse(what: str) -> NoReturn:
    raise HalabError(
        f"{what}: AWS cannot do that to an instance",
        hint="`./halab drills LAB` lists what can be done to this lab",
    )
