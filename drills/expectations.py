"""What a fault may do to a lab, and what it must not: computed from the lab's own timeouts.

Whom it hits decides most of it: the same fault moves the service from the active node and goes
unnoticed at the other. So each expectation is a function of the situation.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from drills.situation import Fate, Situation
from labs.timing import Timing
from parts.cluster import every
from parts.storage.base import FILESYSTEM_EVERY_S
from parts.storage.drbd import HANDLER_RULE
from parts.storage.gfs2 import LOCKS_EVERY_S
from parts.storage.replicas import named
from status.problems import Alarm

REPLICA_START_PACE_S = 3.0
"""Seconds at pace 1 that a node which joins takes to start a replica. In emulation a service with
one was away for 69.8 s on its way home, of which 29 between demotion and promotion, while the node
that had booted started the other replica and the rest of its own."""

MONITOR_PACE_S = 2.0
"""Seconds at pace 1 that a monitor takes to tell that a disk is gone. Reckoned, not measured."""


@dataclass(frozen=True)
class Expected:
    """What has to happen, and nothing else. Durations in seconds.

    `interrupted`: clients must notice, so the drill waits for it; `outage_s` is the longest gap
    that they may see, and `spared_s` that at addresses of nodes that are not struck, where others
    are (None: the same). `return_s` is the longest that they may see when it comes home, which it
    does where this is not None. `fenced` and `rebooted` are exactly these nodes. `reasons` are
    patterns of what `status` has to complain about meanwhile. `allowed_news` names patterns of bad
    news in journals that this fault brings. `writes_refused`: writes fail while pages are served;
    `writes_slowed`: each takes longer than otherwise. `double_s`: for how long a stale node may
    answer for the service address besides the right one. `clocks_agree` is false where the fault
    tampers with a clock. `verify`: compare both disks block by block afterwards. `alarms`: what a
    lab's monitoring has to raise. `missed`: nodes that who is fenced, and is quorate until then,
    may tell it are lost. `brief`: what leaves may be back before anybody has looked.
    """

    fate: Fate
    outage_s: float
    interrupted: bool = False
    spared_s: float | None = None
    return_s: float | None = None
    fenced: frozenset[str] = frozenset()
    rebooted: frozenset[str] = frozenset()
    reasons: tuple[str, ...] = ()
    allowed_news: frozenset[str] = frozenset()
    writes_refused: bool = False
    writes_slowed: bool = False
    double_s: float = 0.0
    clocks_agree: bool = True
    verify: bool = False
    alarms: frozenset[Alarm] = frozenset()
    missed: frozenset[str] = frozenset()
    brief: bool = False

    def struck(self, targets: Collection[str]) -> frozenset[str]:
        """Return the nodes at which clients may notice it: the fenced, else whom it is aimed at."""
        return self.fenced | self.rebooted or frozenset(targets)

    def allowed_s(
        self, node: str | None, targets: Collection[str], serving: Collection[str]
    ) -> float:
        """Return the longest gap that clients may see at an address that `node` has.

        `serving` are all nodes at which clients find the service.
        """
        struck = self.struck(targets)
        aside = node not in struck and any(each in struck for each in serving)
        return self.spared_s if aside and self.spared_s is not None else self.outage_s


Expectation = Callable[[Situation], Expected]


def stall_s(timing: Timing) -> float:
    """Return the longest gap that still counts as "nobody noticed": a failover takes ten times it.

    Measured in emulation with one link lost: 1.1 s; the rest is for a busy host.
    """
    return 2.0 + timing.pace


def frozen_s(situation: Situation, victims: Collection[str]) -> float:
    """Return how long writes, and behind them pages, may wait for the fencing of other nodes.

    DRBD holds writes from the loss of its peer until the peer is known to be fenced, and so does a
    lock manager. Who has no peer among them waits for nothing.
    """
    if not situation.bound & set(victims):
        return stall_s(situation.timing)
    budget = situation.budget
    return round(_lost_s(situation, victims) - budget.start_s - budget.pause_s, 1)


def _lost_s(situation: Situation, victims: Collection[str]) -> float:
    """Return how long a failover from these nodes may take, all of which have to be fenced."""
    budget = situation.budget
    return round(budget.total_s - budget.delay_s + situation.delayed_s(victims), 1)


def restart_s(situation: Situation) -> float:
    """Return how long it may take until a dead service is noticed and has been started again.

    The monitor's interval, then stop and start of what stands on it.
    """
    part = situation.part
    starts = part.start_pace_s * part.timing.pace if part.service.everywhere else 0.0
    budget = situation.budget
    return part.timeouts.monitor_every_s + 2.0 + budget.start_s + starts + budget.pause_s


def return_s(situation: Situation) -> float | None:
    """Return how long a service may be away that goes home; None for one that does not.

    A planned move, and the node that joins starts all its replicas meanwhile.
    """
    if not situation.homes:
        return None
    inventory = situation.inventory
    replicas = max(
        sum(each.replicated and node in inventory.carriers(each) for each in inventory.storage)
        for node in map(inventory.machine, set(situation.homes.values()))
    )
    joining = replicas * REPLICA_START_PACE_S * situation.timing.pace
    return round(situation.budget.move_s + joining, 1)


def lonely_s(situation: Situation) -> float:
    """Return how long writes may wait when replication is lost but the peer lives.

    DRBD needs a ping interval and its timeout to notice; then the fence-peer handler outdates the
    peer (`Budget.promotion_s` holds the same handler).
    """
    timing = situation.timing
    noticed = timing.drbd_ping_interval_s + timing.drbd_ping_timeout_ds / 10
    return noticed + timing.drbd_timeout_ds / 10 + situation.budget.promotion_s


def unnoticed(
    *reasons: str, allowed_news: tuple[str, ...] = (), alarms: tuple[Alarm, ...] = ()
) -> Expectation:
    """Return the expectation that status and monitoring complain and clients notice nothing."""
    return lambda situation: Expected(
        Fate.STAYS,
        stall_s(situation.timing),
        spared_s=stall_s(situation.timing),
        reasons=reasons,
        allowed_news=frozenset(allowed_news),
        alarms=frozenset(alarms),
    )


def node_lost(*, boots: bool = True, allowed_news: tuple[str, ...] = ()) -> Expectation:
    """Return the expectation that the targets are fenced; the service leaves them if need be.

    `boots`: whether they come back by themselves then.
    """
    return lambda situation: _fenced(situation, situation.targets, allowed_news, boots=boots)


def frozen(situation: Situation) -> Expected:
    """A frozen node is fenced; when it goes on, nobody but its watchdog ends it.

    Its processors stood still, so it cannot know that it is late: until the watchdog's time is over
    it answers for the address. Measured: 5 s of 5 s. DRBD lets it promise nothing meanwhile.
    """
    timing, lost = situation.timing, _fenced(situation, situation.targets, ("kernel trouble",))
    if not situation.serves(situation.targets):
        return lost
    double_s = timing.watchdog_s + 1.0 + timing.pace / 2
    # Whom the stale node has answered last asks there until it is reset.
    return_s = None if lost.return_s is None else lost.return_s + double_s
    return replace(lost, double_s=double_s, return_s=return_s)


def partition(situation: Situation) -> Expected:
    """Exactly one side survives: the quorum decides which."""
    nodes = frozenset(situation.nodes)
    sides = (situation.targets, nodes - situation.targets)
    survivor = situation.quorum.survivor(sides, situation.weights)
    missed = survivor if situation.quorum.waits_for_all else frozenset[str]()
    # Who is cut off boots, and joins nobody.
    return replace(_fenced(situation, nodes - survivor, (), boots=False), missed=missed)


def _fenced(
    situation: Situation, victims: frozenset[str], news: tuple[str, ...], *, boots: bool = True
) -> Expected:
    """Expect that some nodes are fenced; who `boots` then joins while what moved may yet start."""
    moves = situation.serves(victims)
    fate = situation.leaves(victims)
    moved_s = _lost_s(situation, victims) + (situation.budget.join_s if boots else 0.0)
    return Expected(
        fate,
        round(moved_s, 1) if moves else frozen_s(situation, victims),
        interrupted=moves,
        spared_s=frozen_s(situation, victims),
        return_s=return_s(situation) if fate is Fate.VISITS else None,
        fenced=victims,
        rebooted=victims,
        allowed_news=frozenset(news),
        verify=moves and situation.replicated,
        alarms=frozenset({Alarm.NODE_LOST, Alarm.FENCED}),
    )


def no_room_left(situation: Situation) -> Expected:
    """The targets are fenced as at any other time, although nobody's root filesystem has room."""
    lost = node_lost(allowed_news=("input/output error",))(situation)
    return replace(
        lost,
        reasons=(r"^the root filesystem of \S+ is nearly full",),
        alarms=lost.alarms | {Alarm.ROOT_FILESYSTEM_FULL},
    )


def restarted_in_place(situation: Situation) -> Expected:
    """The service dies and is started again where it was; clients may be elsewhere meanwhile."""
    leaves = situation.part.returns_by_itself
    return Expected(
        situation.leaves(situation.targets) if leaves else Fate.STAYS,
        restart_s(situation),
        interrupted=True,
        spared_s=stall_s(situation.timing),
        return_s=return_s(situation) if leaves else None,
        alarms=frozenset({Alarm.RESOURCE_FAILED}),
        brief=leaves,
    )


def _left(situation: Situation) -> Expected:
    """The service leaves the targets without fencing; nobody notices when it was elsewhere."""
    moves = situation.serves(situation.targets)
    fate = situation.leaves(situation.targets)
    calm = stall_s(situation.timing)
    return Expected(
        fate,
        situation.budget.total_s if moves else calm,
        interrupted=moves,
        spared_s=calm,
        return_s=return_s(situation) if fate is Fate.VISITS else None,
    )


def _of_each(situation: Situation, pattern: str) -> tuple[str, ...]:
    return tuple(map(pattern.format, sorted(situation.targets)))


def planned_move(situation: Situation) -> Expected:
    """The service leaves without fencing, in less time than a failover may take."""
    spread = any(service.everywhere for service in situation.inventory.services)
    return replace(
        _left(situation),
        reasons=_of_each(situation, "^{} is in standby"),
        alarms=frozenset({Alarm.NODE_STANDBY, *([Alarm.SERVERS_MISSING] if spread else [])}),
    )


def left_to_itself(situation: Situation) -> Expected:
    """A node leaves the cluster in good order and cannot come back before it is mended."""
    return replace(
        _left(situation),
        reasons=_of_each(situation, "^corosync does not answer on {}$"),
    )


def cut_off(situation: Situation) -> Expected:
    """Clients do not reach the targets: the service leaves them as in a planned move.

    Once the cable's monitor has seen it, which takes less than the loss and fencing of a node.
    """
    return replace(
        _left(situation),
        reasons=_of_each(situation, "^{} has no cable into the service network"),
        alarms=frozenset({Alarm.SERVICE_CABLE_LOST}),
    )


def disk_lost(situation: Situation) -> Expected:
    """DRBD serves on over the network until the cluster has moved the service to the good disk."""
    return replace(
        _left(situation),
        reasons=(rf"^the replicated disk{named_storage(situation)} on \S+ is \w+, not UpToDate$",),
        allowed_news=frozenset({"input/output error"}),
        verify=True,
        alarms=frozenset({Alarm.DISK_NOT_UPTODATE}),
    )


def shared_disk_lost(situation: Situation) -> Expected:
    """Who uses a disk that is gone cannot let go of it, and is fenced; others lose a spare way.

    The filesystem's monitor has to see it, and a start in its place to fail, before a stop of the
    volume group does.
    """
    timing = situation.timing
    reasons = (rf"cannot read the shared disk{named_storage(situation)}$",)
    news = ("input/output error",)
    alarms = (Alarm.SHARED_DISK_LOST,)
    if not situation.serves(situation.targets):
        return unnoticed(*reasons, allowed_news=news, alarms=alarms)(situation)
    lost = _fenced(situation, situation.targets, news)
    seen_s = every(timing, FILESYSTEM_EVERY_S) + restart_s(situation)
    return replace(
        lost,
        outage_s=round(lost.outage_s + seen_s, 1),
        reasons=reasons,
        alarms=lost.alarms | set(alarms),
    )


def cluster_filesystem_lost(situation: Situation) -> Expected:
    """Who has a filesystem that is gone cannot let go of its locks, and is fenced.

    Once its monitor has seen it. Others may wait for locks as long.
    """
    timing = situation.timing
    lost = _fenced(situation, situation.targets, ("input/output error", "kernel trouble"))
    return replace(
        _later(lost, every(timing, FILESYSTEM_EVERY_S) + MONITOR_PACE_S * timing.pace),
        reasons=(rf"cannot read the shared disk{named_storage(situation)}$",),
        alarms=lost.alarms | {Alarm.SHARED_DISK_LOST},
    )


def lock_manager_lost(situation: Situation) -> Expected:
    """Who has locks and nobody who gives them back is fenced: by others, or by its own agent.

    At the latest when the agent looks again.
    """
    lost = _fenced(situation, situation.targets, ())
    return _later(lost, every(situation.timing, LOCKS_EVERY_S))


def _later(lost: Expected, seconds: float) -> Expected:
    """Return what has to happen when it takes so long until anybody sees that a node is lost."""
    spared_s = None if lost.spared_s is None else round(lost.spared_s + seconds, 1)
    return replace(lost, outage_s=round(lost.outage_s + seconds, 1), spared_s=spared_s)


def named_storage(situation: Situation, word: str = "") -> str:
    """Return what tells a service's storage from the first in a sentence, behind a word."""
    storage = situation.part.storage
    return "" if storage is None else named(storage, word)


def replication_lost(situation: Situation) -> Expected:
    """The active node goes on alone once the other is kept from promotion. Nobody is fenced."""
    return Expected(
        Fate.STAYS,
        lonely_s(situation),
        reasons=(HANDLER_RULE,),
        verify=True,
        alarms=frozenset({Alarm.REPLICATION_DISCONNECTED, Alarm.OUT_OF_SYNC, Alarm.BAN_LEFT}),
    )


def hiccup(situation: Situation) -> Expected:
    """A node stands still for a moment: clients wait for as long as it does, and a little more."""
    return Expected(
        Fate.STAYS,
        situation.timing.hiccup_s + 6.0,
        spared_s=stall_s(situation.timing),
        allowed_news=frozenset({"kernel trouble"}),
    )


def but(expectation: Expectation, **changes: object) -> Expectation:
    """Return an expectation that differs in these fields of Expected."""
    return lambda situation: replace(expectation(situation), **changes)  # type: ignore[arg-type]
