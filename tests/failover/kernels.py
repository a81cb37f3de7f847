"""A newer kernel of Debian's than guests have: from the backports of their release."""

from __future__ import annotations

import lzma
import re
import urllib.request
from pathlib import Path

from hypervisor.image import RELEASE, apt_proxy, mirrors
from updates.apt import KERNEL

TIMEOUT_S = 120
"""For one file from a mirror; the largest has 35 MB."""


def fetch_kernel(folder: Path, flavour: str) -> str:
    """Put the newest kernel of a flavour, as "cloud-amd64", into a folder, in all of its packages.

    Returns its version as `uname -r` tells it. Raises OSError where the mirror cannot be asked.
    """
    mirror, _ = mirrors()
    place = f"{mirror}/dists/{RELEASE}-backports/main/binary-amd64/Packages.xz"
    known = dict(map(_described, lzma.decompress(_read(place)).decode().split("\n\n")))
    wanted = [f"{KERNEL}{flavour}"]
    for name in wanted:
        needs = known[name].get("Pre-Depends", ""), known[name].get("Depends", "")
        words = re.findall(r"\blinux-[a-z][^ ,]*", " ".join(needs))
        wanted += [word for word in words if word in known and word not in wanted]
    folder.mkdir()
    for name in wanted:
        path = known[name]["Filename"]
        (folder / Path(path).name).write_bytes(_read(f"{mirror}/{path}"))
    versions = (name.removeprefix(KERNEL) for name in wanted if name.startswith(KERNEL))
    return next(version for version in versions if version[0].isdecimal())


def _described(text: str) -> tuple[str, dict[str, str]]:
    fields = dict(re.findall(r"^([A-Z]\S*): (.*)$", text, re.MULTILINE))
    return fields.get("Package", ""), fields


def _read(place: str) -> bytes:
    proxy = apt_proxy()
    handlers = [urllib.request.ProxyHandler({"http": proxy})] if proxy else []
    with urllib.request.build_opener(*handlers).open(place, timeout=TIMEOUT_S) as answer:
        return bytes(answer.read())
