"""Who answers for AWS: AWS itself, a server that a definition names, or a lab's own rehearsal."""

from __future__ import annotations

from pathlib import Path

from core.errors import HalabError
from core.folders import LabFolder
from labs.tables.aws import REHEARSAL


def endpoint_of(endpoint: str | None, folder: LabFolder) -> str | None:
    """Return the URL of what answers whoever asks from this machine; None for AWS itself.

    `endpoint` is what a definition says of it. Raises HalabError for a rehearsal that was not
    begun.
    """
    if endpoint != REHEARSAL:
        return endpoint
    url = noted(folder)
    if url is None:
        raise HalabError(
            f"the rehearsal of lab {folder.name!r} was not begun: nothing answers in AWS's stead",
            hint=f"`./halab up {folder.name}` begins it",
        )
    return url


def note_file(folder: LabFolder) -> Path:
    """Return where a rehearsal notes its URL."""
    return folder.rehearsal / "endpoint"


def noted(folder: LabFolder) -> str | None:
    """Return the URL that a rehearsal noted; None before it was begun."""
    try:
        return note_file(folder).read_text()
    except FileNotFoundError:
        return None
