"""Python environments that the launcher has made: one for each checkout and set of packages."""

from __future__ import annotations

import ast
import hashlib
import re
import shutil
from pathlib import Path

from core.folders import cache_folder

_CHECKOUT = re.compile(r"sys\.path\.append\((?P<path>'.*'|\".*\")\)")
"""What the launcher writes into an environment: which checkout it is for."""


def forsaken() -> tuple[Path, ...]:
    """Return the environments that nothing would use any more: each takes half a GiB.

    Their checkout is gone, or needs other packages by now.
    """
    found = cache_folder().glob("venv-*")
    return tuple(sorted(path for path in found if path.is_dir() and not _is_used(path)))


def remove(environments: tuple[Path, ...]) -> None:
    """Remove environments; raises OSError for what cannot be removed."""
    for path in environments:
        # Without this it is none any more, whatever ends the rest.
        (path / "ready").unlink(missing_ok=True)
        shutil.rmtree(path)


def _is_used(environment: Path) -> bool:
    checkout = _checkout_of(environment)
    return checkout is None or environment.name == f"venv-{_key(checkout)}"


def _checkout_of(environment: Path) -> Path | None:
    """Return the checkout of an environment; None where it is not complete, as while it is made."""
    if not (environment / "ready").exists():
        return None
    for path in environment.glob("lib/python*/site-packages/halab.pth"):
        said = _CHECKOUT.search(path.read_text())
        if said:
            return Path(ast.literal_eval(said["path"]))
    return None


def _key(checkout: Path) -> str | None:
    """Return how the launcher calls the environment of a checkout; None where there is none."""
    try:
        lock = (checkout / "requirements.lock").read_bytes()
    except OSError:
        return None
    digest = hashlib.sha256(bytes(checkout) + b"\n" + lock).hexdigest()
    return digest[:16]
