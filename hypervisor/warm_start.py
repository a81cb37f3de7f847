"""Machines for a warm start: what of them is kept when a lab was built, and how they come back.

Their memory is that of the snapshot that `up` has taken. Descriptions (XML) are libvirt's own; in
what is laid out again, words that stand for a secret of the former lab are exchanged.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from core.command import run
from core.files import write_file
from core.folders import PROJECT, LabFolder
from hypervisor.kept_labs import link_all
from hypervisor.machines import Machines, memory_file
from hypervisor.objects import KINDS, Virsh, owned
from hypervisor.snapshots import UP, Shelf, copy
from inventory.record import LabRecord
from labs.model import Lab

SNAPSHOT, POOL, OBJECTS, MEMORY = "snapshot", "pool", "objects", "memory"
"""Folders of a kept lab: memory and disks, volumes that nobody writes, and descriptions: of what
libvirt has, and those that stand in the memories."""

CODE = (
    *("core", "wire", "labs", "inventory", "parts", "machines", "provisioning", "status"),
    *("infra", "hypervisor", "cli", "toolchain"),
)
"""What of halab a lab and its state follow from. Definitions in it are another lab's; recipes of
images stand in the images' names."""

DEFINE = {
    "pool": ("pool-define", "pool-autostart", "pool-start"),
    "network": ("net-define", "net-autostart", "net-start"),
    "domain": ("define",),
}
"""virsh's words for making an object from its description and starting it. A machine needs the rest
when its memory is loaded, and not before."""


def facts_of(lab: Lab, record: LabRecord) -> dict[str, str]:
    """Return what a lab's machines and state follow from, by what people call that.

    The name, paths and libvirt's names are in both: a lab comes back as itself, in its folder.
    """
    place = record.model_dump_json(exclude={"source"})
    images = [
        f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}"
        for boot in record.boot.values()
        for path in (boot.disk, boot.kernel, boot.initrd)
    ]
    return {
        "the definition": _digest([lab.model_dump_json()]),
        "the lab's place": _digest([place]),
        "the guest images": _digest(images),
        **facts_of_halab(),
    }


def facts_of_halab() -> dict[str, str]:
    """Return those of the facts that are the same for every lab."""
    programs = [
        run([program, "--version"]).stdout.partition("\n")[0]
        for program in ("qemu-system-x86_64", "virsh")
    ]
    return {
        "halab": _digest(_code()),
        "QEMU or libvirt": ", ".join(programs),
        "this machine": _digest([os.uname().release, _processor()]),
    }


def keep_machines(
    folder: LabFolder, record: LabRecord, draft: Path, secret: Collection[str]
) -> None:
    """Put into `draft` what the lab's machines come back from; `secret` volumes stay out of it.

    The snapshot that `up` takes must be there. Raises CommandError, OSError.
    """
    virsh, snapshot = Virsh(record.uri), Shelf(folder).find(UP)
    machines = Machines(virsh, record.domains)
    taken, own = Shelf(folder).path(UP), {*snapshot.disks, *secret}
    link_all({taken / name: draft / SNAPSHOT / name for name in snapshot.files})
    shared = [path for path in record.pool.iterdir() if path.is_file() and path.name not in own]
    link_all({path: draft / POOL / path.name for path in shared})
    for kind in DEFINE:
        words = (KINDS[kind].describe, *(("--inactive",) if kind != "pool" else ()))
        for one in owned(virsh, kind, record.mark):
            write_file(draft / OBJECTS / f"{kind}-{one.uuid}.xml", virsh(*words, one.uuid))
    for name in record.domains:
        text = machines.saved_description(draft / SNAPSHOT, name)
        write_file(draft / MEMORY / f"{name}.xml", text)


def lay_out(
    kept: Path, folder: LabFolder, record: LabRecord, words: Mapping[str, str]
) -> dict[str, Path]:
    """Make the lab's volumes, networks and machines as they were kept; return descriptions.

    `words` are exchanged in all descriptions. What is returned, a file for each machine, is for
    `Machines.load_memory`. The hypervisor must run. Raises CommandError, OSError.
    """
    virsh, work = Virsh(record.uri), folder.warming
    link_all({path: record.pool / path.name for path in (kept / POOL).iterdir()})
    copy(list(_disks(kept)), record.pool)

    def make(description: Path) -> None:
        kind = description.name.partition("-")[0]
        first, *others = DEFINE[kind]
        virsh(first, str(_exchanged(description, work, words)))
        for verb in others:
            virsh(verb, description.stem.partition("-")[2])

    found = sorted((kept / OBJECTS).iterdir())
    with ThreadPoolExecutor(len(found)) as pool:
        list(pool.map(make, found))
    return {name: _exchanged(kept / MEMORY / f"{name}.xml", work, words) for name in record.domains}


def _disks(kept: Path) -> Iterable[Path]:
    suffix = memory_file(Path(), "any").suffix
    return (path for path in (kept / SNAPSHOT).iterdir() if path.suffix != suffix)


def _exchanged(description: Path, work: Path, words: Mapping[str, str]) -> Path:
    text = description.read_text()
    for old, new in words.items():
        text = text.replace(old, new)
    target = work / description.name
    write_file(target, text)
    return target


def _code() -> Iterable[str]:
    """Yield everything that halab's own part in a lab consists of, file by file."""
    yield (PROJECT / "requirements.lock").read_text()
    for folder in CODE:
        for path in sorted((PROJECT / folder).rglob("*")):
            if path.is_file() and path.suffix != ".toml" and "__pycache__" not in path.parts:
                yield f"{path.relative_to(PROJECT)} {hashlib.sha256(path.read_bytes()).hexdigest()}"


def _processor() -> str:
    """Return the model and the abilities of the first processor (proc(5), cpuinfo)."""
    lines = Path("/proc/cpuinfo").read_text(errors="replace").partition("\n\n")[0].splitlines()
    return "\n".join(line for line in lines if line.startswith(("model name", "flags")))


def _digest(texts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode() + b"\0")
    return digest.hexdigest()[:16]
