"""Pulumi without an engine: every resource is recorded as it would be registered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks

from infra.host_keys import HostKey
from inventory.record import Boot, LabRecord
from labs.loading import load
from labs.model import Lab
from labs.roles import MachineRole

NAMES = ("node1", "node2", "node3", "node4", "monitor")
HOST_KEYS = {name: HostKey(Path(f"/keys/{name}"), f"ssh-ed25519 {name}") for name in NAMES}


class Recorder(Mocks):
    """Remembers resources by type and name; an id is the name with its type."""

    def __init__(self) -> None:
        self.resources: dict[tuple[str, str], dict[str, Any]] = {}

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        self.resources[args.typ, args.name] = args.inputs
        return f"id of {args.name}", args.inputs

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        raise AssertionError(f"the program asked a provider for {args.token}")

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the inputs of all libvirt resources of one kind, by name."""
        return {
            name: inputs
            for (found, name), inputs in self.resources.items()
            if found.startswith("libvirt:") and found.endswith(f":{kind}")
        }


@pytest.fixture
def recorder() -> Recorder:
    mocks = Recorder()
    pulumi.runtime.set_mocks(mocks, preview=False)
    return mocks


@pytest.fixture
def lab() -> Lab:
    return load("active-passive")


@pytest.fixture
def record(tmp_path: Path) -> LabRecord:
    boot = Boot(
        disk=tmp_path / "disk.qcow2", kernel=tmp_path / "kernel", initrd=tmp_path / "initrd"
    )
    return LabRecord(
        source="active-passive",
        uri="qemu:///system?socket=/nowhere",
        private=True,
        accelerated=False,
        proxy_command="socat - TCP:%h:%p",
        mark="6b7a1c1e-2f0d-4d53-9d7e-3c2b6a9f0e11",
        prefix="",
        pool=tmp_path / "pool",
        boot={role: boot for role in MachineRole},
        domains={name: name for name in NAMES},
    )
