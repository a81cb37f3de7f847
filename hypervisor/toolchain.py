"""The Pulumi toolchain: its command, its Python language host, its libvirt provider.

It is taken from this machine if it is there, else from the vendor's downloads, else built from
Go modules (see `origins`).
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

from core.command import run
from core.environment import home as home_folder
from core.errors import HalabError
from core.files import is_whole, seal
from core.folders import cache_folder
from core.saying import Say
from hypervisor import gobuild
from hypervisor.origins import Origin, drafted, first_made, first_there, locked
from hypervisor.packages import parse_version, version_of
from hypervisor.plugins import Plugin
from hypervisor.vendor import download

PULUMI_VERSION = "3.259.0"
"""The version of the Python package `pulumi` in requirements.lock."""
PULUMI_ACCEPTED = ((3, 200), (4,))
"""Versions of a Pulumi found on PATH that will do: from the first, below the second."""
LIBVIRT_VERSION = "0.5.4"
"""The version of the Python package `pulumi-libvirt`; its last."""
LANGUAGE_HOST = "pulumi-language-python"
WHAT = "the Pulumi toolchain"

_PLUGIN = Plugin("libvirt", LIBVIRT_VERSION)


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


def find_toolchain() -> Toolchain | None:
    """Return a toolchain that is there already; changes nothing."""
    return first_there(lambda origin: _on_path() if origin == "path" else _cached(origin))


def ensure_toolchain(report: Say) -> Toolchain:
    """Return a toolchain; download or build it when there is none.

    A build takes about 9 minutes on two cores, once. May install Debian's Go (see
    `packages.ensure_packages`).
    Raises HalabError with the reason of every way that failed.
    """
    found = find_toolchain()
    if found:
        return found
    with locked(_cache(), "the toolchain", report):
        # Whoever held the lock may have made it.
        found = find_toolchain()
        return found or first_made(
            WHAT,
            lambda origin: _on_path() if origin == "path" else _made(origin, report),
            report,
        )


def build_key() -> str:
    """Return the digest of everything that a built toolchain is made from."""
    digest = hashlib.sha256(f"{PULUMI_VERSION} {LIBVIRT_VERSION} {platform.machine()}".encode())
    recipe = (*gobuild.flags(PULUMI_VERSION), *gobuild.SDK_SCRIPTS)
    digest.update(" ".join(recipe).encode())
    for module in gobuild.MODULES:
        gobuild.digest_sources(module, digest)
    return digest.hexdigest()[:12]


def _cache() -> Path:
    return cache_folder() / "toolchain"


def _folder(origin: Origin) -> Path:
    key = build_key() if origin == "build" else f"{PULUMI_VERSION}-{LIBVIRT_VERSION}"
    return _cache() / f"{origin}-{key}"


def _in_folder(folder: Path, origin: Origin) -> Toolchain:
    return Toolchain(folder / "bin" / "pulumi", folder / "bin", folder / "home", origin)


def _programs(made: Toolchain) -> tuple[Path, ...]:
    return made.pulumi, made.bin_folder / LANGUAGE_HOST, made.home / _PLUGIN.place


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
    _PLUGIN.own(home)
    return Toolchain(pulumi, pulumi.parent, home, "path")


def _made(origin: Origin, report: Say) -> Toolchain:
    folder = _folder(origin)
    with drafted(folder) as draft:
        made = _in_folder(draft, origin)
        if origin == "download":
            download(PULUMI_VERSION, LIBVIRT_VERSION, made.bin_folder, made.home, report)
        else:
            scratch = draft / "source"
            gobuild.build(
                PULUMI_VERSION, made.home / _PLUGIN.place, made.bin_folder, scratch, report
            )
            shutil.rmtree(scratch)
        _verify(made)
        seal(draft, _programs(made))
    return _in_folder(folder, origin)


def _verify(made: Toolchain) -> None:
    said = run([made.pulumi, "version"], env=made.environment()).stdout.strip()
    if parse_version(said) != parse_version(PULUMI_VERSION):
        raise HalabError(f"the new pulumi says it is {said}, not {PULUMI_VERSION}")
    _PLUGIN.checked(made.home / _PLUGIN.place)
    if not os.access(made.bin_folder / LANGUAGE_HOST, os.X_OK):
        raise HalabError(f"the new toolchain has no {LANGUAGE_HOST}")
