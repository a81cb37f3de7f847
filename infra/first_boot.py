"""What a plain image of Debian makes of a machine at its first boot, by cloud-init.

It has nothing secret in it: every process of an instance can read what that is started with.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from infra.aws_tags import UNTIL
from labs.addressing import MachinePlan, interfaces
from labs.model import Lab
from labs.roles import MachineRole, NetworkRole

RESOLVER = IPv4Address("169.254.169.253")
"""Where instances ask for names in any VPC (Amazon's DNS server, VPC user guide)."""

ONCE = ("cloud-init-per", "instance", "halab-network", "sh", "-c")
"""Runs once in an instance's life what follows; `bootcmd` by itself does at every boot."""

PROGRAM = "/usr/local/lib/halab-until.py"
LEAVING_S = 300
"""Seconds that nodes have for leaving their cluster before the monitor goes."""

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    undefined=StrictUndefined,
    autoescape=False,
    keep_trailing_newline=True,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True)
class _Nic:
    """An interface as systemd-networkd shall know it; only one of a machine's has a gateway."""

    name: str
    mac: str
    address: IPv4Interface
    gateway: IPv4Address | None


def user_data(lab: Lab, plan: MachinePlan, macs: Mapping[NetworkRole, str]) -> str:
    """Return the machine's user data; `macs` are the hardware addresses of its interfaces.

    Interfaces are named by these before sshd starts, the ones that are attached later as they
    come. root is let in with the lab's key, where Debian would send people to another user.
    The host key is the machine's own: it shows the public half on its console
    (`infra.console_key`). It looks every minute whether it shall switch itself off.
    """
    told = {
        "hostname": plan.name,
        "fqdn": plan.name,
        "preserve_hostname": False,
        # halab's own software writes it, and Debian's images do so at every boot.
        "manage_etc_hosts": False,
        "disable_root": False,
        "ssh_genkeytypes": ["ed25519"],
        "bootcmd": [[*ONCE, naming(lab, plan, macs)]],
        "write_files": [
            {"path": path, "content": content}
            for path, content in {**_ending(plan), **_host_key()}.items()
        ],
        "runcmd": [
            # The earliest time: who goes away while software is brought shall not pay for ever.
            ["systemctl", "enable", "--now", "halab-until.service", "halab-until.timer"],
            # It lasts a minute, for which nobody has to wait.
            ["systemctl", "enable", "halab-host-key.service"],
            ["systemctl", "start", "--no-block", "halab-host-key.service"],
            # The last thing of all: systemd leaves out what is left of it as soon as it sees this.
            # At later boots it would ask for addresses and metadata again, and take from a node
            # the processor with which that joins its cluster.
            ["touch", "/etc/cloud/cloud-init.disabled"],
        ],
    }
    return f"#cloud-config\n{json.dumps(told)}\n"


def _ending(plan: MachinePlan) -> dict[str, str]:
    """Return the files by which a machine switches itself off at its end, by their paths.

    The monitor stays for a while: the quorum device's vote counts until all nodes have left.
    """
    here = Path(__file__).parent
    service = TEMPLATES.get_template("until.service.j2").render(
        program=PROGRAM,
        tag=UNTIL,
        later_s=LEAVING_S if plan.role is MachineRole.MONITOR else 0,
    )
    return {
        PROGRAM: (here / "programs/switch_off.py").read_text(),
        "/etc/systemd/system/halab-until.service": service,
        "/etc/systemd/system/halab-until.timer": (here / "until.timer").read_text(),
    }


def _host_key() -> dict[str, str]:
    """Return the files by which a machine shows its host key at every boot, by their paths."""
    here = Path(__file__).parent
    return {
        "/usr/local/lib/halab-host-key.sh": (here / "programs/show_host_key.sh").read_text(),
        "/etc/systemd/system/halab-host-key.service": (here / "host-key.service").read_text(),
    }


def naming(lab: Lab, plan: MachinePlan, macs: Mapping[NetworkRole, str]) -> str:
    """Return the shell text that gives a machine's interfaces their names and addresses."""
    nics = [
        _Nic(
            name=nic.name,
            mac=macs[role],
            address=nic.address,
            gateway=lab.platform.router(nic.address) if role is NetworkRole.MANAGEMENT else None,
        )
        for role, nic in interfaces(lab, plan).items()
        if role in macs
    ]
    return TEMPLATES.get_template("first-boot.sh.j2").render(nics=nics, resolver=RESOLVER)
