"""`halab down`: take a lab away and check that nothing stays."""

from __future__ import annotations

import shutil
from typing import Annotated

import typer

from cli.choosing import existing_lab
from cli.events import PulumiEvents
from cli.locking import locked
from cli.progress import Progress, Step
from core.errors import HalabError
from core.folders import LabFolder
from hypervisor.objects import Virsh, remove_orphans
from hypervisor.private import PrivateHypervisor
from hypervisor.toolchain import find_toolchain
from infra.engine import Engine
from infra.orphans import end_orphans
from inventory.record import LabRecord, load_record
from labs.loading import available


def down(
    name: Annotated[str, typer.Argument(help="A lab that `halab list` shows.")] = "active-passive",
) -> None:
    """Take a lab away, whatever state it is in, and check that nothing stays behind."""
    progress = Progress()
    if not LabFolder.of(name).path.exists() and name in {offer.name for offer in available()}:
        progress.note(f"lab {name} is not there: nothing to remove")
        return
    folder = existing_lab(name)
    with locked(name), progress.step(f"Removing lab {name}", usually="10 s") as step:
        take_away(folder, step)


def take_away(folder: LabFolder, step: Step) -> None:
    """Destroy the stack, end the hypervisor, remove the folder.

    Raises HalabError, naming each thing, when something stays.
    """
    hypervisor = PrivateHypervisor(folder)
    record = _record(folder)
    toolchain = find_toolchain()
    end_orphans(folder)
    if record and toolchain and (not record.private or hypervisor.is_running()):
        engine = Engine(folder, toolchain.environment())
        try:
            engine.prepare()
            engine.destroy(PulumiEvents(step))
        except HalabError as error:
            step(f"Pulumi could not remove all of it: {error.message}")
        if not record.private:
            _remove_from_shared_daemon(record)
    step("ending the hypervisor")
    hypervisor.stop()
    hypervisor.remove_files()
    left = hypervisor.leftovers()
    if left:
        raise HalabError(
            f"something of lab {folder.name!r} is still there",
            detail="\n".join(left),
            hint="end these processes, then run the command again",
        )


def _record(folder: LabFolder) -> LabRecord | None:
    try:
        return load_record(folder)
    except HalabError:
        # A lab that was interrupted before its record has nothing that Pulumi made.
        return None


def _remove_from_shared_daemon(record: LabRecord) -> None:
    remove_orphans(Virsh(record.uri), record.prefix, ())
    shutil.rmtree(record.pool, ignore_errors=True)
    if record.pool.exists():
        raise HalabError(f"{record.pool} is not removed", hint=f"sudo rm -r {record.pool}")
