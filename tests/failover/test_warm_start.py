"""A lab that was taken away is back within seconds, and nothing opens it that opened it before.

Told last, as the names of these files go: other stories hold the keys that it had.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli.choosing import wanted
from cli.claims import CLAIM
from cli.platforms import prepare
from cli.progress import Progress
from cli.warming import keep
from core.errors import HalabError
from core.folders import LabFolder
from core.saying import Say
from drills.site import Site
from drills.snapshot import Snapshot, snapshot
from hypervisor.kept_labs import KeptLabs
from inventory.model import Inventory, Machine
from inventory.record import load_inventory
from machines.remote import Remote, RemoteUnreachable
from parts.secrets import Secrets, load_secrets
from provisioning.zabbix.api import PasswordRefused, session
from tests.failover.command import halab
from tests.failover.test_reset import offset_of, right

COMMAND_S = 900
"""Seconds: several times what building the lab takes in emulation, if it does not come back."""


@dataclass(frozen=True)
class Former:
    """A lab that was taken away: how it was, and all that opened it."""

    seen: Snapshot
    inventory: Inventory
    secrets: Secrets
    key: Path
    definition: Path


@pytest.fixture
def former(site: Site, folder: LabFolder, tmp_path: Path) -> Iterator[Former]:
    """Keep the lab as `up` has left it, and take it away; whose it is stays."""
    inventory = load_inventory(folder)
    key, definition = tmp_path / "former_key", tmp_path / "lab.toml"
    key.write_bytes(folder.ssh_key.read_bytes())
    key.chmod(0o600)
    definition.write_bytes(folder.definition.read_bytes())
    seen, secrets = snapshot(inventory), load_secrets(folder.secrets)
    keep(prepare(*wanted(inventory.lab), Progress()), Progress())
    claim = folder.path / CLAIM
    whose = claim.read_bytes() if claim.exists() else None
    halab("down", inventory.lab, timeout=COMMAND_S)
    assert not folder.path.exists()
    if whose is not None:
        folder.path.mkdir()
        claim.write_bytes(whose)
    yield Former(seen, inventory, secrets, key, definition)
    KeptLabs().remove(inventory.lab)


def test_a_lab_that_comes_back_opens_to_new_keys_alone(
    former: Former, folder: LabFolder, tell: Say
) -> None:
    began = time.monotonic()
    said = halab("up", str(former.definition), timeout=COMMAND_S).stderr
    tell(f"up from what was kept {time.monotonic() - began:.1f} s")

    assert "warm: done" in said and "warm start failed" not in said
    inventory = load_inventory(folder)
    after = snapshot(inventory)
    assert after.status.healthy, after.status.reasons
    assert after.boots == former.seen.boots
    assert after.fence_events == former.seen.fence_events
    assert after.status.services == former.seen.status.services
    wrong = [machine.name for machine in inventory.machines if not right(offset_of(machine))]
    assert not wrong
    for machine in inventory.machines:
        with pytest.raises(RemoteUnreachable, match="does not accept the key"):
            enter(
                machine.model_copy(
                    update={"ssh": machine.ssh.model_copy(update={"key_file": former.key})}
                )
            )
        with pytest.raises(HalabError, match="does not show its ssh host key"):
            enter(former.inventory.machine(machine.name))
    if inventory.monitoring:
        with Remote(inventory.monitor) as monitor:
            with session(monitor, inventory, load_secrets(folder.secrets)):
                pass
            with pytest.raises(PasswordRefused), session(monitor, inventory, former.secrets):
                pass
    halab("pulumi", inventory.lab, "preview", "--expect-no-changes", timeout=COMMAND_S)


def enter(machine: Machine) -> None:
    with Remote(machine) as remote:
        remote.run("true")
