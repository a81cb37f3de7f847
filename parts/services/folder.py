"""What clients have written as files, on the node that serves: their ledger, and all of it."""

from __future__ import annotations

import shlex

from parts.host import program

DRAFT = ".halab-import"
"""The folder in which an archive is unpacked. What a loss of power leaves of it is no data."""


def list_entries(folder: str, run: str) -> str:
    """Return shell text that lists a run's files, with their times and sums."""
    # Standard input instead of arguments: thousands of entries outgrow a command line.
    return (
        f"find {folder} -type f -name '{run}-*' -printf '%T@ %p\\n'; echo; "
        f"find {folder} -type f -name '{run}-*' -print0 | xargs -0 -r sha256sum --"
    )


def clear_entries(folder: str, run: str) -> str:
    """Return shell text that removes a run's files."""
    return f"find {folder} -type f -name '{run}-*' -delete"


def archived(folder: str, left_out: str) -> str:
    """Return shell text that prints a folder but one of its entries as an archive.

    Clients go on writing meanwhile: that a file changes is no failure, which tar ends with 1 for.
    """
    without = (f"--exclude=./{name}" for name in (left_out, DRAFT))
    words = ("--create", "--gzip", *without, "--directory", folder, ".")
    return f"{{ tar {shlex.join(words)} || [ $? -eq 1 ]; }}"


def replaced(folder: str, *kept: str) -> str:
    """Return shell text that reads such an archive in the place of all but some of its entries."""
    text = program("replace_files.sh")
    words = ("/bin/sh", "-euc", text, "replace_files.sh", folder, DRAFT, *kept)
    return shlex.join(words)
