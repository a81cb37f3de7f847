"""`halab down`: take a lab away and check that nothing stays."""

from __future__ import annotations

from contextlib import suppress
from shlex import quote
from typing import Annotated

import typer

from cli.choosing import existing_lab, is_begun
from cli.locking import locked
from cli.progress import Progress, Step
from cli.sites import Site, site_at, site_of
from core.errors import HalabError
from core.folders import LabFolder
from core.sizes import MIB
from hypervisor.kept_labs import KeptLabs
from hypervisor.private import PrivateHypervisor
from hypervisor.taken import looking
from infra.orphans import end_orphans
from inventory.record import load_any
from labs.loading import available, file_of, is_path, load
from labs.model import Lab

OTHERWISE = (
    "what a lab whose folder is gone has on a libvirt of yours is found by its definition: "
    "`./halab down FILE.toml`"
)


def down(
    lab: Annotated[
        str,
        typer.Argument(help="A lab that `halab list` shows, or the TOML file that defined it."),
    ] = "active-passive",
) -> None:
    """Take a lab away, whatever state it is in, and check that nothing stays behind."""
    progress = Progress()
    definition = _definition(lab)
    name = definition.name if definition else lab
    if definition and not is_begun(name):
        with locked(name):
            _look_where_it_would_be(definition, progress)
        return
    folder = existing_lab(name, OTHERWISE)
    with locked(name), progress.step(f"Removing lab {name}", usually="10 s") as step:
        take_away(folder, step)
    kept = KeptLabs().find(name)
    if kept is not None:
        progress.note(
            f"{kept.size // MIB} MiB of it are kept for its next `up`, beside the guest images: "
            f"`./halab cache` shows, `./halab cache clean {name}` removes"
        )


def _definition(argument: str) -> Lab | None:
    """Return the definition that a name in labs/ or a file means; None for any other name."""
    if not is_path(argument) and is_begun(argument):
        # Whatever became of the file that it was built from.
        return None
    is_file = is_path(argument) and file_of(argument).is_file()
    offered = argument in {offer.name for offer in available()}
    return load(argument) if is_file or offered else None


def _look_where_it_would_be(lab: Lab, progress: Progress) -> None:
    """Remove what a lab has outside its folder, although that is gone."""
    site = site_of(lab, LabFolder.of(lab.name))
    if not site.has_anything(progress.note):
        progress.note(f"lab {lab.name} is not there: nothing to remove")
        return
    title = f"Removing lab {lab.name}, whose folder is gone"
    with progress.step(title, usually="10 s") as step:
        site.remove(step)


def take_away(folder: LabFolder, step: Step) -> None:
    """Remove what the lab has outside, end its own hypervisor, then remove its folder.

    Raises HalabError, naming each thing, when something stays or nobody can know what there is; the
    folder then stays too.
    """
    site = _site(folder)
    hypervisor = PrivateHypervisor(folder)
    end_orphans(folder)
    if site:
        site.remove(step)
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


def _site(folder: LabFolder) -> Site | None:
    """Return where a lab stands; None for one that can only have a private hypervisor.

    Raises HalabError when it may have something on a libvirt that nothing here names.
    """
    with suppress(HalabError):
        return site_at(load_any(folder), folder)
    with suppress(HalabError):
        definition = load(str(folder.definition))
        if definition.name == folder.name:
            return site_of(definition, folder)
    # A private hypervisor is the only one with a folder; and before the record nothing is made.
    private = folder.hypervisor.exists() or PrivateHypervisor(folder).is_running()
    if private or not (folder.record.exists() or folder.pulumi.exists()):
        return None
    raise HalabError(
        f"nobody knows where lab {folder.name!r} stands: its record and its definition are lost, "
        "and nothing was removed",
        detail=f"If it stood on a libvirt of yours, what it has there is called {folder.name}-...; "
        f"to look: {looking('URI')}",
        hint=f"put its definition back: cp FILE.toml {quote(str(folder.definition))}, and run the "
        f"command again; or, when nothing is left there, rm -r {quote(str(folder.path))}",
    )
