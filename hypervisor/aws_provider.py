"""Pulumi's provider of AWS: only for labs there, beside the toolchain that all labs have."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from core.errors import HalabError
from core.files import is_whole, seal
from core.folders import cache_folder
from core.saying import Say
from hypervisor import awsbuild
from hypervisor.origins import Origin, drafted, first_made, first_there, locked
from hypervisor.plugins import Plugin
from hypervisor.toolchain import PULUMI_VERSION, Toolchain
from hypervisor.vendor import install_plugin

VERSION = "7.51.1"
"""The version of the Python package `pulumi-aws` in requirements-aws.lock."""
_PLUGIN = Plugin("aws", VERSION)

DOWNLOAD_TIMEOUT_S = 1800
"""Seconds for the vendor's plugin, which is one of the largest. Where its server has no address,
Pulumi gives up after 3 s."""


def find_provider(toolchain: Toolchain) -> Path | None:
    """Return the provider's program if it is there already; changes nothing."""

    def find(origin: Origin) -> Path:
        return _PLUGIN.own(toolchain.home) if origin == "path" else _cached(origin)

    return first_there(find)


def ensure_provider(toolchain: Toolchain, report: Say) -> Path:
    """Return the provider's program; download or build it when it is not there.

    Raises HalabError with the reason of every way that failed.
    """
    found = find_provider(toolchain)
    if found:
        return found

    def make(origin: Origin) -> Path:
        if origin == "path":
            return _PLUGIN.own(toolchain.home)
        return _made(origin, toolchain, report)

    with locked(_cache(), "the AWS provider", report):
        # Whoever held the lock may have made it.
        found = find_provider(toolchain)
        return found or first_made("Pulumi's AWS provider", make, report)


def with_provider(toolchain: Toolchain, provider: Path) -> dict[str, str]:
    """Return the environment variables with which Pulumi finds the toolchain and the provider.

    On PATH it stands before all other places, and no folder of plugins, which a person may have
    for all his projects, gets one that knows but a part of AWS.
    """
    environment = toolchain.environment()
    return {**environment, "PATH": f"{provider.parent}{os.pathsep}{environment['PATH']}"}


def _cache() -> Path:
    return cache_folder() / "provider-aws"


def _folder(origin: Origin) -> Path:
    key = awsbuild.build_key(PULUMI_VERSION) if origin == "build" else VERSION
    return _cache() / f"{origin}-{key}"


def _cached(origin: Origin) -> Path:
    """Return the program that was made and tried once; raises HalabError unless it is whole."""
    folder = _folder(origin)
    provider = folder / _PLUGIN.place
    if not provider.exists():
        raise HalabError(f"not in {folder}")
    if not is_whole(folder, [provider]):
        raise HalabError(f"damaged in {folder}")
    return provider


def _made(origin: Origin, toolchain: Toolchain, report: Say) -> Path:
    with drafted(_folder(origin)) as draft:
        provider = draft / _PLUGIN.place
        if origin == "download":
            report("downloading Pulumi's AWS plugin")
            install_plugin(toolchain.pulumi, draft, _PLUGIN.name, VERSION, DOWNLOAD_TIMEOUT_S)
        else:
            scratch = draft / "source"
            awsbuild.build(PULUMI_VERSION, provider, scratch, report)
            shutil.rmtree(scratch)
        _PLUGIN.checked(provider)
        seal(draft, [provider])
    return _cached(origin)
