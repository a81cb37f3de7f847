"""Nodes that leave a running lab: drained, stopped, and unable to come back by themselves.

The others are told only then, and take what is left of them out of everything. Whatever ends this
on its way, the same again goes on with it.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from core.errors import HalabError
from core.saying import Say
from core.wait import wait_until
from inventory.model import Inventory, Machine
from machines.remote import Remote
from parts.all import Parts
from parts.membership.corosync import AUTHKEY, CONFIGURATION
from parts.pacemaker import NEW_NOTE, noted, standby
from parts.seen import NodeState, Seen
from provisioning.pacemaker import SEED
from status.collect import Observer
from status.health import READ_EVERY_S
from status.membership import missing_elsewhere, wait_for

SEALED = f"rm -f {CONFIGURATION} {AUTHKEY} {SEED}*"
"""Without its configuration a node can join nothing, not even when it boots."""


FORGOTTEN = f"rm -f {NEW_NOTE}"
"""A node that stays has not to be let in."""


def left(parts: Parts) -> str:
    """Return shell text by which a node leaves for good; it fails while corosync still runs."""
    return (
        f"set -e\n{parts.leaving}\n"
        "if systemctl is-active --quiet corosync; then\n"
        "    echo 'corosync still runs' >&2\n    exit 1\nfi\n"
        f"{SEALED}"
    )


def leaving(before: Inventory, after: Inventory) -> tuple[Machine, ...]:
    """Return the nodes that a lab has and shall have no more, the last first."""
    staying = {machine.name for machine in after.machines}
    return tuple(node for node in reversed(before.nodes) if node.name not in staying)


def depart(before: Inventory, after: Inventory, report: Say) -> None:
    """Take the nodes that leave out of the cluster, one after the other.

    `before` is the lab as it stands; `report` hears sentences. Raises HalabError where the cluster
    could not go on without a node, or does not know whether resources run there; WaitTimeout when
    its resources do not find another place, and it is back online then.
    """
    nodes = leaving(before, after)
    if not nodes:
        return
    with Observer(before) as observer:
        for node in nodes:
            _Departure(observer, node, frozenset(each.name for each in nodes), report).run()


@dataclass(frozen=True)
class _Departure:
    """One node that leaves, of all that do, by their names."""

    observer: Observer
    node: Machine
    leaving: frozenset[str]
    report: Say

    @property
    def name(self) -> str:
        return self.node.name

    def run(self) -> None:
        """Drain the node if it takes part, stop it, and keep it from coming back."""
        seen = self.observer.look()
        state = seen.state(self.name)
        self._check_known(seen, state)
        if self._votes(seen):
            # Its vote goes with its corosync, whatever Pacemaker does there.
            self._check_quorum(seen)
        if state in (NodeState.ONLINE, NodeState.STANDBY):
            self._drain(self._speaker(seen), resumes=state is NodeState.STANDBY)
        if state is NodeState.UNREACHABLE:
            self.report(f"{self.name} does not answer, and the cluster does without it already")
            return
        self.report(f"{self.name}: leaving the cluster")
        inventory, parts = self.observer.inventory, self.observer.parts
        with Remote(self.node) as remote:
            remote.run(left(parts), timeout=inventory.timing.stop_wait_s)
        wait_until(
            self.observer.look,
            lambda found: not self._votes(found),
            what=f"{self.name} out of the membership",
            timeout=inventory.timing.membership_wait_s,
            describe=lambda found: "still a member" if self._votes(found) else "gone",
            interval=READ_EVERY_S * inventory.timing.pace,
        )

    def _votes(self, seen: Seen) -> bool:
        """Tell whether those who speak for the cluster have the node as a member."""
        view = seen.speaker.quorum if seen.speaker else None
        return view is not None and self.node.number in view.members

    def _drain(self, peer: Machine, *, resumes: bool) -> None:
        """Send it into standby and wait until nothing runs there any more."""
        self.report(f"{self.name}: going into standby; what runs there moves")
        if not resumes:
            # Where this is taken back, whoever configures the node again lets it in again.
            self._run(self.node, noted(self.observer.inventory.lab))
        self._run(peer, standby(self.name, begin=True))
        try:
            wait_for(
                self.observer,
                lambda found: missing_elsewhere(found, self.name),
                f"{self.name} without resources",
                self.report,
                hint=f"`./halab status {self.observer.inventory.lab}` shows what is wrong; "
                "`up` again goes on from here",
            )
        except BaseException:
            # Ctrl-C as well: nobody would know why the node does not serve.
            if not resumes:
                self._run(peer, standby(self.name, begin=False))
                with suppress(HalabError):
                    self._run(self.node, FORGOTTEN)
            raise

    def _run(self, machine: Machine, command: str) -> None:
        with Remote(machine) as remote:
            remote.run(command)

    def _speaker(self, seen: Seen) -> Machine:
        """Return a node that stays and speaks for the cluster meanwhile."""
        for node in self.observer.inventory.nodes:
            if node.name not in self.leaving and seen.state(node.name) is NodeState.ONLINE:
                return node
        raise self._refused("no node that stays is online: nobody would serve")

    def _check_known(self, seen: Seen, state: NodeState) -> None:
        """Raise HalabError where nobody can tell whether resources run on the node."""
        member = seen.cluster.member(self.name) if seen.cluster else None
        silent = state is NodeState.UNREACHABLE and member is not None and member.online
        if state is NodeState.UNCLEAN or silent:
            said = "is unclean" if state is NodeState.UNCLEAN else "does not answer over ssh"
            raise self._refused(f"it {said}, and what it runs is not known")

    def _check_quorum(self, seen: Seen) -> None:
        """Raise HalabError where those who stay could decide nothing once all have left."""
        view = seen.speaker.quorum if seen.speaker else None
        if view is None or not self.observer.parts.quorum.is_quorate(view, lost=self.leaving):
            raise self._refused(
                "those who stay would have no quorum; others may be missing, or fewer nodes have "
                "to leave at once"
            )

    def _refused(self, why: str) -> HalabError:
        lab = self.observer.inventory.lab
        return HalabError(
            f"{self.name} cannot leave lab {lab!r}: {why}",
            hint=f"`./halab status {lab}` says what is wrong, and `./halab heal {lab}` mends what "
            "it can; `up` again goes on from here",
        )
