"""Which lab a person means."""

from __future__ import annotations

from pathlib import Path

from core.errors import HalabError
from core.folders import LabFolder, state_folder
from inventory.record import load_record
from labs.loading import available, load
from labs.model import Lab


def existing() -> list[LabFolder]:
    """Return the folders of all labs that were begun, by name."""
    labs = state_folder() / "labs"
    return [LabFolder(path) for path in sorted(labs.iterdir())] if labs.is_dir() else []


def existing_lab(name: str) -> LabFolder:
    """Return the folder of a lab that was begun; raises HalabError when there is none."""
    folder = LabFolder.of(name)
    if "/" in name or not folder.path.is_dir():
        names = ", ".join(found.name for found in existing()) or "none"
        raise HalabError(
            f"no lab named {name!r} here (labs: {names})", hint="`./halab up LAB` builds one"
        )
    return folder


def wanted(argument: str) -> tuple[Lab, str]:
    """Return the lab to build and where its definition stands.

    `argument` is a name in labs/, a TOML file, or the name of a lab that was built from a file.
    Raises HalabError for an unknown lab, a broken definition or a name that is taken.
    """
    if _is_file(argument):
        lab, source = load(argument), str(Path(argument).resolve())
    elif argument in {entry.name for entry in available()}:
        lab, source = load(argument), argument
    elif "/" not in argument and LabFolder.of(argument).record.exists():
        folder = LabFolder.of(argument)
        source = load_record(folder).source
        lab = load(source if Path(source).is_file() else str(folder.definition))
    else:
        lab, source = load(argument), argument
    _check_free(lab, source)
    return lab, source


def _is_file(argument: str) -> bool:
    return argument.endswith(".toml") or "/" in argument


def _check_free(lab: Lab, source: str) -> None:
    folder = LabFolder.of(lab.name)
    if not folder.record.exists():
        return
    record = load_record(folder)
    if record.source != source:
        raise HalabError(
            f"the name {lab.name!r} is taken by the lab that was built from {record.source}",
            hint=f"change `name` in {source}, or remove the other: `./halab down {lab.name}`",
        )
    if record.private != (lab.platform.uri is None) or (
        lab.platform.uri is not None and record.uri != lab.platform.uri
    ):
        raise HalabError(
            f"lab {lab.name!r} stands on {record.platform}; a lab cannot move to another platform",
            hint=f"`./halab down {lab.name}` first",
        )
