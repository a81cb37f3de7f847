"""A client's ledger that is a folder of files, an entry each, on the node that serves."""

from __future__ import annotations


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
