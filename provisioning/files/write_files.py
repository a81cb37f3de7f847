"""Runs on a machine: reads wanted files as JSON, writes those that differ, prints their paths.

With the argument "compare" it writes nothing.
"""

import base64
import json
import os
import sys


def differs(path: str, data: bytes, mode: int, owner: tuple[int, int]) -> bool:
    """Tell whether a file has to be written."""
    try:
        found = os.lstat(path)
        with open(path, "rb") as file:
            same = file.read() == data
    except OSError:
        return True
    return not same or found.st_mode != 0o100000 | mode or (found.st_uid, found.st_gid) != owner


def write(path: str, data: bytes, mode: int, owner: tuple[int, int]) -> None:
    """Replace a file in one step."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    draft = path + ".halab-new"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(data)
        os.fchown(descriptor, *owner)
        os.fchmod(descriptor, mode)
    os.replace(draft, path)


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


compare_only = sys.argv[1:] == ["compare"]
changed = []
for item in json.load(sys.stdin):
    if "link" in item:
        if leads_elsewhere(item["path"], item["link"]):
            if not compare_only:
                relink(item["path"], item["link"])
            changed.append(item["path"])
        continue
    if item["once"] and os.path.lexists(item["path"]):
        continue
    data = base64.b64decode(item["data"])
    if item["source"]:
        data = derived(item["source"], item["edits"])
    wanted = data, item["mode"], numbers(item["owner"])
    if differs(item["path"], *wanted):
        if not compare_only:
            write(item["path"], *wanted)
        changed.append(item["path"])
if changed and not compare_only:
    os.sync()
print(json.dumps(changed))
