"""What `up` is about to do to a lab that exists: said before it happens, asked where data go."""

from __future__ import annotations

import sys
from collections.abc import Collection

import typer

from cli.choosing import standing
from cli.needs import needs_of_change
from cli.progress import Progress
from core.errors import HalabError
from core.folders import LabFolder
from hypervisor.disks import data_disk_mib
from hypervisor.doctor import examine
from hypervisor.doctor import refuse as refuse_needs
from hypervisor.machines import running_machines
from hypervisor.objects import Virsh
from infra.impact import Impact
from infra.planning import check_numbers
from inventory.record import LabRecord
from labs.addressing import machines
from labs.changes import NAMED, Change, compare, continues
from labs.changes import refuse as refuse_changes
from labs.effects import Effect
from labs.loading import load
from labs.model import Lab


def brought_to(lab: Lab, folder: LabFolder) -> Lab:
    """Return what a lab was brought to last, or was begun with when it never came so far."""
    try:
        return load(str(standing(folder)))
    except HalabError:
        # What a crash left of it says nothing; Pulumi's preview still tells what data would cost.
        return lab


def check(before: Lab, lab: Lab, folder: LabFolder, record: LabRecord) -> tuple[Change, ...]:
    """Return how a lab that exists differs from the definition that it shall have.

    `before` is the one that it was brought to. Raises HalabError, before anything is changed, for
    what cannot be done to it: by its nature, or because this machine has not what the lab would
    take more.
    """
    changes = compared(before, lab, folder, record.domains)
    check_room(before, lab, running_machines(folder, record))
    return changes


def check_room(before: Lab, lab: Lab, running: Collection[str]) -> None:
    """Raise HalabError when this machine has not what a lab that exists would take more.

    `running` are the machines that hold their memory already.
    """
    needs = needs_of_change(before, lab, running)
    if needs is not None:
        refuse_needs(examine(needs))


def compared(before: Lab, lab: Lab, folder: LabFolder, held: Collection[str]) -> tuple[Change, ...]:
    """Return how a lab that exists differs from the definition that it shall have.

    `before` is the one that it was brought to, `held` the machines that there are. Raises
    HalabError, before anything is changed, for what cannot be done by its nature.
    """
    changes = compare(before, lab)
    refuse_changes(lab.name, changes)
    _check_machines(lab, held)
    check_numbers(lab, folder)
    return changes


def tell(changes: tuple[Change, ...], impact: Impact, progress: Progress) -> None:
    """Say, line by line, what is about to happen to a lab that exists."""
    for change in changes:
        progress.note(str(change))
    effects = {change.effect for change in changes}
    told = Effect.IN_TURN in effects
    for machine in () if impact.lost else impact.in_turn:
        why = "" if told else ": it is made of other parts now"
        progress.note(f"{machine} is shut down and started, with the disks that it has{why}")
    for machine in () if impact.lost or Effect.LEFT in effects else impact.leaving:
        progress.note(f"{machine} leaves: the lab's definition does not know it")


def ask(lab: Lab, impact: Impact, *, yes: bool) -> None:
    """Have a person agree to what costs data; `yes` says that one did.

    Raises HalabError when nobody can be asked, or the answer is no.
    """
    if not impact.lost or yes:
        return
    message = f"`up` would make all machines of lab {lab.name!r} anew: all their data would be lost"
    detail = "\n".join(impact.lost)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise HalabError(
            f"{message}; nothing was changed",
            detail=detail,
            hint=f"to have that: ./halab up {lab.name} --yes",
        )
    typer.echo(f"{message}.\n{detail}", err=True)
    if not typer.confirm("Go on?", err=True):
        raise HalabError(f"lab {lab.name!r} stays as it is: nothing was changed")


def check_disks(lab: Lab, record: LabRecord) -> None:
    """Raise HalabError when a node's disk is larger than it shall be.

    So it is after a growth that was interrupted and then taken back.
    """
    virsh = Virsh(record.uri)
    there = set(virsh("list", "--all", "--name").split())
    for storage in lab.storage:
        sizes = {
            name: data_disk_mib(virsh, record.pool_name, record.domains[name], storage.name) or 0
            for name in storage.nodes
            if record.domains.get(name) in there
        }
        largest = max(sizes.values(), default=0)
        if largest > storage.size_mib:
            key = lab.key_of_size(storage)
            raise HalabError(
                f"the disks {storage.name!r} of lab {lab.name!r} have up to {largest} MiB, and a "
                "disk that holds data cannot shrink",
                detail="\n".join(f"{name}: {size} MiB" for name, size in sizes.items()),
                hint=f"write {key} = {largest}; or begin anew, without the lab's data: "
                f"`./halab down {lab.name}`, then `up`",
            )


def _check_machines(lab: Lab, held: Collection[str]) -> None:
    """Raise HalabError when the machines that there are cannot be those of the definition.

    Its changes do not tell that where nothing is left of what the lab was brought to.
    """
    names = [plan.name for plan in machines(lab)]
    nodes = [name for name in held if name != lab.monitor.name]
    if lab.monitor.name not in held or not continues(lab.nodes.names, nodes):
        raise HalabError(
            f"lab {lab.name!r} consists of {', '.join(held)}, and its definition says "
            f"{', '.join(names)}: {NAMED}",
            hint=f"take this back; or `./halab down {lab.name}`, then `up`: the lab's data go",
        )
