"""Waits for what a fault brings about. What does not happen in time is the judge's to say."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from core.wait import WaitTimeout, wait_until
from drills.clock import LabClock
from drills.order import Order, Stake
from drills.probes import Attempt, Probe, settled
from drills.situation import Fate
from drills.snapshot import of
from parts.seen import Seen
from parts.services.base import ServicePart
from status.collect import Observer
from status.model import LabStatus

PATIENCE = 2
"""An outage is waited for this many times as long as it may be: a slow failover is to be measured,
not only refused."""

MARGIN_S = 60.0

PATIENCE_ENDS = 1.5
"""In the time after which corosync gives a node up, or a watchdog bites: who has noticed nothing by
then will not."""

ROUNDS_TO_SEE = 1.5
"""In readings of the monitoring: how long a fault is held for it to be seen."""


@dataclass
class Patience:
    """Waits beside one drill, whose fault came at `injected` (lab's clock, seconds since 1970).

    `probes` are the clients of the services at stake, in their order. `seen` collects what `status`
    complains of meanwhile.
    """

    order: Order
    clock: LabClock
    probes: tuple[Probe, ...]
    injected: float
    seen: set[str] = field(default_factory=set)
    shown: float | None = None
    """When all that has to be complained of was there, on the lab's clock."""

    def await_consequences(self) -> None:
        """Wait until what has to happen has happened; what does not is the judge's to say."""
        expected, stakes = self.order.expected, self.order.stakes
        fates = {stake.expected.fate for stake in stakes}
        if Fate.RETURNS not in fates:
            self.await_service()
        if expected.fenced or expected.reasons or fates & {Fate.MOVES, Fate.VISITS}:
            self._await_cluster()
            self.shown = self.clock.now()
        self._hold()

    def await_service(self) -> None:
        """Wait until each service that has to be interrupted was away and is back.

        Only the monitor is asked: whoever asks the nodes as well slows down what is measured.
        """
        awaited = [stake.expected for stake in self.order.stakes]
        if not any(expected.interrupted for expected in awaited):
            return
        try:
            wait_until(
                self._look,
                lambda looks: all(
                    settled(attempts, self.injected)
                    for expected, attempts in zip(awaited, looks, strict=True)
                    if expected.interrupted
                ),
                what="service back for the client outside",
                timeout=PATIENCE * max(expected.outage_s for expected in awaited) + MARGIN_S,
                interval=self._look_every,
            )
        except WaitTimeout as error:
            self.order.audience.say(error.message)

    @property
    def _look_every(self) -> float:
        return max(1.0, self.order.site.inventory.timing.pace / 2)

    def _look(self) -> tuple[tuple[Attempt, ...], ...]:
        """Return what each client has tried, and tell of the service that is silent longest."""
        looks = tuple(probe.recent() for probe in self.probes)
        silent = (
            (self._silent_s(stake.part, attempts), stake.expected.outage_s)
            for stake, attempts in zip(self.order.stakes, looks, strict=True)
        )
        self.order.audience.service(*max(silent))
        return looks

    def _silent_s(self, part: ServicePart, attempts: tuple[Attempt, ...]) -> float:
        last = {a.address: a.wall for a in attempts if a.kind == "probe" and a.ok}
        addresses = (str(each.ip) for each in part.service.addresses)
        return max(0.0, self.clock.now() - min(last.get(each, self.injected) for each in addresses))

    def _await_cluster(self) -> None:
        inventory = self.order.site.inventory
        with Observer(inventory) as observer:
            try:
                wait_until(
                    observer.read_both,
                    lambda both: self._has_happened(*both),
                    what="what the fault has to bring about",
                    timeout=inventory.timing.healthy_wait_s,
                    describe=lambda both: both[0].summary(),
                    interval=float(inventory.timing.pace),
                    on_change=self.order.audience.say,
                )
            except WaitTimeout as error:
                self.order.audience.say(error.message)

    def _has_happened(self, status: LabStatus, seen: Seen) -> bool:
        self.seen |= set(status.reasons)
        expected = self.order.expected
        new = of(status, seen).fence_events - self.order.before.fence_events
        fenced = {event.target for event in new if event.status == "success"}
        complained = all(
            any(re.search(pattern, reason) for reason in self.seen) for pattern in expected.reasons
        )
        moved = all(
            self._has_moved(stake, status, seen)
            for stake in self.order.stakes
            if stake.expected.fate in (Fate.MOVES, Fate.VISITS)
        )
        return complained and moved and fenced >= expected.fenced

    def _has_moved(self, stake: Stake, status: LabStatus, seen: Seen) -> bool:
        """Tell whether a service answers, and nowhere where the fault struck.

        A node that has booted anew may have its addresses back before anybody looked.
        """
        service, snapshot = stake.part.service, of(status, seen)
        before, now = self.order.before.holders(service.name), snapshot.holders(service.name)
        struck = stake.expected.struck(self.order.targets)
        back = {
            node
            for node in struck
            if stake.expected.fate is Fate.VISITS
            and (
                stake.expected.brief
                or snapshot.boots[node] not in (None, self.order.before.boots[node])
            )
        }
        left = {address: node for address, node in before.items() if node in struck}
        moved = all(
            now.get(address) is not None and (now[address] != node or node in back)
            for address, node in left.items()
        )
        return moved and status.service(service.name).answers

    @property
    def _hold_s(self) -> float:
        """How long the fault is held: longer than anybody's patience with it."""
        timing, hold_s = self.order.site.inventory.timing, self.order.drill.hold_s
        ends_s = PATIENCE_ENDS * max(timing.death_s, timing.watchdog_s)
        return max(hold_s, ends_s) if hold_s else 0.0

    @property
    def _seen_at(self) -> float:
        """When the monitoring has come round to see what is there while the fault is."""
        inventory, expected = self.order.site.inventory, self.order.expected
        if inventory.monitoring is None or not expected.alarms:
            return self.injected
        # What lasts no longer than the fault may have taken a while to come.
        since = self.shown if self.shown and expected.reasons else self.injected
        return since + ROUNDS_TO_SEE * inventory.observe_every_s

    def _hold(self) -> None:
        until = max(self.injected + self._hold_s, self._seen_at)
        now = self.clock.now()
        if now >= until:
            return
        wait_until(
            self._look,
            lambda _: self.clock.now() >= until,
            what="the fault to last",
            timeout=until - now + MARGIN_S,
            interval=self._look_every,
        )
