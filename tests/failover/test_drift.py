"""Somebody changes things inside the machines that no cluster repairs by itself; `up` does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.folders import LabFolder
from drills.faults.base import run_on
from drills.site import Site
from hypervisor.reset import can_reset
from hypervisor.toolchain import find_toolchain
from infra.engine import Engine
from inventory.model import Inventory
from parts.all import Parts
from parts.quorum import device
from parts.secrets import load_secrets
from parts.system.firewall import RULES
from provisioning.drift import find_drift
from status.collect import collect
from status.health import wait_healthy

ON_THE_ACTIVE_NODE = "crm_attribute --type crm_config --name stonith-enabled --update false"
ON_ANOTHER = """
nft flush ruleset
rm -f {files}
printf x >/etc/corosync/authkey
sysctl -qw net.ipv4.ip_forward=1
systemctl disable --now --quiet chrony
"""
ON_THE_MONITOR = """
systemctl disable --now --quiet {unit}
systemctl mask --quiet {unit}
systemctl stop zabbix-agent2
"""


@pytest.fixture
def engine(folder: LabFolder, inventory: Inventory) -> Iterator[Engine]:
    if can_reset(folder):
        Site.of(folder).reset(print)
    wait_healthy(inventory, inventory.timing.healthy_wait_s)
    toolchain = find_toolchain()
    assert toolchain is not None
    made = Engine(folder, toolchain.environment())
    made.prepare()
    yield made


def test_what_was_changed_by_hand_is_seen_and_mended(
    engine: Engine, folder: LabFolder, inventory: Inventory, parts: Parts
) -> None:
    secrets = load_secrets(folder.secrets)
    assert find_drift(inventory, secrets) == {}
    provisioned = folder.inventory.stat().st_mtime_ns

    active, *_ = collect(inventory).service(parts.first_service.service.name).nodes
    another, *_ = [node for node in inventory.nodes if node.name != active]
    rules = (RULES,) if inventory.firewall.enabled else ()
    copies = (storage for storage in parts.replicas.values() if storage.is_carrier(another))
    files = (*rules, *(storage.configuration for storage in copies))
    # Whatever a lab is made of, its monitor tells the time.
    unit = device.SERVER if inventory.quorum == "device" else "chrony.service"
    run_on(inventory.machine(active), ON_THE_ACTIVE_NODE)
    run_on(another, ON_ANOTHER.format(files=" ".join(files)))
    run_on(inventory.monitor, ON_THE_MONITOR.format(unit=unit))

    drift = find_drift(inventory, secrets)
    assert {active, another.name, inventory.monitor.name} <= set(drift)
    for bystander in set(drift) - {another.name, inventory.monitor.name}:
        # The cluster's configuration is every node's.
        assert drift[bystander] == drift[active]
    assert [(step.what, step.name) for step in engine.preview()] == [("update", "software")]

    engine.up(lambda _: None)
    assert find_drift(inventory, secrets) == {}
    wait_healthy(inventory, inventory.timing.healthy_wait_s)
    # The lab is what it was: its snapshots still fit.
    assert folder.inventory.stat().st_mtime_ns == provisioned
