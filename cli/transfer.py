"""`halab export` and `halab import`: a lab's definition and its clients' data, to build another."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from typing import Annotated, BinaryIO

import typer

from cli.choosing import is_begun, running_lab, standing
from cli.exports import DATA, DEFINITION, MANIFEST, Export, Manifest, opened
from cli.locking import locked
from cli.papers import writing
from cli.progress import Progress
from cli.ssh import write_config
from cli.up import up
from core.command import start
from core.errors import CommandError, HalabError
from core.files import write_file
from core.folders import LabFolder
from core.places import file_at, write_out
from core.sizes import MIB
from infra.planning import sketch
from inventory.record import load_inventory
from labs.loading import load
from labs.model import Lab
from labs.writing import copied
from parts.all import Parts
from parts.services.base import ServicePart
from status.collect import collect
from status.model import LabStatus


def export(
    name: Annotated[str, typer.Argument(help="A lab that `halab list` shows.")],
    file: Annotated[Path, typer.Argument(help="Where to keep it; a file there is replaced.")],
) -> None:
    """Keep a lab's definition and what clients have written, to build one like it anywhere.

    Keys, passwords and the monitoring's history are not among it: each lab has its own.
    """
    folder = running_lab(name)
    target = _target(file, name)
    parts = Parts(load_inventory(folder))
    kept = {each: part for each, part in parts.services.items() if part.keeps_writes}
    kinds = {each: part.service.settings.kind for each, part in kept.items()}
    said = Manifest(lab=name, at=datetime.now(UTC), services=kinds)
    with (
        locked(name),
        writing(file),
        _draft(target) as draft,
        _beside(target) as place,
        tarfile.open(draft, "w") as archive,
        Progress().step(f"Export of lab {name}", usually="a few seconds") as step,
    ):
        status = collect(parts.inventory)
        write_file(place / MANIFEST, said.model_dump_json(indent=1) + "\n")
        write_file(place / DEFINITION, standing(folder).read_bytes())
        archive.add(place / MANIFEST, MANIFEST)
        archive.add(place / DEFINITION, DEFINITION)
        for service, part in kept.items():
            step(f"reading what service {service} keeps")
            with (place / service).open("wb") as data:
                _run(folder, _node(status, part), part.dump, stdout=data)
            archive.add(place / service, f"{DATA}/{service}")
    size = target.stat().st_size / MIB
    print(f"lab {name} is in {file}: {size:.1f} MiB; the data of {', '.join(kept) or 'no service'}")
    print(f"to build one like it: ./halab import {quote(str(file))}")


def import_lab(
    file: Annotated[Path, typer.Argument(help="What `halab export` wrote.")],
    name: Annotated[
        str | None, typer.Option(help="What to call the lab; else as it was called.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Agree that data of a lab that exists are replaced.")
    ] = False,
) -> None:
    """Build a lab from an export, with the data that were in it; its definition stands beside it.

    Broken off, the same command goes on, with --yes where the lab was begun.
    """
    with opened(file) as found:
        said = found.manifest()
        lab = name or said.lab
        definition = found.text(DEFINITION)
        _check_whole(found, _defined(found, definition), said)
        if is_begun(lab):
            _check_alike(lab, definition, yes=yes)
            up(lab)
        else:
            target = file.parent / f"{lab}.toml"
            _write_definition(target, definition, lab)
            up(str(target))
        with locked(lab), _beside(file) as place:
            _fill(found, LabFolder.of(lab), said, place)
    print(f"lab {lab} holds what {said.lab} held at {said.at:%Y-%m-%d %H:%M} UTC")


def _target(file: Path, name: str) -> Path:
    """Return the file that an export of a lab becomes; raises HalabError where it cannot be one."""
    if file.is_dir():
        raise HalabError(
            f"{file} is a folder; an export is one file",
            hint=f"say {file / name}.halab, for instance",
        )
    with writing(file):
        target = file_at(file)
    if target is None:
        raise HalabError(
            f"{file} is a device or a pipe; an export is one file",
            hint=f"./halab export {name} {name}.halab",
        )
    return target


def _fill(found: Export, folder: LabFolder, said: Manifest, place: Path) -> None:
    """Give the services of a healthy lab the data of an export."""
    parts = Parts(load_inventory(folder))
    status = collect(parts.inventory)
    with Progress().step(f"Data of lab {folder.name}", usually="a few seconds") as step:
        for service in said.services:
            step(f"giving service {service} what it kept")
            with (place / service).open("w+b") as data:
                shutil.copyfileobj(found.member(f"{DATA}/{service}"), data)
                data.seek(0)
                part = parts.services[service]
                _run(folder, _node(status, part), _received(part.load), stdin=data)


def _node(status: LabStatus, part: ServicePart) -> str:
    """Return the node that serves, or one of them where all do; raises HalabError without."""
    nodes = status.service(part.service.name).nodes
    if not nodes or (len(nodes) > 1 and not part.service.everywhere):
        raise HalabError(
            f"service {part.service.name} is served nowhere, so its data cannot be reached",
            detail="\n".join(status.reasons) or None,
            hint=f"`./halab status {status.lab}` shows what keeps it from its work",
        )
    return nodes[0]


def _received(load: str) -> str:
    """Return shell text that loads what it reads once all of it has come, and is whole.

    Half of a dump can be as good as a whole one to those who read it.
    """
    held = '"$held"'
    return (
        f"set -e; held=$(mktemp /var/tmp/halab-import.XXXXXX); trap 'rm -f {held}' EXIT; "
        f"cat >{held}; gzip --test <{held}; {{ {load}; }} <{held}"
    )


def _run(
    folder: LabFolder,
    node: str,
    command: str,
    *,
    stdin: BinaryIO | None = None,
    stdout: BinaryIO | None = None,
) -> None:
    """Run shell text on a node; what it reads or prints is a file here, of any size.

    Raises CommandError when any of its programs fails.
    """
    config = write_config(folder, load_inventory(folder))
    # Of a pipe the last program alone would count.
    words = ["ssh", "-F", config, node, f"set -o pipefail; {command}"]
    with start(
        words,
        stdin=stdin or subprocess.DEVNULL,
        stdout=stdout or subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        _, stderr = process.communicate()
    if process.returncode != 0:
        said = stderr.decode(errors="replace")
        raise CommandError(command, status=process.returncode, stderr=said, host=node)


def _check_alike(lab: str, definition: bytes, *, yes: bool) -> None:
    """Raise HalabError unless a lab that exists may have the data of this definition's lab."""
    other = f"to build another one: --name {lab}-2"
    here = load(str(standing(LabFolder.of(lab))))
    with _unpacked(definition) as source:
        alike = here == load(str(source)).model_copy(update={"name": lab})
    if not alike:
        raise HalabError(f"there is a lab {lab!r}, and its definition is another", hint=other)
    if not yes:
        raise HalabError(
            f"there is a lab {lab!r}: what its clients have written would be replaced",
            hint=f"to have that: --yes; {other}",
        )


@contextmanager
def _unpacked(definition: bytes) -> Iterator[Path]:
    """Yield a file with a definition, which is gone when the block ends."""
    with tempfile.TemporaryDirectory() as place:
        source = Path(place) / DEFINITION
        write_file(source, definition)
        yield source


def _write_definition(target: Path, definition: bytes, name: str) -> None:
    """Write the definition under a name; raises HalabError where another one stands."""
    with _unpacked(definition) as source:
        # A lab that keeps its name keeps its definition, letter by letter.
        same = load(str(source)).name == name
        text = definition.decode() if same else copied(source, name, target)
    if target.exists() and target.read_bytes() != text.encode():
        raise HalabError(
            f"{target} is there and says something else; nothing was changed",
            hint="move it away, or choose another --name",
        )
    with writing(target):
        write_out(target, text)


@contextmanager
def _draft(file: Path) -> Iterator[Path]:
    """Yield a file beside this one, which takes its place when the block ends well."""
    draft = file.with_name(f".{file.name}.new")
    draft.unlink(missing_ok=True)
    # Nobody else may read what clients have written, not even before it is whole.
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        yield draft
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def _beside(file: Path) -> Iterator[Path]:
    """Yield a folder on the same disk, which is gone when the block ends."""
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".halab-") as place:
        yield Path(place)


def _defined(found: Export, definition: bytes) -> Lab:
    """Return the lab that an export defines."""
    with _unpacked(definition) as source:
        try:
            return load(str(source))
        except HalabError as error:
            why = f"its {DEFINITION} defines no lab\n{error.detail or ''}"
            raise found.refused(why.rstrip()) from error


def _check_whole(found: Export, lab: Lab, said: Manifest) -> None:
    """Raise HalabError, before anything is made, for an export of parts that its lab has not.

    Somebody else may have written it.
    """
    parts = Parts(sketch(lab))
    for service, kind in said.services.items():
        part = parts.services.get(service)
        if part is None or part.service.settings.kind != kind or not part.keeps_writes:
            raise found.refused(f"its definition has no {kind} {service} that keeps anything")
        found.member(f"{DATA}/{service}")
