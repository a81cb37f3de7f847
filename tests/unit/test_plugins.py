"""Pulumi's providers: a person's own is used in its own version alone, and found in one way."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import HalabError
from hypervisor.plugins import Plugin

LIBVIRT, AWS = Plugin("libvirt", "0.5.4"), Plugin("aws", "7.51.1")


def put(path: Path, says: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs, in front of those of the system."""
    folder = tmp_path / "bin"
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


@pytest.mark.parametrize("plugin", [LIBVIRT, AWS])
def test_what_stands_among_pulumis_plugins_comes_before_what_is_on_the_path(
    plugin: Plugin, path: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    on_path = put(path / f"pulumi-resource-{plugin.name}", f"v{plugin.version}")
    assert plugin.own(home) == on_path
    place = f"plugins/resource-{plugin.name}-v{plugin.version}/pulumi-resource-{plugin.name}"
    at_home = put(home / place, plugin.version)
    assert plugin.own(home) == at_home


@pytest.mark.parametrize("plugin", [LIBVIRT, AWS])
def test_another_version_or_none_is_told_with_what_would_do(
    plugin: Plugin, path: Path, tmp_path: Path
) -> None:
    with pytest.raises(HalabError, match=f"no {plugin.name} provider {plugin.version}") as none:
        plugin.own(tmp_path)
    assert none.value.hint == f"pulumi plugin install resource {plugin.name} {plugin.version}"
    put(path / f"pulumi-resource-{plugin.name}", "v1.2.3")
    with pytest.raises(HalabError, match=f"is not version {plugin.version}"):
        plugin.own(tmp_path)
