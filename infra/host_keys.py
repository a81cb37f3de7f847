"""The machines' ssh host keys: halab makes each and gives it to its machine at boot.

So nothing is learnt at a first contact, and a machine that is made anew shows the key that
everybody knows.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

from core.command import run
from core.errors import CommandError
from core.files import write_file
from core.folders import LabFolder
from infra.impact import HOST_KEY
from inventory.mark import volume_name


@dataclass(frozen=True)
class HostKey:
    """`private` is a file that the machine gets; `public` is the key's type and base64 blob."""

    private: Path
    public: str

    @property
    def mark(self) -> str:
        """A short name for this very key: whatever is named after it changes with it."""
        return hashlib.sha256(self.public.encode()).hexdigest()[:8]


def volume_of(mark: str, machine: str, key: HostKey) -> str:
    """Return what the volume is called from which a machine gets its key; `mark` is the lab's."""
    return volume_name(mark, f"{machine}-{HOST_KEY}-{key.mark}")


def ensure_host_key(folder: LabFolder, machine: str) -> HostKey:
    """Return a machine's host key; the first call makes it, and so does one that finds it damaged.

    Raises OSError when the file cannot be written.
    """
    private = folder.host_keys / machine
    try:
        public = _public(private)
    except CommandError:
        _make(private, machine)
        public = _public(private)
    return HostKey(private, public)


def _make(path: Path, machine: str) -> None:
    with tempfile.TemporaryDirectory(prefix="halab-key-") as folder:
        draft = Path(folder) / "key"
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", machine, "-f", draft])
        write_file(path, draft.read_bytes())


def _public(path: Path) -> str:
    """Return the public half: type and blob; raises CommandError for no key or a damaged one."""
    printed = run(["ssh-keygen", "-y", "-P", "", "-f", path]).stdout
    return " ".join(printed.split()[:2])
