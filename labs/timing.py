"""Every timeout of a lab and the failover budget that follows from them, in one place.

What a person may choose are fields; what follows from it are properties. "Calibration" in the
docstrings means figures measured on a whole lab of two one-core nodes in software emulation on a
two-core host.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, StrictInt, model_validator

from labs.conflicts import Conflict, Conflicts
from labs.notes import Note

KVM_PACE = 1
EMULATION_PACE = 4
"""How much longer work takes in a guest. Calibration: software emulation needs four times the
advised operation timeouts and boot waits, yet no longer token or fencing timeouts."""

SLOWEST_PACE = 12
"""What the largest lab needs in emulation: eight nodes and a monitor."""

CALIBRATED_MACHINES = 3
"""Two nodes and a monitor."""


def emulation_pace(machines: int) -> int:
    """Return how much longer work takes in one of so many emulated guests.

    More of them than the calibrated three share the host's processors. Measured with four on two
    cores: an address took 2.5 to 7.1 s to start, 10.8 and 16.0 s while the lost node booted.
    """
    return max(EMULATION_PACE, round(EMULATION_PACE * machines / CALIBRATED_MACHINES))


CALIBRATED_TOKEN_MS = 3000
"""The shortest token that held for minutes on an overloaded host, in emulation."""

SHORTEST_RETRANSMIT_MS = 30
"""Corosync refuses to start when the token is to be passed on more often than that."""

CALIBRATED_DISK_MIB = 512
"""The replicated disk of the lab that the waits were calibrated on."""

DISK_MIB_PER_S = 80
"""What DRBD copies at least at pace 1: its controller stops at 100 MiB/s (c-max-rate), and finds to
that rate step by step."""

COMPARED_MIB_PER_S = 12
"""What DRBD compares at least at pace 1. It asks about every 4 KiB by a message of its own, so that
processors limit it: 3.4 to 8.6 MiB/s were measured in emulation (pace 4) on a busy host."""


class Timeouts(BaseModel):
    """What a person may choose. A key that is not given follows from those above it.

    Raises Conflicts (inside pydantic's ValidationError) when values contradict each other.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    token_ms: Annotated[StrictInt, Field(ge=1000, le=30000)] = Field(
        default=3000,
        description="silence after which Corosync declares the token lost; a node counts as dead "
        "after 2.2 times this",
    )
    """Calibration: 3000 held for minutes on an overloaded host; 1000 held for one minute; 500
    breaks."""

    token_retransmits: Annotated[
        StrictInt, Field(ge=4, le=40), Note(besides="at most one every 30 ms")
    ] = Field(default=10, description="attempts to pass the token on within that time")
    """corosync.conf(5) has 4 as its default."""

    watchdog_s: Annotated[StrictInt, Field(ge=3, le=120)] = Field(
        default=5, description="the watchdog resets a node whose sbd is silent for this long"
    )
    msgwait_s: Annotated[
        StrictInt,
        Field(ge=6, le=600),
        Note(besides="at least 2 x watchdog_s", default="2 x watchdog_s"),
    ] = Field(
        default_factory=lambda chosen: 2 * chosen["watchdog_s"],
        description="after this time a fencing message counts as obeyed",
    )
    """On the shared disk. Twice the watchdog (sbd(8)), because the victim may have patted it just
    before it read the message."""

    sync_timeout_ms: Annotated[
        StrictInt,
        Field(ge=1000, le=100000),
        Note(besides="less than watchdog_s", default="0.8 x watchdog_s"),
    ] = Field(
        default_factory=lambda chosen: 800 * chosen["watchdog_s"],
        description="how long a new membership waits for the quorum device, whose own timeout "
        "follows from `token_ms` so that it votes in time",
    )
    """sbd distrusts quorum that may come later than its watchdog; calibration: the vote came after
    250 to 1400 ms."""

    stonith_timeout_s: Annotated[
        StrictInt,
        Field(ge=10, le=3600),
        Note(
            besides="at least 1.2 x msgwait_s + 2.2 x token_ms",
            default="67; more with a larger msgwait_s or token_ms",
        ),
    ] = Field(
        default_factory=lambda chosen: _stonith_timeout(chosen),
        description="Pacemaker gives up a fencing attempt after this time",
    )
    """Its own default is 60."""

    dc_deadtime_s: Annotated[StrictInt, Field(ge=2, le=120)] = Field(
        default=10,
        description="how long a starting node waits for the others before it decides alone",
    )
    """And fences the absent. Nodes that start cold pay it in full; Pacemaker's default of 20 suits
    nodes that somebody starts by hand, ours start together."""

    recheck_s: Annotated[StrictInt, Field(ge=60, le=3600)] = Field(
        default=300, description="how often Pacemaker looks at time-based rules"
    )
    """Its cluster-recheck-interval."""

    @model_validator(mode="after")
    def _agree(self) -> Self:
        Conflicts.raise_any(_conflicts(self))
        return self

    @property
    def consensus_ms(self) -> int:
        """Wait for agreement on a new membership: 1.2 x token (corosync.conf(5))."""
        return math.ceil(1.2 * self.token_ms)

    @property
    def death_s(self) -> float:
        """From a node's last sign of life to a membership without it: token + consensus."""
        return (self.token_ms + self.consensus_ms) / 1000


SLOW_HOST: dict[str, int] = {"token_ms": 5000, "watchdog_s": 10}
"""For hosts that stall for seconds. Calibration: the outage of a failover grows by 12 s."""

PROFILES: dict[str, dict[str, int]] = {"default": {}, "slow-host": SLOW_HOST}
"""Named starting points; whatever a definition says besides wins over them."""


class Timing(Timeouts):
    """All timeouts of one lab on one kind of machine; `Timing()` is the default lab on KVM.

    `pace` stretches what work takes: operation timeouts and waits, never token or fencing.
    """

    pace: Annotated[StrictInt, Field(ge=1, le=SLOWEST_PACE)] = KVM_PACE
    data_disk_mib: Annotated[StrictInt, Field(ge=1)] = CALIBRATED_DISK_MIB
    """The size of the replicated disk: what copies or compares all of it takes longer with it."""

    shot_s: Annotated[StrictInt, Field(ge=1)] = 1
    """From the start of a fence agent until whom it fences can fence nobody any more. A node reads
    its slot on the fencing disk every second (sbd(8), timeout_loop)."""

    drbd_ping_interval_s: ClassVar[int] = 10
    drbd_ping_timeout_ds: ClassVar[int] = 30
    drbd_timeout_ds: ClassVar[int] = 100
    drbd_connect_interval_s: ClassVar[int] = 10
    """DRBD's network timeouts (drbd.conf: ping-int, ping-timeout, timeout, connect-int; `_ds` are
    tenths of a second). Calibration: quiet under load with these."""

    failure_timeout_s: ClassVar[int] = 600
    """After this time Pacemaker forgets that a resource failed, when it next rechecks."""

    @property
    def qdevice_timeout_ms(self) -> int:
        """Time for corosync-qdevice's vote to be renewed in, outside of membership changes.

        So short that qnetd has given a lost node up when the others agree that it is lost.
        qnetd votes for nobody while it waits to hear from a node that it believes alive: for 1.2
        times this timeout (a heartbeat every 0.8 of it, given up after 1.5 heartbeats). With the
        default of 10000 it may vote after `sync_timeout_ms` is over, depending on when the node
        last spoke: seen, the survivor stopped everything for want of quorum.
        """
        return min(10000, int(1000 * self.death_s / 1.2))

    @property
    def decision_s(self) -> float:
        """From a membership until the survivor has a quorum, is DC and asks for fencing.

        Calibration: 1.7 of 7 in emulation.
        """
        return 2.0 * self.pace - 1

    @property
    def slow_start_s(self) -> float:
        """What processes that start slowly may add to a fencing, its agent above all."""
        return 1.5 * self.pace

    @property
    def priority_delay_s(self) -> int:
        """How long a node waits before it fences one that counts more: `priority-fencing-delay`.

        By then that one has fenced it, if it lives. It may have noticed the loss a token later,
        takes its time to decide and to start the agent, and the agent takes its own. Reckoned, not
        measured.
        """
        return math.ceil(self.token_ms / 1000 + self.decision_s + self.slow_start_s + self.shot_s)

    @property
    def membership_rest_s(self) -> int:
        """How long corosync's membership must rest before the quorum device registers.

        A registration while nodes meet ends the corosync of the others. Nodes that are started
        together have met by then: they wait for each other for `dc_deadtime_s`, and corosync may
        need token + consensus to agree on a membership. A node that stays alone has its vote at
        about the time at which Pacemaker stops waiting for others.
        """
        return math.ceil(max(self.dc_deadtime_s, self.death_s))

    @property
    def membership_wait_s(self) -> int:
        """The device registers after this time even if the membership never rests.

        Its members have met long since then: only the first meeting is dangerous.
        """
        return 6 * self.membership_rest_s

    @property
    def power_timeout_s(self) -> int:
        """What fence_sbd may take; it warns unless this exceeds msgwait. 30 is its default."""
        return _power_timeout(self.msgwait_s)

    @property
    def fence_handler_s(self) -> int:
        """How long DRBD's fence-peer handler waits for the peer's fate: detection and fencing.

        Its `--timeout`; the script wants more than the stonith timeout.
        """
        return max(120, math.ceil(self.death_s) + self.stonith_timeout_s + 30)

    @property
    def fence_handler_dc_s(self) -> int:
        """How long the handler waits for a DC, its `--dc-timeout`; must exceed `--timeout`."""
        return self.fence_handler_s + 30

    @property
    def ssh_wait_s(self) -> int:
        """One ssh connection to a machine that is up (calibration: below 2 s in emulation)."""
        return 10 * self.pace

    @property
    def firewall_trial_s(self) -> int:
        """How long new firewall rules may shut halab out before the old ones come back."""
        return 20 * self.pace

    @property
    def boot_wait_s(self) -> int:
        """From power-on until ssh answers (calibration: 35 to 65 s in emulation, three guests)."""
        return 60 * self.pace

    @property
    def joined_wait_s(self) -> int:
        """From started daemons, or from ssh after a reboot, until the cluster has settled.

        Calibration in emulation: 95 s for a new cluster, 110 s for a rejoin on a busy host.
        """
        return 90 * self.pace

    @property
    def healthy_wait_s(self) -> int:
        """The same until all is healthy, although the whole disk may have to be copied."""
        larger_mib = max(0, self.data_disk_mib - CALIBRATED_DISK_MIB)
        return self.joined_wait_s + math.ceil(self._disk_s(larger_mib))

    def compare_wait_s(self, disk_mib: float) -> int:
        """Until DRBD has compared every block of a disk of that size."""
        return self.joined_wait_s + math.ceil(disk_mib * self.pace / COMPARED_MIB_PER_S)

    @property
    def format_wait_s(self) -> int:
        """What it takes besides the usual until the replicated filesystem is made.

        ext4 with an inode for every 64 KiB writes a 256th of the disk as inode tables, and every
        write crosses the network before the next: a quarter of what copying does.
        """
        return math.ceil(4 * self._disk_s(self.data_disk_mib / 256))

    def _disk_s(self, mib: float) -> float:
        return mib * self.pace / DISK_MIB_PER_S

    @property
    def hiccup_s(self) -> float:
        """How long a node may stand still and nobody may notice: two thirds of the least patience.

        Corosync waits for the token, DRBD for the answer to a ping, and the watchdog to be patted.
        """
        patience_s = (self.token_ms / 1000, self.drbd_ping_timeout_ds / 10, self.watchdog_s)
        return round(min(patience_s) * 2 / 3, 2)

    @property
    def doubts(self) -> tuple[str, ...]:
        """What was never seen to hold on such machines, in sentences; nothing forbids it."""
        if self.pace == KVM_PACE or self.token_ms >= CALIBRATED_TOKEN_MS:
            return ()
        return (
            f"timing.token_ms = {self.token_ms} is short for emulated machines, which stall: nodes "
            f"that are well may be fenced; {CALIBRATED_TOKEN_MS} held on an overloaded host",
        )

    @property
    def rejoin_wait_s(self) -> int:
        """From power-on of a failed node until the lab is healthy again."""
        return self.boot_wait_s + self.healthy_wait_s

    @property
    def stop_wait_s(self) -> int:
        """A clean stop of the cluster on one node (calibration: 25 s in emulation)."""
        return 30 * self.pace

    @property
    def observe_every_s(self) -> int:
        """How often monitoring reads a node: 10 s, or 30 s where one reading takes a second.

        Where more than three share a host that emulates them, it is 60: there one took up to 41 s.
        """
        return 60 if self.pace > EMULATION_PACE else min(10 * self.pace, 30)


def _power_timeout(msgwait_s: int) -> int:
    return msgwait_s + 20


def _stonith_timeout(chosen: dict[str, Any]) -> int:
    """Leave an attempt Pacemaker's 60 s or what its agent may take and a fifth, and a membership.

    Calibration ran with 72 where this gives 67.
    """
    msgwait_s, token_ms = int(chosen["msgwait_s"]), int(chosen["token_ms"])
    attempt = max(60.0, 1.2 * _power_timeout(msgwait_s))
    return math.ceil(attempt + 2.2 * token_ms / 1000)


def _conflicts(chosen: Timeouts) -> tuple[Conflict, ...]:
    found: list[Conflict] = []
    if chosen.msgwait_s < 2 * chosen.watchdog_s:
        found.append(
            Conflict(
                keys=("msgwait_s", "watchdog_s"),
                value=f"{chosen.msgwait_s} (watchdog_s {chosen.watchdog_s})",
                allowed=f"at least 2 x watchdog_s, here {2 * chosen.watchdog_s}",
                hint="the survivor must not take over before the watchdog has reset the victim",
            )
        )
    if chosen.sync_timeout_ms >= 1000 * chosen.watchdog_s:
        found.append(
            Conflict(
                keys=("sync_timeout_ms", "watchdog_s"),
                value=f"{chosen.sync_timeout_ms} (watchdog_s {chosen.watchdog_s})",
                allowed=f"less than watchdog_s, here {1000 * chosen.watchdog_s}",
                hint="sbd distrusts quorum that may come later than its watchdog",
            )
        )
    # As corosync computes it (totemconfig.c).
    if int(chosen.token_ms / (chosen.token_retransmits + 0.2)) < SHORTEST_RETRANSMIT_MS:
        most = int(chosen.token_ms / SHORTEST_RETRANSMIT_MS - 0.2)
        found.append(
            Conflict(
                keys=("token_retransmits", "token_ms"),
                value=f"{chosen.token_retransmits} (token_ms {chosen.token_ms})",
                allowed=f"at most one every {SHORTEST_RETRANSMIT_MS} ms, here {most}",
                hint="corosync does not start with less time between two retransmits",
            )
        )
    least = math.ceil(1.2 * chosen.msgwait_s + chosen.death_s)
    if chosen.stonith_timeout_s < least:
        found.append(
            Conflict(
                keys=("stonith_timeout_s", "msgwait_s", "token_ms"),
                value=str(chosen.stonith_timeout_s),
                allowed=f"at least 1.2 x msgwait_s + token + consensus, here {least}",
                hint="fencing that works must not be given up; without this key it is computed",
            )
        )
    return tuple(found)
