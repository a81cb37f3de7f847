"""Timeouts of resources, and how long a failover may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Operations:
    """Timeouts of a resource's operations and the time between two monitors, all in seconds."""

    start_s: int
    stop_s: int
    monitor_s: int
    monitor_every_s: int


@dataclass(frozen=True)
class PromotableOperations(Operations):
    """The same for a promotable resource; `monitor_every_s` is for the promoted instance.

    Pacemaker tells two monitors apart by their intervals, so the other one must differ. `notify_s`
    is None where the agent wants to hear nothing of other nodes.
    """

    promote_s: int
    demote_s: int
    monitor_unpromoted_every_s: int
    notify_s: int | None = None


@dataclass(frozen=True)
class Budget:
    """The longest outage that clients may see when the active node loses power, in seconds.

    The steps follow each other. `detection_s`: token + consensus (calibration 6.6 of 6.6).
    `decision_s`: the quorum device votes, the survivor becomes DC and asks for fencing (1.7 of 4).
    `fencing_s`: over a disk msgwait, 2 s that fence_sbd and Pacemaker take around it anywhere, and
    processes that start slowly (12.3 of 14). `promotion_s`: DRBD is promoted, including its
    fence-peer handler (3.8 of 8); or a lost node's locks and journal are recovered. `start_s`:
    filesystem, web server and address; the agents look again after whole seconds of sleep (8.2 of
    16). `probe_s`: what a client adds that asks every 0.2 s and gives up an answer after 0.8 s.
    `pause_s`: how long clients of some services may wait besides once all that runs, as clocks
    determine (parts.services.base.ServicePart). `join_s` is no step: it comes to them where a
    fenced node is back while the service still starts (17.9 of 20). `delay_s` is what of
    `fencing_s` only the fencing of a node takes for which others wait to be fenced first.

    The figures in brackets are what calibration measured of what emulation is allowed: what a
    loaded host can slow down may take twice the time, what clocks determine may not.
    """

    detection_s: float
    decision_s: float
    fencing_s: float
    promotion_s: float
    start_s: float
    probe_s: float = 1.0
    pause_s: float = 0.0
    delay_s: float = 0.0
    join_s: float = 0.0

    @property
    def total_s(self) -> float:
        """The outage from the last answer before the fault to the first after it."""
        steps = (self.detection_s, self.decision_s, self.fencing_s, self.promotion_s, self.start_s)
        return round(sum(steps) + self.probe_s + self.pause_s, 1)

    @property
    def move_s(self) -> float:
        """What a planned move may take: nobody has to be found dead or fenced.

        What has to start elsewhere has to stop first, and may take as long for that.
        """
        work_s = self.decision_s + self.promotion_s + 2 * self.start_s
        return round(work_s + self.probe_s + self.pause_s, 1)
