"""How libvirt is told what a guest consists of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import ascii_lowercase
from uuid import NAMESPACE_OID, uuid5

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from inventory import emulation
from rehearsal.wanted import Guest, Port, Volume

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, autoescape=True
)

MEMORY_MIB, CPUS = 1280, 1
"""What every instance gets here, whatever its type."""

ARGUMENTS = ("root=/dev/vda", "rw", "console=ttyS0")


@dataclass(frozen=True)
class Size:
    """What every guest gets, whatever its instance type says; and what it runs on."""

    memory_mib: int
    cpus: int
    accelerated: bool


@dataclass(frozen=True)
class Files:
    """Where things of the guests are. `boot` holds the image's disk, kernel and initrd."""

    folder: Path

    @property
    def boot(self) -> Path:
        """The lab's own copy of the image."""
        return self.folder / "image"

    @property
    def kernel(self) -> Path:
        """The kernel in that copy."""
        return self.boot / "kernel"

    @property
    def initrd(self) -> Path:
        """The initrd in that copy."""
        return self.boot / "initrd"

    def system(self, guest: str) -> Path:
        """Return the file of a guest's system disk."""
        return self.folder / f"{guest}.qcow2"

    def console(self, guest: str) -> Path:
        """Return the file with what a guest says on its console."""
        return self.folder / f"{guest}.console"

    def of_guests(self) -> Iterator[Path]:
        """Return all files of guests and volumes that are there."""
        for pattern in ("*.qcow2", "*.console", "*.raw"):
            yield from self.folder.glob(pattern)

    def volume(self, volume: str) -> Path:
        """Return the file of a volume."""
        return self.folder / f"{volume}.raw"


def domain(guest: Guest, files: Files, size: Size) -> str:
    """Describe a guest without its interfaces and volumes, which are plugged in."""
    words = (*ARGUMENTS, *emulation.arguments(size.accelerated))
    return TEMPLATES.get_template("domain.xml.j2").render(
        guest=guest,
        uuid=f"ec2{str(uuid5(NAMESPACE_OID, guest.id))[3:]}",
        memory_mib=size.memory_mib,
        cpus=size.cpus,
        accelerated=size.accelerated,
        left_out=emulation.features_left_out(size.accelerated),
        kernel=files.kernel,
        initrd=files.initrd,
        cmdline=" ".join(words),
        system=files.system(guest.id),
        console=files.console(guest.id),
    )


def interface(port: Port) -> str:
    """Describe an interface."""
    return TEMPLATES.get_template("interface.xml.j2").render(port=port)


def disk(volume: Volume, guest: str, files: Files) -> str:
    """Describe a volume as a disk of one of the guests that it is attached to."""
    name = Path(volume.attached[guest]).name
    return TEMPLATES.get_template("disk.xml.j2").render(
        shared=volume.shared,
        file=files.volume(volume.id),
        target=target(name),
        name=name,
    )


def target(name: str) -> str:
    """Return libvirt's word for the place of a disk, which AWS calls sdf or xvdf."""
    letter = name[-1] if name[-1] in ascii_lowercase else "z"
    return f"vd{letter}"
