"""Files on a machine: compared and written all at once, in one round trip."""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Iterable
from importlib import resources

from machines.remote import Remote
from parts.host import Entry, Folder, Link


def ensure_files(remote: Remote, files: Iterable[Entry]) -> frozenset[str]:
    """Make everything exist as described and return the paths of what had to be written.

    Content, mode and owner are compared first. Each file is replaced in one step, and everything
    is on the disk before this returns: the next thing to happen may be a power cut. Raises
    CommandError for content that fails its check.
    """
    return _handle(remote, files)


def differing_files(remote: Remote, files: Iterable[Entry]) -> frozenset[str]:
    """Return the paths that `ensure_files` would write, and write nothing."""
    return _handle(remote, files, "compare")


def _handle(remote: Remote, files: Iterable[Entry], *arguments: str) -> frozenset[str]:
    wanted = [_message(file) for file in files]
    if not wanted:
        return frozenset()
    done = run_script(remote, "write_files.py", *arguments, stdin=json.dumps(wanted))
    return frozenset(json.loads(done))


def _message(file: Entry) -> dict[str, object]:
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
        "check": file.check,
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
