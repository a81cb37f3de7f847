"""A lab that a node comes to and leaves again, and what has to be so then."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.command import start
from core.folders import LabFolder
from drills.faults.base import run_on
from hypervisor.objects import Virsh
from inventory.model import Inventory
from inventory.record import load_inventory, load_record, save
from labs.loading import load
from labs.roles import NetworkRole
from machines.remote import Remote
from parts.pacemaker import NEW_NOTE, NEW_START
from parts.secrets import load_secrets
from provisioning.zabbix.api import session
from status.collect import collect
from tests.failover.command import HALAB, halab

CHANGED_S = 1800
"""Seconds: several times what a machine takes to be made and to join in emulation."""

VOTER = """version = 1
name = "{lab}"

[nodes]
names = [{carriers}, "{new}"]
data_disk_mib = {size}

[services.web]
kind = "nginx"
storage = "data"

[storage.data]
kind = "drbd"
nodes = [{carriers}]

[quorum]
kind = "majority"
"""

PLACES = (
    "/etc/corosync /etc/hosts /etc/halab /etc/haproxy /etc/default /etc/systemd/system "
    "/run/halab /var/lib/halab /var/lib/pacemaker/cib/cib.xml"
)
"""Where a node could be named on others."""

FORMER = "--exclude-dir=reserve --exclude=reserve.img --exclude=firewall.before"
"""What is kept of how things were: Pacemaker's former CIBs, and the rules to go back to."""


@dataclass
class Lab:
    """The lab under test, whose definition is a file that may change; `new` is who comes."""

    folder: LabFolder
    file: Path
    original: str
    new: str

    def become(self, text: str) -> str:
        """Bring the lab to another definition, as a person does; return what `up` says."""
        self.file.write_text(text)
        done = halab("up", str(self.file), timeout=CHANGED_S)
        return done.stdout + done.stderr

    def begin(self, text: str, moment: str) -> None:
        """Begin to bring the lab to another definition; halab is killed when it says `moment`."""
        self.file.write_text(text)
        with start(
            [*HALAB, "up", str(self.file)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            assert process.stdout is not None
            told = []
            for line in process.stdout:
                told.append(line)
                if moment in line:
                    process.kill()
                    return
        raise AssertionError(f"it never said {moment!r}:\n{''.join(told)}")

    def grown(self, quorum: str) -> str:
        """Return its definition with a node more, and who decides then."""
        names = [node.name for node in self.inventory.nodes]
        return grown(self.original, [*names, self.new], quorum)

    @property
    def inventory(self) -> Inventory:
        """The lab as it is now."""
        return load_inventory(self.folder)


def grown(text: str, names: Sequence[str], quorum: str) -> str:
    """Return a definition, which may name no nodes and no quorum, with these nodes."""
    wanted = "names = [{}]".format(", ".join(f'"{name}"' for name in names))
    named, count = re.subn(r"^names = .*$", wanted, text, flags=re.M)
    nodes = "" if count else f"\n[nodes]\n{wanted}\n"
    return f'{named}{nodes}\n[quorum]\nkind = "{quorum}"\n'


def with_a_voter(file: Path, new: str) -> str:
    """Return a definition of nginx on a replicated disk with a node more, which has no copy."""
    lab = load(str(file))
    carriers = ", ".join(f'"{name}"' for name in lab.nodes.names)
    return VOTER.format(lab=lab.name, carriers=carriers, new=new, size=lab.nodes.data_disk_mib)


@contextmanager
def changeable(folder: LabFolder, file: Path) -> Iterator[Lab]:
    """Yield a lab, healthy; it goes back to its own definition and to where that stands.

    `file` is where its definition is meanwhile.
    """
    record, count = load_record(folder), len(load_inventory(folder).nodes)
    made = Lab(folder, file, folder.applied.read_text(), f"node{count + 1}")
    save(folder.record, record.model_copy(update={"source": str(file)}))
    try:
        made.become(made.original)
        yield made
        made.become(made.original)
    finally:
        now = load_record(folder)
        save(folder.record, now.model_copy(update={"source": record.source}))


def require_at_work(lab: Lab) -> None:
    """Fail unless the new node has the address that is at home there, and all that others have."""
    inventory = lab.inventory
    new, status = inventory.machine(lab.new), collect(inventory)
    assert status.healthy, status.summary()
    homes = {
        address: node
        for service in inventory.services
        for address, node in inventory.homes(service).items()
    }
    held = run_on(new, "ip -brief address show dev svc")
    for address, node in homes.items():
        assert (f"{address}/" in held) == (node == lab.new), held
    assert f"\t{lab.new}\tclear" in run_on(
        inventory.nodes[0], f"sbd -d {inventory.fencing_disk} list"
    )
    for machine in inventory.machines:
        assert lab.new in run_on(machine, f"getent hosts {lab.new}")
    assert lab.new in monitored(lab)
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
            ("files", f"grep -rlwE {FORMER} '{lab.new}|{pattern}' {PLACES} 2>/dev/null || :"),
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
            if lab.new in run_on(node, command):
                left.append(f"{node.name}: {command}")
    assert not left, "\n".join(left)
    assert lab.new not in monitored(lab)
    assert address not in lab.folder.known_hosts.read_text()
    record = load_record(lab.folder)
    assert lab.new not in record.domains
    virsh = Virsh(record.uri)
    assert f"{record.prefix}{lab.new}" not in virsh("list", "--all", "--name").split()
    assert lab.new not in virsh("vol-list", record.pool_name)


def monitored(lab: Lab) -> set[str]:
    """Return the hosts that Zabbix watches; in a lab without it, the machines."""
    inventory = lab.inventory
    if inventory.monitoring is None:
        return {machine.name for machine in inventory.machines}
    secrets = load_secrets(lab.folder.secrets)
    with Remote(inventory.monitor) as remote, session(remote, inventory, secrets) as api:
        return {host["host"] for host in api.call("host.get", output=["host"])}
