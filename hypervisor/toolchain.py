"""The Pulumi toolchain: its command, its Python language host, its libvirt provider.

It is taken from this machine if it is there, else from the vendor's downloads, else built from
Go modules. HALAB_TOOLCHAIN=path, download or build asks for one of the three.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from core.command import run
from core.environment import home as home_folder
from core.errors import HalabError
from core.files import is_whole, seal
from core.folders import cache_folder
from hypervisor import gobuild
from hypervisor.packages import parse_version, version_of
from hypervisor.vendor import download

Origin = Literal["path", "download", "build"]
Report = Callable[[str], None]

PULUMI_VERSION = "3.259.0"
"""The version of the Python package `pulumi` in requirements.lock."""
PULUMI_ACCEPTED = ((3, 200), (4,))
"""Versions of a Pulumi found on PATH that will do: from the first, below the second."""
LIBVIRT_VERSION = "0.5.4"
"""The version of the Python package `pulumi-libvirt`; its last."""
LANGUAGE_HOST = "pulumi-language-python"
PROVIDER = "pulumi-resource-libvirt"
DRAFT = ".unfinished-"

_PLUGIN = Path("plugins") / f"resource-libvirt-v{LIBVIRT_VERSION}" / PROVIDER


@dataclass(frozen=True)
class Toolchain:
    """A toolchain that is complete. `home` is PULUMI_HOME and holds the plugins."""

    pulumi: Path
    bin_folder: Path
    home: Path
    origin: Origin

    def environment(self) -> dict[str, str]:
        """Return the environment variables with which Pulumi finds all of it."""
        return {
            "PATH": f"{self.bin_folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "PULUMI_HOME": str(self.home),
            "PULUMI_SKIP_UPDATE_CHECK": "1",
        }


def wanted_origins() -> tuple[Origin, ...]:
    """Return where a toolchain may come from, in order; raises HalabError on a wrong choice."""
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


def find_toolchain() -> Toolchain | None:
    """Return a toolchain that is there already; changes nothing."""
    for origin in wanted_origins():
        try:
            return _on_path() if origin == "path" else _cached(origin)
        except HalabError:
            continue
    return None


def ensure_toolchain(report: Report) -> Toolchain:
    """Return a toolchain; download or build it when there is none.

    A build takes about 9 minutes on two cores, once. May install Debian's Go (see
    `packages.ensure_packages`).
    Raises HalabError with the reason of every way that failed.
    """
    found = find_toolchain()
    if found:
        return found
    with _locked(report):
        # Whoever held the lock may have made it.
        found = find_toolchain()
        return found or _make(report)


def build_key() -> str:
    """Return the digest of everything that a built toolchain is made from."""
    digest = hashlib.sha256(f"{PULUMI_VERSION} {LIBVIRT_VERSION} {platform.machine()}".encode())
    recipe = (*gobuild.flags(PULUMI_VERSION), *gobuild.SDK_SCRIPTS)
    digest.update(" ".join(recipe).encode())
    for path in sorted(gobuild.SOURCES.rglob("*")):
        if path.is_file() and path.name != gobuild.GENERATED and path.suffix != ".md":
            digest.update(str(path.relative_to(gobuild.SOURCES)).encode() + b"\0")
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _folder(origin: Origin) -> Path:
    key = build_key() if origin == "build" else f"{PULUMI_VERSION}-{LIBVIRT_VERSION}"
    return cache_folder() / "toolchain" / f"{origin}-{key}"


def _in_folder(folder: Path, origin: Origin) -> Toolchain:
    return Toolchain(folder / "bin" / "pulumi", folder / "bin", folder / "home", origin)


def _programs(made: Toolchain) -> tuple[Path, ...]:
    return made.pulumi, made.bin_folder / LANGUAGE_HOST, made.home / _PLUGIN


def _cached(origin: Origin) -> Toolchain:
    folder = _folder(origin)
    if not folder.is_dir():
        raise HalabError(f"not in {folder}")
    found = _in_folder(folder, origin)
    if not is_whole(folder, _programs(found)):
        raise HalabError(f"damaged in {folder}")
    return found


def _on_path() -> Toolchain:
    """Return the user's own toolchain; raises HalabError with what it lacks."""
    found = shutil.which("pulumi")
    if found is None:
        raise HalabError("there is no `pulumi` on PATH")
    pulumi = Path(found)
    version = version_of(pulumi, "version")
    lowest, beyond = PULUMI_ACCEPTED
    if not lowest <= version < beyond:
        shown = ".".join(map(str, version)) or "unknown"
        raise HalabError(f"{pulumi} has version {shown}, not {lowest[0]}.{lowest[1]} or newer 3.x")
    home = Path(os.environ.get("PULUMI_HOME") or home_folder() / ".pulumi")
    # Pulumi looks for its language hosts on PATH first, then beside itself.
    if not (shutil.which(LANGUAGE_HOST) or (pulumi.resolve().parent / LANGUAGE_HOST).exists()):
        raise HalabError(f"{pulumi} has no {LANGUAGE_HOST} beside it")
    provider = home / _PLUGIN
    if not provider.exists():
        provider = Path(shutil.which(PROVIDER) or provider)
    if not provider.exists():
        raise HalabError(
            f"{pulumi} has no libvirt provider {LIBVIRT_VERSION}",
            hint=f"pulumi plugin install resource libvirt {LIBVIRT_VERSION}",
        )
    if version_of(provider) != parse_version(LIBVIRT_VERSION):
        raise HalabError(f"{provider} is not version {LIBVIRT_VERSION}")
    return Toolchain(pulumi, pulumi.parent, home, "path")


def _make(report: Report) -> Toolchain:
    reasons: list[str] = []
    hint: str | None = None
    for origin in wanted_origins():
        try:
            return _on_path() if origin == "path" else _made(origin, report)
        except HalabError as error:
            reasons.append(f"{origin}: {error.message}\n{error.detail or ''}".strip())
            hint = error.hint
            if origin == "download":
                report(f"no download ({error.message})")
    raise HalabError("the Pulumi toolchain could not be had", detail="\n".join(reasons), hint=hint)


def _made(origin: Origin, report: Report) -> Toolchain:
    folder = _folder(origin)
    for abandoned in folder.parent.glob(f"{DRAFT}*"):
        shutil.rmtree(abandoned, ignore_errors=True)
    # A name of its own: the compiler of a killed halab may still be writing into the last one.
    draft = Path(tempfile.mkdtemp(prefix=DRAFT, dir=folder.parent))
    draft.chmod(0o755)
    try:
        made = _in_folder(draft, origin)
        if origin == "download":
            download(PULUMI_VERSION, LIBVIRT_VERSION, made.bin_folder, made.home, report)
        else:
            scratch = draft / "source"
            gobuild.build(PULUMI_VERSION, made.home / _PLUGIN, made.bin_folder, scratch, report)
            shutil.rmtree(scratch)
        _verify(made)
        seal(draft, _programs(made))
        # What stands there is damaged.
        shutil.rmtree(folder, ignore_errors=True)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return _in_folder(folder, origin)


def _verify(made: Toolchain) -> None:
    said = run([made.pulumi, "version"], env=made.environment()).stdout.strip()
    if parse_version(said) != parse_version(PULUMI_VERSION):
        raise HalabError(f"the new pulumi says it is {said}, not {PULUMI_VERSION}")
    if version_of(made.home / _PLUGIN) != parse_version(LIBVIRT_VERSION):
        raise HalabError(f"the new libvirt provider is not version {LIBVIRT_VERSION}")
    if not os.access(made.bin_folder / LANGUAGE_HOST, os.X_OK):
        raise HalabError(f"the new toolchain has no {LANGUAGE_HOST}")


@contextmanager
def _locked(report: Report) -> Iterator[None]:
    folder = cache_folder() / "toolchain"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report("waiting for another halab that is getting the toolchain")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
