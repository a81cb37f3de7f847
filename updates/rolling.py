"""One node after the other: away from it, update, back, and a gate before and after."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from core.errors import HalabError
from core.signals import undisturbed
from core.wait import wait_until
from drills.clock import LabClock
from drills.site import Audience, Site
from labs.roles import MachineRole
from machines.remote import Remote, RemoteUnreachable
from parts.all import Parts
from parts.budget import budget
from parts.pacemaker import standby
from parts.seen import NodeState
from status.collect import collect
from status.membership import state_of
from status.model import LabStatus
from updates import worker
from updates.gates import Gates
from updates.outage import Account, Stretch, allowances, concluded, using
from updates.planning import Found, Roles, Turn
from updates.worker import Wanted

MOVES = 2
"""Planned moves that an update costs whom a node serves: away from it, and where it is at home,
back."""


def look(site: Site, wanted: Wanted, *, back: bool) -> tuple[Found, ...]:
    """Ask all nodes at once for their notes and, but on the way back, what apt would change.

    Raises HalabError, as `worker.offered` does, when one of them cannot tell.
    """

    def find(remote: Remote) -> Found:
        note = worker.read_note(remote)
        if back:
            return Found(remote.name, note and worker.way_back(remote, note), ())
        present = {} if note is None or note.finished else worker.present(remote, note)
        return Found(remote.name, note, worker.offered(remote, wanted), present)

    with ExitStack() as stack:
        remotes = [stack.enter_context(Remote(node)) for node in site.inventory.nodes]
        pool = stack.enter_context(ThreadPoolExecutor(len(remotes)))
        try:
            return tuple(pool.map(find, remotes))
        except BaseException:
            # Ctrl-C: nobody may be left waiting for the apt of a node, which may take an hour.
            for remote in remotes:
                remote.close()
            raise


@dataclass(frozen=True)
class Moment:
    """When something began to be done to a node, on the clock by which clients are measured."""

    at: float
    node: str
    doing: str


@dataclass
class Rolling:
    """An update in progress; `failure` is what ended it early.

    `stretches` are the turns that were taken, `moments` what was done in them.
    """

    site: Site
    wanted: Wanted
    audience: Audience
    failure: HalabError | None = None
    stretches: list[Stretch] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)
    _now: Callable[[], float] = time.time
    _node: str = "no node"
    _doing: str = "nothing was begun"

    @property
    def place(self) -> str:
        """Where it is: which node, and what is being done to it."""
        return f"{self._node}, {self._doing}"

    @property
    def _gates(self) -> Gates:
        return Gates(self.site, self.audience.say)

    def run(self, turns: Sequence[Turn]) -> Account:
        """Take the turns while clients outside use the services; return what they saw.

        It ends at the first gate that stays shut: `failure` says which. Raises HalabError when the
        services do not answer to begin with, unless this is to mend what an update has done.
        """
        self.audience.phase("Clients outside begin")
        with ExitStack() as stack:
            try:
                clock = LabClock(self.site.inventory.monitor)
                clients = stack.enter_context(using(self.site, self.audience.say))
            except HalabError as error:
                if not any(turn.mends for turn in turns):
                    raise
                self.audience.say(f"nobody measures what they notice: {error.message}")
                self._take_all(turns)
                return Account((), {}, unknown=error.message)
            self._now = clock.now
            self._take_all(turns)
            return concluded(stack, clients, self.stretches)

    def _take_all(self, turns: Sequence[Turn]) -> None:
        try:
            for turn in turns:
                self.take(turn)
            if turns and turns[-1].is_back:
                self._node = "every node"
                self._begin("waiting until the lab is healthy")
                self._gates.healthy()
        except HalabError as error:
            # That of the last gate says nothing of going on: all have their old packages.
            self.failure = error

    def take(self, turn: Turn) -> None:
        """Update one node.

        Raises HalabError when a gate stays shut or a command fails: what was served is served by
        other nodes then, and this one is in standby, or as it was before.
        """
        self._node = turn.node
        self.audience.phase(f"Node {turn.node}")
        began = self._now()
        serving: frozenset[str] = frozenset()
        try:
            with self._explained(back=turn.is_back):
                found = self._found(turn)
                serving = served_by(found, turn.node)
                with Remote(self.site.inventory.machine(turn.node)) as remote:
                    self._update(turn, remote, found)
        finally:
            self.stretches.append(
                Stretch(turn.node, began, self._now(), allowed(self.site.parts, serving))
            )

    def _found(self, turn: Turn) -> LabStatus:
        """Return how the lab is when a turn begins, which has to be healthy where that matters.

        What an update has broken is mended by going on, and by going back. But who serves goes on
        serving unless another can.
        """
        if turn.mends:
            found = collect(self.site.inventory)
            if turn.is_back or not serves(found, turn.node):
                return found
        self._begin("waiting until the lab is healthy")
        return self._gates.healthy()

    def _update(self, turn: Turn, remote: Remote, found: LabStatus) -> None:
        peer = peer_of(found, turn.node)
        if turn.has_nothing_left:
            # It may be in standby, and its cluster stopped: as far as the update had come.
            remote.run(self.site.parts.joining)
            self._come_back(turn, peer, found.history)
            worker.forget(remote)
            return
        note, source = turn.note, worker.source_of(turn.note, self.wanted)
        self._begin("keeping the packages that it has, fetching those that it gets")
        # The note comes behind what it promises: that there is a way back.
        if not turn.is_back:
            worker.check_boot(remote, note)
            if note.reboot and note.kernel is None:
                note = note.model_copy(update={"kernel": worker.running_kernel(remote)})
            worker.keep(remote, note)
        worker.write_note(remote, note)
        worker.fetch(remote, note, source)
        self._leave(turn, peer, found)
        if worker.leave_kernel(remote, note):
            self._reboot(remote)
            note = note.model_copy(update={"reboot": False})
            self._rejoined(turn.node)
        self._begin("stopping the cluster on it")
        timing, parts = self.site.inventory.timing, self.site.parts
        remote.run(parts.leaving, timeout=timing.stop_wait_s)
        self._begin("installing")
        with undisturbed(lambda: self.audience.say("apt is at work; the update stops behind it")):
            worker.install(remote, note, source)
        if note.reboot:
            self._reboot(remote)
        else:
            remote.run(parts.joining)
        self._rejoined(turn.node)
        self._come_back(turn, peer, found.history)
        if turn.is_back:
            worker.forget(remote)
        else:
            worker.write_note(remote, note.done())

    def _rejoined(self, node: str) -> None:
        self._begin("waiting until it is a member again")
        self._gates.member(node)

    def _leave(self, turn: Turn, peer: str, found: LabStatus) -> None:
        self._begin("sending it into standby")
        try:
            self._standby(peer, turn.node, begin=True)
            if serves(found, turn.node) or not turn.mends:
                limits = allowed(self.site.parts, served_by(found, turn.node))
                self._gates.left(turn.node, max(limits.values()), found)
            else:
                # That nobody serves may be what this mends.
                self._gates.empty(turn.node)
        except BaseException:
            # The others cannot serve, or nobody waits for it any more; where it has served, it can.
            if state_of(found, turn.node) is NodeState.ONLINE:
                self._standby(peer, turn.node, begin=False)
            raise

    def _come_back(self, turn: Turn, peer: str, known: Collection[str]) -> None:
        self._begin("bringing it online")
        self._standby(peer, turn.node, begin=False)
        if turn.is_back:
            # It has what it had when all was well. Others may have yet to go back.
            self._gates.online(turn.node)
            return
        try:
            self._gates.healthy(known)
        except HalabError:
            # Nothing may move to a node that is not well.
            self._standby(peer, turn.node, begin=True)
            raise

    def _standby(self, peer: str, node: str, *, begin: bool) -> None:
        """Send a node into standby or back; what comes of it is for the gates to tell.

        Nobody waits for the cluster to rest, which it does not while something fails.
        """
        with Remote(self.site.inventory.machine(peer)) as remote:
            remote.run(standby(node, begin=begin))

    def _reboot(self, remote: Remote) -> None:
        self._begin("rebooting it")
        read = "cat /proc/sys/kernel/random/boot_id"
        before = remote.run(read).stdout
        remote.run("systemctl reboot --no-block")
        remote.close()
        wait_until(
            lambda: remote.run(read).stdout,
            lambda now: now != before,
            what=f"{remote.name} has booted",
            timeout=self.site.inventory.timing.stop_wait_s + self.site.inventory.timing.boot_wait_s,
            describe=lambda _: "it has not gone down yet",
            retry_on=(RemoteUnreachable,),
            hint=f"look at {remote.name}'s console",
        )
        worker.check_kernel(remote)

    def _begin(self, doing: str) -> None:
        self._doing = doing
        self.moments.append(Moment(self._now(), self._node, doing))
        self.audience.say(doing)

    @contextmanager
    def _explained(self, *, back: bool) -> Iterator[None]:
        """Say where the update, or the way `back`, stands when it fails, and what to do then."""
        lab = self.site.inventory.lab
        onward = (
            f"`./halab status {lab}` shows what is wrong\nthe same command again goes on from here"
        )
        if not back:
            onward += f"\n`./halab update {lab} --rollback` brings the old packages back"
        try:
            yield
        except HalabError as error:
            raise HalabError(
                f"the update stopped at {self.place}: {error.message}",
                detail=error.detail,
                hint=onward if error.hint is None else f"{error.hint}\n{onward}",
            ) from error


def allowed(parts: Parts, serving: Collection[str]) -> dict[str, float]:
    """Return how long clients may wait while a node is updated that serves these services."""
    return allowances(
        parts, {name: MOVES * budget(parts.services[name]).move_s for name in serving}
    )


def serves(found: LabStatus, node: str) -> bool:
    """Tell whether clients find a service at a node just now."""
    return node in Roles.of(found).serving


def served_by(found: LabStatus, node: str) -> frozenset[str]:
    """Return the services that are at a node, or that may have an address at home there."""
    return frozenset(
        service.name for service in found.services if node in service.nodes or service.everywhere
    )


def peer_of(found: LabStatus, node: str) -> str:
    """Return a node that speaks for the cluster while this one is away.

    Raises HalabError when there is none: nothing could be served meanwhile.
    """
    for each in found.nodes:
        other = each.role is MachineRole.NODE and each.name != node
        if other and each.state is NodeState.ONLINE:
            return each.name
    raise HalabError(
        f"no node but {node} is online: nobody would serve meanwhile",
        detail="\n".join(found.reasons),
    )
