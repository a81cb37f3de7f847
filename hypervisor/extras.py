"""Python packages that labs on AWS need and no others: in a folder of their own.

Pulumi asks every package that a program can import for a plugin. So these are not among halab's
own packages, and only programs that are given the folder see them.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from core.command import run
from core.files import write_file
from core.folders import PROJECT, cache_folder
from core.saying import Say
from hypervisor.origins import drafted, locked

LOCK = PROJECT / "requirements-aws.lock"

INSTALL_TIMEOUT_S = 1800
"""Seconds; 360 MB come, which took 5 minutes on a machine that was busy with other things."""

INDEX = (
    "the package index was not reached, or not believed: behind a proxy set https_proxy; with a "
    "certificate of your own PIP_CERT=FILE; with an index of your own PIP_INDEX_URL=URL"
)

READY = "ready"
"""Is in the folder once all of it is on the disk: a crash leaves names of files that are empty."""


def extras_folder() -> Path:
    """Return where the packages are, or would be: their versions and this Python decide."""
    made_for = f"{sys.version_info[:2]}".encode() + LOCK.read_bytes()
    return cache_folder() / f"aws-{hashlib.sha256(made_for).hexdigest()[:12]}"


def ensure_extras(report: Say) -> Path:
    """Return the folder of the packages; installs them when they are not there.

    Raises CommandError with pip's own words.
    """
    folder = extras_folder()
    with locked(folder.parent, "Python packages for AWS", report):
        if not (folder / READY).exists():
            report("installing Python packages for AWS")
            _install(folder)
    return folder


def use_extras(report: Say) -> None:
    """Let this process import the packages, its own first; installs them like `ensure_extras`."""
    folder = str(ensure_extras(report))
    if folder not in sys.path:
        sys.path.append(folder)


def _install(folder: Path) -> None:
    with drafted(folder) as draft:
        run(
            [
                *(sys.executable, "-I", "-m", "pip", "install", "--quiet", "--no-input"),
                *("--disable-pip-version-check", "--no-deps", "--require-hashes"),
                *("--target", draft, "--requirement", LOCK),
            ],
            timeout=INSTALL_TIMEOUT_S,
            hint=INDEX,
        )
        # All at once: they are thousands of files.
        os.sync()
        write_file(draft / READY, "")
