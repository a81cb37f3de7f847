"""Where halab keeps things: caches shared by all labs, and one state folder per lab.

Caches follow XDG_CACHE_HOME, state follows XDG_STATE_HOME (XDG Base Directory Specification, which
has relative values ignored).
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from core import environment
from core.errors import HalabError
from core.text import is_utf8

PROJECT = Path(__file__).resolve().parent.parent
"""The checkout: Pulumi.yaml, toolchain/, labs/ and the packages stand here."""


CACHE, STATE, SCRATCH = "XDG_CACHE_HOME", "XDG_STATE_HOME", "TMPDIR"
"""The variables by which a person moves what halab keeps."""

FORBIDDEN = re.compile(r"[\x00-\x1f\x7f]|\$\{")
"""What no ssh configuration can hold (ssh_config(5): a line a value, and ${NAME} is replaced)."""


def cache_folder() -> Path:
    """Return the folder for what every lab shares: toolchain, guest images, findings.

    Raises HalabError for a path that programs could not be given.
    """
    found = _base(CACHE, ".cache") / "halab"
    if os.pathsep in str(found):
        raise _unfit(found, f"it holds {os.pathsep!r}, which separates the folders in PATH", CACHE)
    return found


def state_folder() -> Path:
    """Return the folder that holds one subfolder per lab.

    Raises HalabError for a path that programs could not be given.
    """
    return _base(STATE, ".local/state") / "halab"


def existing(path: Path) -> Path:
    """Return the nearest folder to a path that exists: what will be made stands on its disk."""
    return next(place for place in (path, *path.parents) if place.exists())


def _base(variable: str, below_home: str) -> Path:
    said = os.environ.get(variable, "")
    found = Path(said) if os.path.isabs(said) else environment.home() / below_home
    if FORBIDDEN.search(str(found)):
        raise _unfit(found, "it holds control characters or ${", variable)
    if not is_utf8(found):
        raise _unfit(found, "its name is not UTF-8", variable)
    return found


def _unfit(path: Path, why: str, variable: str) -> HalabError:
    return HalabError(
        f"halab cannot keep anything below {str(path)!a}: {why}",
        hint=f"set {variable} to another folder",
    )


@dataclass(frozen=True)
class LabFolder:
    """Everything that belongs to one lab; removing `path` removes the lab's last trace."""

    path: Path

    @classmethod
    def of(cls, name: str) -> LabFolder:
        """Return the folder of the lab with this name; it need not exist."""
        return cls(state_folder() / "labs" / name)

    @property
    def name(self) -> str:
        """The lab's name."""
        return self.path.name

    @property
    def prefix(self) -> str:
        """What stands before the names of its objects in a libvirt that others use as well."""
        return f"{self.name}-"

    @property
    def definition(self) -> Path:
        """The lab definition as it was given to `up`."""
        return self.path / "definition.toml"

    @property
    def applied(self) -> Path:
        """The definition that the lab was last brought to; absent until it was healthy once."""
        return self.path / "applied.toml"

    @property
    def record(self) -> Path:
        """What `up` decided for this lab (its definition, platform, acceleration), JSON."""
        return self.path / "lab.json"

    @property
    def inventory(self) -> Path:
        """The inventory that the machines' side wrote for the software's side, JSON."""
        return self.path / "inventory.json"

    @property
    def secrets(self) -> Path:
        """Generated secrets, mode 0600, JSON."""
        return self.path / "secrets.json"

    @property
    def ssh_key(self) -> Path:
        """The lab's private ssh key, mode 0600; the public key stands beside it."""
        return self.path / "ssh" / "id_ed25519"

    @property
    def host_keys(self) -> Path:
        """Private host keys that halab gives to the machines, one file each, mode 0600."""
        return self.path / "ssh" / "host_keys"

    @property
    def known_hosts(self) -> Path:
        """The public halves of the host keys, for OpenSSH."""
        return self.path / "ssh" / "known_hosts"

    @property
    def pulumi(self) -> Path:
        """Pulumi's state backend and stack configuration."""
        return self.path / "pulumi"

    @property
    def hypervisor(self) -> Path:
        """The private hypervisor: its sockets, configuration and logs."""
        return self.path / "hypervisor"

    @property
    def pool(self) -> Path:
        """Disks of the lab's machines."""
        return self.path / "pool"

    @property
    def rehearsal(self) -> Path:
        """A rehearsed cloud: disks and consoles of its guests, its log, and where it answers."""
        return self.path / "rehearsal"

    @property
    def snapshots(self) -> Path:
        """Snapshots of the whole lab, one folder each; on the filesystem of `pool`."""
        return self.path / "snapshots"

    @property
    def warming(self) -> Path:
        """What a warm start works with; it is there while one has begun and not ended."""
        return self.path / "warming"

    @property
    def consoles(self) -> Path:
        """Serial console logs, one file per machine."""
        return self.path / "consoles"

    @property
    def logs(self) -> Path:
        """Logs of `up` and what was collected after failures."""
        return self.path / "logs"

    @property
    def evidence(self) -> Path:
        """What outlives a lab that a command made for itself: what was kept of its failures."""
        return self.path.parent.parent / "evidence" / self.name
