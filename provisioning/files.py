"""Files on a machine: compared and written all at once, in one round trip."""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib import resources

from machines.remote import Remote


@dataclass(frozen=True)
class Edit:
    """Text that occurs exactly once in a file, and what stands in its place afterwards."""

    before: str
    after: str


@dataclass(frozen=True)
class File:
    """A file as it shall be; `content` may be secret and is not shown. `owner` is user:group.

    With `source` the content is that file's, on the machine, changed by `edits`. With `once` a file
    that exists is left alone.
    """

    path: str
    content: str | bytes = field(repr=False)
    mode: int = 0o644
    owner: str = "root:root"
    source: str | None = None
    edits: tuple[Edit, ...] = ()
    once: bool = False

    @property
    def data(self) -> bytes:
        """The content as it is written to the disk."""
        return self.content if isinstance(self.content, bytes) else self.content.encode()


@dataclass(frozen=True)
class Link:
    """A symbolic link as it shall be."""

    path: str
    target: str


@dataclass(frozen=True)
class Folder:
    """A folder that has to be there; what it holds, or what is mounted on it, is left alone."""

    path: str


def ensure_files(remote: Remote, files: Iterable[File | Link | Folder]) -> frozenset[str]:
    """Make everything exist as described and return the paths of what had to be written.

    Content, mode and owner are compared first. Each file is replaced in one step, and everything
    is on the disk before this returns: the next thing to happen may be a power cut.
    """
    return _handle(remote, files)


def differing_files(remote: Remote, files: Iterable[File | Link | Folder]) -> frozenset[str]:
    """Return the paths that `ensure_files` would write, and write nothing."""
    return _handle(remote, files, "compare")


def _handle(
    remote: Remote, files: Iterable[File | Link | Folder], *arguments: str
) -> frozenset[str]:
    wanted = [_message(file) for file in files]
    if not wanted:
        return frozenset()
    done = run_script(remote, "write_files.py", *arguments, stdin=json.dumps(wanted))
    return frozenset(json.loads(done))


def _message(file: File | Link | Folder) -> dict[str, object]:
    """Put a file into the form that files/write_files.py reads."""
    if isinstance(file, Folder):
        return {"path": file.path, "folder": True}
    if isinstance(file, Link):
        return {"path": file.path, "link": file.target}
    return {
        "path": file.path,
        "data": base64.b64encode(file.data).decode(),
        "mode": file.mode,
        "owner": file.owner,
        "source": file.source,
        "edits": [[edit.before, edit.after] for edit in file.edits],
        "once": file.once,
    }


def script(name: str) -> str:
    """Return the text of a program from provisioning/files."""
    return (resources.files("provisioning") / "files" / name).read_text()


def run_script(
    remote: Remote, name: str, *arguments: str, stdin: str | None = None, timeout: float = 60.0
) -> str:
    """Run a program from provisioning/files on the machine and return what it prints."""
    interpreter = "python3 -I -S -c" if name.endswith(".py") else "/bin/sh -euc"
    # sh takes its first argument as its own name.
    words = [script(name), *arguments] if name.endswith(".py") else [script(name), name, *arguments]
    command = f"{interpreter} {shlex.join(words)}"
    return remote.run(command, stdin=stdin, timeout=timeout).stdout
