"""A whole lab at one instant: taken, and brought back within seconds.

Every step leaves something from which the next command goes on, whatever ends this one:

* `take` suspends the machines and lets them go on; they exist all the time. What was written so far
  is a draft, and becomes a snapshot by one rename.
* `restore` copies the disks first, while the lab runs. Then it notes where it is going and takes
  the power away; from there on `recover` goes the same way again, because a snapshot is only read.

The caller holds the lab's lock.
"""

from __future__ import annotations

from datetime import UTC, datetime

from core.errors import CommandError, HalabError
from core.files import lengths, usage
from core.folders import LabFolder
from core.saying import Say
from hypervisor.machines import PAUSED, RUNNING, Machines
from hypervisor.objects import Virsh, start_surroundings
from hypervisor.private import PrivateHypervisor
from hypervisor.snapshots import (
    UP,
    Origin,
    Shelf,
    Snapshot,
    check_label,
    copy,
)
from inventory.model import Inventory
from inventory.record import LabRecord, load_inventory
from machines.clock import set_clocks
from status.collect import Observer
from status.health import wait_healthy
from status.model import LabStatus


def machines_of(record: LabRecord) -> Machines:
    """Return the machines of a lab."""
    return Machines(Virsh(record.uri), record.domains)


def take(
    folder: LabFolder,
    record: LabRecord,
    observer: Observer,
    label: str,
    report: Say,
    *,
    healthy: bool,
    replace: bool = False,
) -> Snapshot:
    """Take a snapshot of a running lab; its machines stand still for a few seconds.

    Their clocks are then set over the connections of `observer`, which survive that: a login takes
    an emulated guest as long as all else. `healthy` is kept: a lab that was not is not expected to
    be when it comes back.
    Raises HalabError for a label that is taken (unless `replace`), a machine that is off, a full
    disk; the lab then runs on as before.
    """
    check_label(label)
    _check_private(record)
    shelf, machines = Shelf(folder), machines_of(record)
    if not replace and label in {one.label for one in shelf.all()}:
        raise HalabError(
            f"lab {folder.name!r} has a snapshot {label!r} already",
            hint="choose another label, or take its place with --replace",
        )
    if PrivateHypervisor(folder).is_running():
        if recover(folder, record, report):
            # They led into machines of another instant.
            observer.close()
        states = machines.states()
        off = [name for name in record.domains if states.get(name) != RUNNING]
    else:
        off = list(record.domains)
    if off:
        raise HalabError(
            f"a snapshot is of machines that run; these do not: {', '.join(off)}",
            hint=f"`./halab up {folder.name}` starts them",
        )
    disks, origin = machines.disks(record.pool), origin_of(folder, machines)
    draft = shelf.begin_draft()
    try:
        report("suspending all machines")
        machines.suspend()
        taken = datetime.now(UTC)
        report("writing their memory")
        machines.save_memory(draft)
        report("copying their disks")
        copy(disks, draft)
        files = sorted(draft.iterdir())
        snapshot = Snapshot(
            label=label,
            taken=taken,
            machines=tuple(record.domains),
            size=usage(files),
            healthy=healthy,
            origin=origin,
            files=lengths(draft, files),
            disks=tuple(sorted(disk.name for disk in disks)),
        )
        report("keeping the snapshot")
        shelf.publish(snapshot)
    except BaseException as error:
        machines.abort_jobs()
        if not isinstance(error, CommandError):
            raise
        raise HalabError(
            f"no snapshot {label!r} was taken of lab {folder.name!r}; the lab runs on",
            detail=str(error),
            hint=f"if the disk is full: `./halab snapshots {folder.name} --remove LABEL`",
        ) from error
    finally:
        # The space comes back before the machines do: they may have nowhere to write.
        shelf.tidy()
        machines.resume()
    _set_clocks(observer, report)
    return snapshot


def restore(
    folder: LabFolder, record: LabRecord, inventory: Inventory, label: str, report: Say
) -> Snapshot:
    """Discard the lab's present state and let its machines go on from a snapshot, clocks set.

    Raises HalabError before anything is discarded for a snapshot that is unknown, damaged or of
    other machines, and when the disk is full. When a memory cannot be loaded, the machines are
    started from the snapshot's disks and HalabError says so.
    """
    snapshot = _go_back(folder, record, label, report)
    with Observer(inventory) as observer:
        _set_clocks(observer, report)
    return snapshot


def _go_back(folder: LabFolder, record: LabRecord, label: str, report: Say) -> Snapshot:
    _check_private(record)
    shelf = Shelf(folder)
    snapshot = shelf.find(label)
    hypervisor = PrivateHypervisor(folder)
    if not hypervisor.is_running():
        hypervisor.start(report)
        start_surroundings(Virsh(record.uri), record.mark)
    machines = machines_of(record)
    _check_origin(folder, snapshot, machines)
    report("copying the snapshot's disks")
    shelf.copy_disks(snapshot)
    shelf.begin_restoring(label)
    report("taking the machines' power away")
    machines.destroy()
    shelf.place_disks(record.pool)
    report("loading their memory")
    try:
        machines.load_memory(shelf.path(label))
    except CommandError as error:
        machines.destroy()
        shelf.end_restoring()
        machines.start()
        raise HalabError(
            f"the memory of snapshot {label!r} could not be loaded: "
            "the machines start from its disks instead, as after a loss of power",
            detail=str(error),
            hint=f"`./halab up {folder.name}` waits until the lab is healthy",
        ) from error
    report("letting all machines go on")
    machines.resume()
    shelf.end_restoring()
    return snapshot


def reset(
    folder: LabFolder,
    record: LabRecord,
    inventory: Inventory,
    label: str = UP,
    report: Say = lambda _: None,
) -> LabStatus:
    """Bring a lab back to a snapshot and wait until it is as healthy as it was then.

    Connections into the machines from before are dead afterwards: close them, and use the Observer
    or Remote again.
    Raises HalabError as `restore` does, WaitTimeout when the lab does not become healthy.
    """
    snapshot = _go_back(folder, record, label, report)
    with Observer(inventory, record) as observer:
        _set_clocks(observer, report)
        report("checking its health")
        if not snapshot.healthy:
            return observer.read()
        timeout_s = inventory.timing.healthy_wait_s
        return wait_healthy(inventory, timeout_s, report, observer=observer)


def recover(folder: LabFolder, record: LabRecord, report: Say) -> bool:
    """Go on with what a killed `take` or `restore` left; return whether that was anything.

    The hypervisor must run. Raises HalabError when a restore can still not be finished.
    """
    if not record.private or not folder.snapshots.exists():
        return False
    shelf, machines = Shelf(folder), machines_of(record)
    label, suspended = shelf.restoring(), PAUSED in machines.states().values()
    if label is not None:
        report(f"going on with the interrupted restore of snapshot {label}")
        try:
            restore(folder, record, load_inventory(folder), label, report)
        except HalabError as error:
            if shelf.restoring():
                raise
            report(error.message)
    elif suspended:
        report("machines were left suspended: letting them go on")
        machines.abort_jobs()
        shelf.tidy()
        machines.resume()
        with Observer(load_inventory(folder)) as observer:
            _set_clocks(observer, report)
    shelf.tidy()
    return label is not None or suspended


def fits(snapshot: Snapshot, folder: LabFolder) -> bool:
    """Tell whether the lab's software is still the one that the snapshot was taken of."""
    return snapshot.origin.provisioned == _provisioned(folder)


def can_reset(folder: LabFolder) -> bool:
    """Tell whether the lab has a snapshot of the state right after its latest `up`."""
    return any(one.label == UP and fits(one, folder) for one in Shelf(folder).all())


def origin_of(folder: LabFolder, machines: Machines) -> Origin:
    """Return which making of the lab runs now."""
    return Origin(domains=machines.uuids(), provisioned=_provisioned(folder))


def _provisioned(folder: LabFolder) -> int:
    return folder.inventory.stat().st_mtime_ns


def _check_private(record: LabRecord) -> None:
    if not record.private:
        raise HalabError(
            f"snapshots need halab's private hypervisor; this lab stands on {record.platform}",
            detail="The disks there belong to the daemon's own user, and its host may be another "
            "one: halab could not copy them in the moment in which the machines stand still.",
            hint="a lab whose definition names no [platform] uri has a private hypervisor",
        )


def _check_origin(folder: LabFolder, snapshot: Snapshot, machines: Machines) -> None:
    if snapshot.origin != origin_of(folder, machines):
        raise HalabError(
            f"snapshot {snapshot.label!r} is of lab {folder.name!r} as it was before "
            "`up` changed its machines or software",
            hint=f"`./halab snapshots {folder.name}` shows which still fit; "
            f"--remove {snapshot.label} removes this one",
        )


def _set_clocks(observer: Observer, report: Say) -> None:
    # A lab may be broken on purpose when it is frozen; that is for its status to say.
    try:
        set_clocks(observer.remotes, report)
    except HalabError as error:
        report(f"the clocks could not be set: {error.message}")
