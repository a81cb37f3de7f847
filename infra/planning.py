"""From a lab definition and where it runs to the inventory that software is built from."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Interface

from core.folders import LabFolder
from infra.host_keys import HostKey
from inventory.model import Firewall, Interface, Inventory, Machine, Monitoring, Service, Ssh
from inventory.record import LabRecord
from labs.addressing import MachinePlan, hypervisor_address, interfaces, machines
from labs.model import Lab
from labs.roles import NetworkRole


def plan_inventory(
    lab: Lab, record: LabRecord, folder: LabFolder, host_keys: Mapping[str, HostKey]
) -> Inventory:
    """Return the inventory of a lab whose machines get addresses and host keys from halab."""
    return Inventory(
        lab=lab.name,
        machines=tuple(
            _machine(lab, plan, record, folder, host_keys[plan.name]) for plan in machines(lab)
        ),
        service=Service(
            address=IPv4Interface(
                f"{lab.service.address}/{lab.networks.subnet(NetworkRole.SERVICE).prefixlen}"
            ),
            port=lab.service.port,
        ),
        firewall=Firewall(
            enabled=lab.firewall.enabled,
            # A libvirt of somebody else's may be on another host: connections then come from there
            # or from here, depending on the person's routes.
            platform=hypervisor_address(lab) if record.private else None,
            allow=lab.firewall.allow,
        ),
        timing=lab.timing(record.accelerated),
        monitoring=Monitoring(interval_s=lab.monitoring.interval_s)
        if lab.monitoring.enabled
        else None,
    )


def _machine(
    lab: Lab, plan: MachinePlan, record: LabRecord, folder: LabFolder, host_key: HostKey
) -> Machine:
    nics = interfaces(lab, plan)
    return Machine(
        name=plan.name,
        role=plan.role,
        number=plan.number,
        interfaces={
            role: Interface(name=nic.name, address=nic.address) for role, nic in nics.items()
        },
        ssh=Ssh(
            host=str(nics[NetworkRole.MANAGEMENT].address.ip),
            key_file=folder.ssh_key,
            known_hosts=folder.known_hosts,
            host_key=host_key.public,
            proxy_command=record.proxy_command,
        ),
    )
