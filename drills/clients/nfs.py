"""Folders of file servers as the client outside uses them; runs on the monitor, as root."""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import struct
import subprocess
import tempfile
from collections.abc import Callable

from drills.clients.base import Asking
from drills.errand import PROBE_TIMEOUT, WRITE_TIMEOUT, Errand, Outcome

NFS_PORT = 2049
MOUNTED = "vers=4.2,proto=tcp,hard,timeo=100,nosharecache,noatime,retry=0"
"""How a folder is mounted (nfs(5)). `hard`: whoever uses it waits for as long as it takes."""

PAGE = 4096
"""Bytes that are read at once past the cache."""

LOCK = "hhqqi"
OWN_BYTE = int.from_bytes(os.urandom(4))
"""How struct flock is laid out on x86-64, and the byte that this client locks; others lock theirs.
"""


class Client(Asking):
    """A folder of a file server, mounted so that the kernel gives nothing up: an outage is a wait.

    What takes longer than anybody would wait has failed for him, and goes on; nothing else begins
    before it is done. Whoever asks holds a lock, and whoever writes looks first whether the server
    knows of it: it is another client to the server (`nosharecache`), and would be let in else.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.place = tempfile.mkdtemp()
        self.mounted = False
        self.held: int | None = None
        self.page = mmap.mmap(-1, PAGE)
        self.errand = Errand()

    def ask(self) -> Outcome:
        """Read under the lock: a client whose lock the server has forgotten gets EIO for ever."""
        return self._within(PROBE_TIMEOUT, self._read)

    def keep(self, entry: str, body: str) -> Outcome:
        """Write an entry into the ledger; it is a promise once it is synced, with the lock held."""
        return self._within(WRITE_TIMEOUT, lambda: self._write(entry, body))

    def _within(self, seconds: float, action: Callable[[], Outcome]) -> Outcome:
        return self.errand.within(seconds, lambda: self._try(action))

    def _try(self, action: Callable[[], Outcome]) -> Outcome:
        try:
            if not self.mounted:
                host, port = self.address, self.url.port or NFS_PORT
                words = ["mount", "-t", "nfs4", "-o", f"{MOUNTED},port={port}"]
                subprocess.run([*words, f"{host}:{self.url.path}", self.place], check=True)
                self.mounted = True
            return action()
        except OSError as error:
            return False, errno.errorcode.get(error.errno or 0, type(error).__name__)
        except subprocess.CalledProcessError:
            return False, "not mounted"

    def _at(self, name: str) -> str:
        return os.path.join(self.place, name)

    def _open(self, name: str, flags: int) -> int:
        return os.open(self._at(name), flags, 0o644)

    def _read(self) -> Outcome:
        if self.held is None:
            # Past the cache: every read is the server's, and nothing of it is delegated.
            found = self._open("lock", os.O_RDWR | os.O_DIRECT)
            try:
                fcntl.fcntl(found, fcntl.F_OFD_SETLK, own_lock())
            except OSError:
                os.close(found)
                raise
            self.held = found
        return os.preadv(self.held, [self.page], 0) == PAGE, ""

    def _write(self, entry: str, body: str) -> Outcome:
        found = self._open("lock", os.O_RDWR | os.O_DIRECT)
        try:
            answer = fcntl.fcntl(found, fcntl.F_OFD_GETLK, own_lock())
        finally:
            os.close(found)
        if struct.unpack(LOCK, answer)[0] == fcntl.F_UNLCK:
            return False, "no lock"
        # Half an entry is none: two without content would be taken for one that is there twice.
        draft = f"ledger/.{entry}"
        found = self._open(draft, os.O_CREAT | os.O_WRONLY)
        try:
            os.write(found, body.encode())
            os.fsync(found)
        finally:
            os.close(found)
        os.rename(self._at(draft), self._at(f"ledger/{entry}"))
        return True, ""


def own_lock() -> bytes:
    """Return what asks for a lock of this client's own byte, alone (struct flock, fcntl(2))."""
    return struct.pack(LOCK, fcntl.F_WRLCK, os.SEEK_SET, OWN_BYTE, 1, 0)
