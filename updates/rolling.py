"""One node after the other: away from it, update, back, and a gate before and after."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from core.errors import HalabError
from core.signals import undisturbed
from core.wait import wait_until
from drills.clock import LabClock
from drills.site import Audience, Site
from inventory.model import Machine
from labs.roles import MachineRole
from machines.remote import Remote, RemoteUnreachable
from parts.all import Parts
from parts.budget import budget
from parts.pacemaker import standby
from parts.seen import NodeState
from status.collect import collect
from status.model import LabStatus
from updates import worker
from updates.gates import Gates
from updates.note import Goal
from updates.outage import Account, Clients, Stretch, allowances, concluded
from updates.planning import Found, Turn
from updates.worker import Wanted

MOVES = 2
"""Planned moves that an update costs whom a node serves: away from it, and where it is at home,
back."""


def look(site: Site, wanted: Wanted, *, back: bool) -> tuple[Found, ...]:
    """Ask all nodes at once for their notes and, but on the way back, what apt would change.

    Raises HalabError, as `worker.offered` does, when one of them cannot tell.
    """

    def find(node: Machine) -> Found:
        with Remote(node) as remote:
            note = worker.read_note(remote)
            return Found(node.name, note, () if back else worker.offered(remote, wanted))

    with ThreadPoolExecutor(len(site.inventory.nodes)) as pool:
        return tuple(pool.map(find, site.inventory.nodes))


@dataclass
class Rolling:
    """An update in progress; `failure` is what ended it early."""

    site: Site
    wanted: Wanted
    audience: Audience
    failure: HalabError | None = None
    _stretches: list[Stretch] = field(default_factory=list)
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
        services do not answer to begin with.
        """
        self.audience.phase("Clients outside begin")
        clock = LabClock(self.site.inventory.monitor)
        with ExitStack() as stack:
            clients = stack.enter_context(Clients(self.site))
            try:
                for turn in turns:
                    self.take(turn, clock)
            except HalabError as error:
                self.failure = error
            return concluded(stack, clients, self._stretches)

    def take(self, turn: Turn, clock: LabClock) -> None:
        """Update one node.

        Raises HalabError when a gate stays shut or a command fails: what was served is served by
        other nodes then, and this one is in standby, or as it was before.
        """
        self._node = turn.node
        self.audience.phase(f"Node {turn.node}")
        began = clock.now()
        serving: frozenset[str] = frozenset()
        try:
            with self._explained():
                self._begin("waiting until the lab is healthy")
                # What an update left in the middle is mended by going on.
                found = collect(self.site.inventory) if turn.resumes else self._gates.healthy()
                serving = served_by(found, turn.node)
                with Remote(self.site.inventory.machine(turn.node)) as remote:
                    self._update(turn, remote, found)
        finally:
            self._stretches.append(
                Stretch(turn.node, began, clock.now(), allowed(self.site.parts, serving))
            )

    def _update(self, turn: Turn, remote: Remote, found: LabStatus) -> None:
        peer = peer_of(found, turn.node)
        note, source = turn.note, worker.source_of(turn.note, self.wanted)
        self._begin("keeping the packages that it has, fetching those that it gets")
        # The note comes behind what it promises: that there is a way back.
        if note.goal is Goal.NEW:
            worker.keep(remote, note)
        worker.write_note(remote, note)
        worker.fetch(remote, note, source)
        self._leave(turn, peer)
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
        self._begin("waiting until it is a member again")
        self._gates.member(turn.node)
        self._come_back(turn.node, peer, found.history)
        if note.goal is Goal.OLD:
            worker.forget(remote)
        else:
            worker.write_note(remote, note.done())

    def _leave(self, turn: Turn, peer: str) -> None:
        self._begin("sending it into standby")
        self._standby(peer, turn.node, begin=True)
        try:
            self._gates.left(turn.node)
        except HalabError:
            # The others cannot serve; what has not been touched yet can.
            if not turn.resumes:
                self._standby(peer, turn.node, begin=False)
            raise

    def _come_back(self, node: str, peer: str, known: Collection[str]) -> None:
        self._begin("bringing it online")
        self._standby(peer, node, begin=False)
        try:
            self._gates.healthy(known)
        except HalabError:
            # Nothing may move to a node that is not well.
            self._standby(peer, node, begin=True)
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

    def _begin(self, doing: str) -> None:
        self._doing = doing
        self.audience.say(doing)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say where the update stands when it fails, and what to do then."""
        lab = self.site.inventory.lab
        onward = (
            f"`./halab status {lab}` shows what is wrong\n"
            "the same command again goes on from here\n"
            f"`./halab update {lab} --rollback` brings the old packages back"
        )
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
