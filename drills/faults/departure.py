"""All nodes leave the cluster in good order, and one of them comes back alone.

`leaving` and `joining` are shell text by which a node does that; healing lets all join.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from core.wait import wait_until
from drills.faults.base import Fault, Scene, repair_on, run_on
from inventory.model import Machine
from inventory.parts import Storage
from wire.corosync import QUORUM_COMMAND, parse_quorum


def stale_first(storage: Storage, leaving: str, joining: str) -> Fault:
    """Let the active node leave first and come back alone: the others have newer data by then."""

    def inject(scene: Scene) -> None:
        machines = sorted(scene.targets, key=partial(_is_primary, storage), reverse=True)
        _leave(scene, leaving, machines)
        run_on(machines[0], joining)

    return Fault(inject, partial(_heal, joining))


def newest_first(storage: Storage, leaving: str, joining: str) -> Fault:
    """Let the active node leave last and come back alone: it has the newest data, and serves.

    Its corosync has never met the others' when healing starts the cluster on them.
    """

    def inject(scene: Scene) -> None:
        machines = sorted(scene.targets, key=partial(_is_primary, storage))
        _leave(scene, leaving, machines)
        run_on(machines[-1], joining)

    return Fault(inject, partial(_heal, joining), partial(_served_alone, storage))


def first_alone(leaving: str, joining: str) -> Fault:
    """Let all nodes leave and the first one come back alone."""

    def inject(scene: Scene) -> None:
        machines = sorted(scene.targets, key=_number, reverse=True)
        _leave(scene, leaving, machines)
        run_on(machines[-1], joining)

    return Fault(inject, partial(_heal, joining), _has_no_quorum)


def _has_no_quorum(scene: Scene) -> str:
    """Say that the node that came back alone has no quorum; nothing where it has."""
    first = min(scene.targets, key=_number)
    told = run_on(first, QUORUM_COMMAND, check=False)
    votes = parse_quorum(told)
    if votes is None or votes.quorate:
        return ""
    return f"{first.name} counts {votes.votes} of {votes.expected} votes and is not quorate"


def _number(machine: Machine) -> int:
    return machine.number


def _leave(scene: Scene, leaving: str, machines: Sequence[Machine]) -> None:
    for machine in machines:
        run_on(machine, leaving, timeout=scene.inventory.timing.stop_wait_s)


def _heal(joining: str, scene: Scene) -> None:
    for machine in scene.targets:
        repair_on(scene, machine, joining)


def _is_primary(storage: Storage, machine: Machine) -> bool:
    role = run_on(machine, f"drbdadm role {storage.resource} 2>/dev/null", check=False)
    return role.strip().startswith("Primary")


def _served_alone(storage: Storage, scene: Scene) -> str:
    """Name the node that has taken up its work; raises WaitTimeout when none does."""
    primary = wait_until(
        lambda: [machine.name for machine in scene.targets if _is_primary(storage, machine)],
        bool,
        what="the node that came back alone is Primary",
        timeout=scene.inventory.timing.healthy_wait_s,
        interval=float(scene.inventory.timing.pace),
    )
    return f"{' and '.join(primary)} is Primary, alone"
