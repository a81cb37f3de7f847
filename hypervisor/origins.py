"""Where the programs come from that Pulumi consists of, and how they get into the cache.

HALAB_TOOLCHAIN=path, download or build asks for one of the three ways.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeVar, get_args

from core.errors import HalabError
from core.locks import held
from core.saying import Say

Origin = Literal["path", "download", "build"]
"""From this machine, as the vendor publishes it, or from Go modules; tried in this order."""

Made = TypeVar("Made")

DRAFT = ".unfinished-"


def wanted_origins() -> tuple[Origin, ...]:
    """Return where programs may come from, in order; raises HalabError on a wrong choice."""
    asked = os.environ.get("HALAB_TOOLCHAIN", "")
    known: tuple[Origin, ...] = get_args(Origin)
    if not asked:
        return known
    if asked not in known:
        raise HalabError(
            f"HALAB_TOOLCHAIN={asked} is not a way to get the Pulumi toolchain",
            hint=f"use one of: {', '.join(known)}, or leave it unset",
        )
    return tuple(origin for origin in known if origin == asked)


def first_there(get: Callable[[Origin], Made]) -> Made | None:
    """Return what `get` finds by the first way that is wanted, None when all of them fail."""
    for origin in wanted_origins():
        try:
            return get(origin)
        except HalabError:
            continue
    return None


def first_made(what: str, get: Callable[[Origin], Made], report: Say) -> Made:
    """Return what `get` makes by the first way that is wanted and works.

    Raises HalabError with the reason of every way that failed.
    """
    reasons: list[str] = []
    hint: str | None = None
    for origin in wanted_origins():
        try:
            return get(origin)
        except HalabError as error:
            reasons.append(f"{origin}: {error.message}\n{error.detail or ''}".strip())
            hint = error.hint
            if origin == "download":
                report(f"no download ({error.message})")
    raise HalabError(f"{what} could not be had", detail="\n".join(reasons), hint=hint)


@contextmanager
def drafted(folder: Path) -> Iterator[Path]:
    """Make a folder whole or not at all: yield another one, which takes its name at the end.

    To be used with the lock of the folder above; drafts that a killed halab left go.
    """
    for abandoned in folder.parent.glob(f"{DRAFT}*"):
        shutil.rmtree(abandoned, ignore_errors=True)
    # A name of its own: the compiler of a killed halab may still be writing into the last one.
    draft = Path(tempfile.mkdtemp(prefix=DRAFT, dir=folder.parent))
    draft.chmod(0o755)
    try:
        yield draft
        # What stands there is damaged.
        shutil.rmtree(folder, ignore_errors=True)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def locked(folder: Path, what: str, report: Say) -> Iterator[None]:
    """Let one halab at a time make what is kept in this folder."""
    folder.mkdir(parents=True, exist_ok=True)
    waiting = f"waiting for another halab that is getting {what}"
    with held(folder / ".lock", busy=lambda _: report(waiting)):
        yield
