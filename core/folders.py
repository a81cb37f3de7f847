"""Where halab keeps things: caches shared by all labs, and one state folder per lab.

Caches follow XDG_CACHE_HOME, state follows XDG_STATE_HOME (XDG Base Directory Specification).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
"""The checkout: Pulumi.yaml, toolchain/, labs/ and the packages stand here."""


def cache_folder() -> Path:
    """Return the folder for what every lab shares: toolchain, guest images, findings."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "halab"


def state_folder() -> Path:
    """Return the folder that holds one subfolder per lab."""
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "halab"


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
    def definition(self) -> Path:
        """The lab definition as it was given to `up`."""
        return self.path / "definition.toml"

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
    def known_hosts(self) -> Path:
        """Host keys of the lab's machines, learnt at the first contact."""
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
    def snapshots(self) -> Path:
        """Snapshots of the whole lab, one folder each; on the filesystem of `pool`."""
        return self.path / "snapshots"

    @property
    def consoles(self) -> Path:
        """Serial console logs, one file per machine."""
        return self.path / "consoles"

    @property
    def logs(self) -> Path:
        """Logs of `up` and what was collected after failures."""
        return self.path / "logs"
