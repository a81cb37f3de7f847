"""A lab grows by a node and shrinks again while clients are served, and keeps nothing of it."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.command import run
from core.folders import LabFolder
from drills.clock import LabClock
from drills.faults.base import run_on
from drills.site import Site
from hypervisor.objects import Virsh
from inventory.model import Inventory
from inventory.record import load_inventory, load_record, save
from labs.roles import NetworkRole
from machines.remote import Remote
from parts.budget import budget
from parts.pacemaker import NEW_NOTE, NEW_START
from parts.secrets import load_secrets
from provisioning.zabbix.api import session
from status.collect import collect
from updates.outage import Clients, Stretch, allowances

pytestmark = [pytest.mark.thorough, pytest.mark.needs("everywhere", "scalable")]

NEW = "node4"

CHANGED_S = 1800
"""Seconds: several times what a machine takes to be made and to join in emulation."""

PLACES = (
    "/etc/corosync /etc/hosts /etc/halab /etc/haproxy /etc/default /etc/systemd/system "
    "/run/halab /var/lib/halab /var/lib/pacemaker/cib/cib.xml"
)
"""Where a node could be named on others."""

FORMER = "--exclude-dir=reserve --exclude=reserve.img --exclude=firewall.before"
"""What is kept of how things were: Pacemaker's former CIBs, and the rules to go back to."""


@dataclass
class Lab:
    """The lab under test, whose definition is a file that may change."""

    folder: LabFolder
    file: Path
    original: str

    def become(self, text: str) -> None:
        """Bring the lab to another definition, as a person does."""
        self.file.write_text(text)
        run([sys.executable, "-P", "-m", "cli", "up", str(self.file)], timeout=CHANGED_S)

    def grown(self, quorum: str) -> str:
        """Return its definition with a node more, and who decides then."""
        names = ", ".join(f'"{node.name}"' for node in load_inventory(self.folder).nodes)
        text = re.sub(r"^names = .*$", f'names = [{names}, "{NEW}"]', self.original, flags=re.M)
        return f'{text}\n[quorum]\nkind = "{quorum}"\n'

    @property
    def inventory(self) -> Inventory:
        """The lab as it is now."""
        return load_inventory(self.folder)


@pytest.fixture
def lab(folder: LabFolder, tmp_path: Path) -> Iterator[Lab]:
    """Return the lab, healthy; it goes back to its own definition and to where that stands."""
    record, made = load_record(folder), Lab(folder, tmp_path.resolve() / "lab.toml", "")
    made.original = folder.applied.read_text()
    save(folder.record, record.model_copy(update={"source": str(made.file)}))
    try:
        made.become(made.original)
        yield made
        made.become(made.original)
    finally:
        now = load_record(folder)
        save(folder.record, now.model_copy(update={"source": record.source}))


@pytest.mark.parametrize("quorum", ["majority", "device"])
def test_a_node_comes_and_goes_while_clients_are_served(
    lab: Lab, quorum: str, tell: Callable[[str], None]
) -> None:
    site = Site.of(lab.folder)
    clock = LabClock(site.inventory.monitor)
    boots = {node.name: node.boot_id for node in collect(site.inventory).nodes}
    moves_s = {part.service.name: budget(part).move_s for part in site.parts.public}
    allowed_s = allowances(site.parts, moves_s)
    stretches = []
    with Clients(site) as clients:
        for what, text in (("comes", lab.grown(quorum)), ("goes", lab.original)):
            began = clock.now()
            lab.become(text)
            stretches.append(Stretch(f"{NEW} {what}", began, clock.now(), allowed_s))
            if what == "comes":
                require_at_work(lab)
        account = clients.account(stretches)
    for silence in account.silences:
        tell(str(silence))
        assert silence.kept, str(silence)
    assert account.books == {} or account.kept
    require_gone(lab)
    status = collect(lab.inventory)
    assert status.healthy, status.summary()
    # No machine was made anew, and none was fenced.
    assert {node.name: node.boot_id for node in status.nodes} == boots


def require_at_work(lab: Lab) -> None:
    """Fail unless the new node has the address that is at home there, and all that others have."""
    inventory = lab.inventory
    new, status = inventory.machine(NEW), collect(inventory)
    assert status.healthy, status.summary()
    homes = {
        address: node
        for service in inventory.services
        for address, node in inventory.homes(service).items()
    }
    held = run_on(new, "ip -brief address show dev svc")
    for address, node in homes.items():
        assert (f"{address}/" in held) == (node == NEW), held
    assert f"\t{NEW}\tclear" in run_on(inventory.nodes[0], f"sbd -d {inventory.fencing_disk} list")
    for machine in inventory.machines:
        assert NEW in run_on(machine, f"getent hosts {NEW}")
    assert NEW in monitored(lab)
    # It starts as the others do from now on.
    assert run_on(new, f"ls {NEW_NOTE} {NEW_START} 2>/dev/null || :") == ""


def require_gone(lab: Lab) -> None:
    """Fail with every place where something of the node is left."""
    inventory = lab.inventory
    management = inventory.nodes[0].interfaces[NetworkRole.MANAGEMENT].address
    address = str(management.network.network_address + len(inventory.nodes) + 1)
    pattern = re.escape(address)
    left = []
    for machine in inventory.machines:
        for what, command in (
            ("files", f"grep -rlwE {FORMER} '{NEW}|{pattern}' {PLACES} 2>/dev/null || :"),
            ("rules", f"nft list ruleset | grep -wF {address} || :"),
        ):
            if found := run_on(machine, command).strip():
                left.append(f"{machine.name}, {what}: {found}")
    for node in inventory.nodes:
        for command in (
            "cibadmin --query --local",
            "crm_node --list",
            f"sbd -d {inventory.fencing_disk} list",
            "corosync-cmapctl nodelist.",
        ):
            if NEW in run_on(node, command):
                left.append(f"{node.name}: {command}")
    assert not left, "\n".join(left)
    assert NEW not in monitored(lab)
    assert address not in lab.folder.known_hosts.read_text()
    record = load_record(lab.folder)
    assert NEW not in record.domains
    virsh = Virsh(record.uri)
    assert f"{record.prefix}{NEW}" not in virsh("list", "--all", "--name").split()
    assert NEW not in virsh("vol-list", record.pool_name)


def monitored(lab: Lab) -> set[str]:
    """Return the hosts that Zabbix watches; in a lab without it, the machines."""
    inventory = lab.inventory
    if inventory.monitoring is None:
        return {machine.name for machine in inventory.machines}
    secrets = load_secrets(lab.folder.secrets)
    with Remote(inventory.monitor) as remote, session(remote, inventory, secrets) as api:
        return {host["host"] for host in api.call("host.get", output=["host"])}
