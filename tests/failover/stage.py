"""The stage for a story: a healthy lab, its hypervisor, a client outside, the audit at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from core.folders import LabFolder
from core.wait import wait_until
from drills import audits
from drills.audits import Snapshot, snapshot
from drills.clock import LabClock
from drills.ledger import clear_ledger, compare, read_ledger
from drills.power import Power, Watch
from drills.probes import Attempt, Probe, probing
from drills.verdicts import Verdict, require
from inventory.model import Inventory, Machine
from labs.timing import Timing
from status.collect import Observer
from status.health import wait_healthy
from status.model import LabStatus


@dataclass(frozen=True)
class Stage:
    """A lab that was healthy when the story began, and what is needed to break and judge it."""

    folder: LabFolder
    inventory: Inventory
    power: Power
    clock: LabClock
    before: Snapshot
    began: float
    """On the lab's clock."""
    tell: Callable[[str], None]

    @property
    def timing(self) -> Timing:
        """The lab's timeouts."""
        return self.inventory.timing

    @property
    def active(self) -> Machine:
        """The node that served when the story began."""
        assert self.before.status.active is not None
        return self.inventory.machine(self.before.status.active)

    @property
    def survivor(self) -> Machine:
        """The node that stood by when the story began."""
        [other] = [node for node in self.inventory.nodes if node.name != self.active.name]
        return other

    @contextmanager
    def client(self) -> Iterator[Probe]:
        """Run a client on the monitor; its ledger entries are removed at the end."""
        with probing(self.inventory) as probe:
            try:
                yield probe
            finally:
                with Observer(self.inventory) as observer:
                    holder = observer.read().active
                if holder is not None:
                    clear_ledger(self.inventory.machine(holder), probe.run)

    @contextmanager
    def hypervisor(self) -> Iterator[Watch]:
        """Record what libvirt sees."""
        log = self.folder.logs / f"libvirt-events-{int(time.time())}.txt"
        with self.power.watched(log) as watch:
            yield watch

    def wait_healthy(self, timeout: float) -> LabStatus:
        """Wait until nothing is wrong any more."""
        return wait_healthy(self.inventory, timeout, lambda now: print(f"waiting: {now}"))

    def wait_for(self, what: str, ready: Callable[[LabStatus], bool], timeout: float) -> LabStatus:
        """Wait until the lab's status is as a story needs it."""
        with Observer(self.inventory) as observer:
            return wait_until(
                observer.read,
                ready,
                what=what,
                timeout=timeout,
                describe=lambda status: "; ".join(status.reasons) or "healthy",
                interval=float(self.timing.pace),
                on_change=lambda now: print(f"waiting for {what}: {now}"),
            )

    def audit(
        self,
        attempts: tuple[Attempt, ...],
        run: str,
        *,
        fenced: Collection[str],
        besides: Callable[[Snapshot], Collection[Verdict]],
    ) -> None:
        """Ask everything that has to hold after every story, and what this one needs besides.

        The client must have stopped. Raises AssertionError with every answer that is not yes.
        """
        holder = self.wait_for(
            "one active node", lambda status: status.active is not None, self.timing.healthy_wait_s
        ).active
        assert holder is not None
        stored = read_ledger(self.inventory.machine(holder), run)
        # First, because the others ask the cluster for things and so keep it busy.
        rest = audits.same_configuration(self.inventory, self.timing.healthy_wait_s)
        after = snapshot(self.inventory)
        verdicts = [
            audits.healthy(self.inventory),
            rest,
            audits.one_answer(self.inventory),
            audits.fenced_only(fenced, self.before, after),
            audits.rebooted_only(fenced, self.before, after),
            audits.nothing_lost(compare(attempts, stored)),
            audits.no_bad_news(self.inventory, self.began),
            *besides(after),
        ]
        for verdict in verdicts:
            print(verdict)
        require(verdicts)
