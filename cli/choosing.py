"""Which lab a person means."""

from __future__ import annotations

import re
from pathlib import Path

from core.errors import HalabError
from core.folders import LabFolder, state_folder
from core.spelling import meant
from hypervisor.private import PrivateHypervisor, first_processes
from inventory.record import CloudRecord, Record, load_any
from labs.loading import file_of, find, is_path, load
from labs.model import LAB_NAME, Lab
from labs.tables.aws import Aws
from labs.tables.libvirt import Libvirt


def existing() -> list[LabFolder]:
    """Return the folders of all labs that were begun, by name; `is_missing` may be true."""
    labs = state_folder() / "labs"
    paths = set(labs.iterdir()) if labs.is_dir() else set()
    paths |= {hypervisor.parent for hypervisor in first_processes()}
    return [
        LabFolder(path) for path in sorted(paths) if is_begun(path.name) and path.parent == labs
    ]


def is_begun(name: str) -> bool:
    """Tell whether there is a lab of this name: its folder, or machines that run without it."""
    # Other words, as "..", would lead out of the folder of all labs.
    if not re.fullmatch(LAB_NAME, name):
        return False
    folder = LabFolder.of(name)
    return folder.path.is_dir() or is_missing(folder)


def is_missing(folder: LabFolder) -> bool:
    """Tell whether a lab's folder is gone while its private hypervisor runs."""
    return not folder.path.exists() and PrivateHypervisor(folder).is_running()


def existing_lab(name: str, otherwise: str = "`./halab up LAB` builds one") -> LabFolder:
    """Return the folder of a lab that was begun.

    Raises HalabError, with what to do `otherwise`, when there is none.
    """
    if not is_begun(name):
        names = [found.name for found in existing()]
        close = meant(name, names)
        raise HalabError(
            f"no lab named {name!r} here (labs: {', '.join(names) or 'none'})",
            hint=f"did you mean {close[0]}? Else {otherwise}" if close else otherwise,
        )
    return LabFolder.of(name)


def running_lab(name: str) -> LabFolder:
    """Return the folder of a lab whose machines can be asked for something.

    Raises HalabError as `existing_lab` does, and for a lab that `check_running` refuses.
    """
    folder = existing_lab(name)
    check_running(folder)
    return folder


def check_running(folder: LabFolder) -> None:
    """Raise HalabError when what a lab's machines run on has ended, as in a reboot of the host."""
    remedy = way_back(folder)
    if remedy is not None:
        raise HalabError(
            f"lab {folder.name!r} is off: what its machines run on has ended, as it does when this "
            "machine is started again",
            hint=remedy,
        )


def way_back(folder: LabFolder) -> str | None:
    """Return how a lab comes back whose machines run on nothing any more; None for any other."""
    record = load_any(folder)
    rehearsed = isinstance(record, CloudRecord) and record.rehearsed
    if not (record.private or rehearsed) or PrivateHypervisor(folder).is_running():
        return None
    if rehearsed:
        return f"`./halab down {folder.name}` removes it: a rehearsal does not come back"
    return f"`./halab up {folder.name}` starts it"


def wanted(argument: str) -> tuple[Lab, str]:
    """Return the lab to build and where its definition stands.

    `argument` is a TOML file, the name of a lab that was begun, or a name in labs/.
    Raises HalabError for an unknown lab, a broken definition or a name that is taken.
    """
    if is_path(argument):
        lab, source = load(argument), str(file_of(argument).resolve())
    elif is_begun(argument):
        lab, source = _begun(LabFolder.of(argument))
    else:
        lab, source = load(argument), argument
    _check_free(lab, source)
    return lab, source


def _begun(folder: LabFolder) -> tuple[Lab, str]:
    """Return what a lab is built from, and its source, whatever became of that."""
    known = load_any(folder).source if folder.record.exists() else None
    source = known or folder.name
    path = built_from(source, folder)
    if path == folder.definition and path.exists():
        return load(str(path)), known or str(path)
    if known is None and not file_of(source).is_file():
        raise HalabError(
            f"lab {source!r} was begun and never built, and nothing says what it shall be",
            hint=f"`./halab down {source}` removes what is there; then `./halab up FILE.toml` "
            "builds what a file says",
        )
    return load(source), source


def built_from(source: str, folder: LabFolder) -> Path:
    """Return the file with a lab's definition; a lab outlives the one that it was built from.

    That may be gone, or be another lab's by now: then it is what the lab keeps of it. Raises
    DefinitionError for one that cannot be read.
    """
    path = file_of(source)
    return path if path.is_file() and load(str(path)).name == folder.name else folder.definition


def standing(folder: LabFolder) -> Path:
    """Return the definition that a lab was brought to last, or was begun with if never so far."""
    return folder.applied if folder.applied.exists() else folder.definition


def definition_of(argument: str) -> Path:
    """Return the file that says what a person means: that of a lab as it stands, or any other.

    `argument` is a lab that was begun, a name in labs/, or a TOML file. Raises HalabError when
    there is no such lab.
    """
    if not is_path(argument) and is_begun(argument):
        kept = standing(LabFolder.of(argument))
        if kept.exists():
            return kept
    return find(argument)


def _check_free(lab: Lab, source: str) -> None:
    folder = LabFolder.of(lab.name)
    if not folder.record.exists():
        return
    record = load_any(folder)
    if file_of(record.source) != file_of(source):
        raise HalabError(
            f"the name {lab.name!r} is taken by the lab that was built from {record.source}",
            hint=f"change `name` in {source}, or remove the other: `./halab down {lab.name}`",
        )
    if not _stays(record, lab.platform):
        raise HalabError(
            f"lab {lab.name!r} stands on {record.platform}; a lab cannot move to another platform",
            hint=f"`./halab down {lab.name}` first",
        )


def _stays(record: Record, platform: Libvirt | Aws) -> bool:
    """Tell whether a lab stands where this platform would have it."""
    if isinstance(record, CloudRecord):
        if not isinstance(platform, Aws) or platform.region != record.region:
            return False
        # A server in AWS's stead may have another port each time.
        return (platform.endpoint is None) == (record.endpoint is None)
    if not isinstance(platform, Libvirt):
        return False
    if platform.uri is None:
        return record.private
    return not record.private and record.uri == platform.uri
