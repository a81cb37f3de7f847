"""Runs on a machine: reads wanted files as JSON, writes those that differ, prints their paths.

With the argument "compare" it writes nothing.
"""

from __future__ import annotations

import base64
import json
import os
import sys

# typing itself takes long to load where every module counts.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def differs(path: str, data: bytes, mode: int, owner: tuple[int, int]) -> bool:
    """Tell whether a file has to be written."""
    try:
        found = os.lstat(path)
        with open(path, "rb") as file:
            same = file.read() == data
    except OSError:
        return True
    return not same or found.st_mode != 0o100000 | mode or (found.st_uid, found.st_gid) != owner


def write(path: str, data: bytes, mode: int, owner: tuple[int, int], check: str) -> None:
    """Replace a file in one step, by content that passes its check."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    draft = path + ".halab-new"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            os.fchown(descriptor, *owner)
            os.fchmod(descriptor, mode)
        if not passes(check, draft):
            sys.exit(f"{path} stays as it is: what shall replace it fails `{check}`")
        os.replace(draft, path)
    except (OSError, SystemExit):
        # On a full disk it would take what little is left.
        os.unlink(draft)
        raise


def passes(check: str, draft: str) -> bool:
    """Tell whether a file passes a check, which says on standard error what is wrong."""
    # Standard output is for the paths of what was written.
    words = ["/bin/sh", "-euc", f"exec >&2; {check}", "sh", draft]
    return not check or os.spawnv(os.P_WAIT, words[0], words) == 0


def leads_elsewhere(path: str, target: str) -> bool:
    """Tell whether a symbolic link has to be made."""
    return not (os.path.islink(path) and os.readlink(path) == target)


def relink(path: str, target: str) -> None:
    """Make a symbolic link in one step."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    draft = path + ".halab-new"
    if os.path.lexists(draft):
        os.unlink(draft)
    os.symlink(target, draft)
    os.replace(draft, path)


def derived(source: str, edits: list[tuple[str, str]]) -> bytes:
    """Return the content of another file with some of its text replaced."""
    with open(source, encoding="utf-8") as file:
        text = file.read()
    for before, after in edits:
        if text.count(before) != 1:
            sys.exit(f"{source} is not the file this correction is for: no single {before!r}")
        text = text.replace(before, after)
    return text.encode()


def numbers(owner: str) -> tuple[int, int]:
    """Return the numbers of `user:group`."""
    user, group = owner.split(":")
    if owner == "root:root":
        return 0, 0
    import grp
    import pwd

    return pwd.getpwnam(user).pw_uid, grp.getgrnam(group).gr_gid


def bring(item: dict[str, Any], *, compare_only: bool) -> bool:
    """Make one thing what it shall be, if it is not; return whether it was not."""
    path = item["path"]
    if "folder" in item:
        wrong = not os.path.isdir(path)
        if wrong and not compare_only:
            os.makedirs(path)
        return wrong
    if "link" in item:
        wrong = leads_elsewhere(path, item["link"])
        if wrong and not compare_only:
            relink(path, item["link"])
        return wrong
    if item["once"] and os.path.lexists(path):
        return False
    data = base64.b64decode(item["data"])
    if item["source"]:
        data = derived(item["source"], item["edits"])
    wanted = data, item["mode"], numbers(item["owner"])
    wrong = differs(path, *wanted)
    if wrong and not compare_only:
        write(path, *wanted, item["check"])
    return wrong


compare_only = sys.argv[1:] == ["compare"]
changed = []
# What may be refused comes first: then nothing has been written that nobody would be told of.
for item in sorted(json.load(sys.stdin), key=lambda item: not item.get("check")):
    try:
        if bring(item, compare_only=compare_only):
            changed.append(item["path"])
    except OSError as error:
        sys.exit(f"{item['path']} cannot be written: {error.strerror}")
if changed and not compare_only:
    os.sync()
print(json.dumps(changed))
