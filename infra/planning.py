"""From a lab definition and where it runs to the inventory that software is built from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path

from core.errors import HalabError
from core.folders import LabFolder
from infra.host_keys import HostKey
from inventory.cloud import Cloud
from inventory.model import FENCING, Firewall, Interface, Inventory, Machine, Monitoring, Ssh
from inventory.parts import Service, Storage
from inventory.record import CloudRecord, LabRecord, load_inventory
from labs.addressing import MachinePlan, NicPlan, hypervisor_address, interfaces, machines
from labs.model import Lab
from labs.roles import NetworkRole


def plan_inventory(
    lab: Lab, record: LabRecord, folder: LabFolder, host_keys: Mapping[str, HostKey]
) -> Inventory:
    """Return the inventory of a lab whose machines get addresses and host keys from halab."""
    return _inventory(
        lab,
        tuple(
            _machine(
                lab,
                plan,
                Ssh(
                    host=str(interfaces(lab, plan)[NetworkRole.MANAGEMENT].address.ip),
                    key_file=folder.ssh_key,
                    known_hosts=folder.known_hosts,
                    host_key=host_keys[plan.name].public,
                    proxy_command=record.proxy_command,
                ),
            )
            for plan in machines(lab)
        ),
        # A libvirt of somebody else's may be on another host: connections then come from there
        # or from here, depending on the person's routes.
        platform=hypervisor_address(lab) if record.private else None,
        accelerated=record.accelerated,
    )


@dataclass(frozen=True)
class Made:
    """What a cloud made of a machine, known once it is there.

    `instance` is its id, `public` an address of it that the world reaches, and `host_key` the
    public half of its ssh host key.
    """

    instance: str
    public: str
    host_key: str


def plan_cloud_inventory(
    lab: Lab, record: CloudRecord, folder: LabFolder, made: Mapping[str, Made], route_table: str
) -> Inventory:
    """Return the inventory of a lab in a cloud; `made` are its machines, by name.

    `route_table` is the one that leads to floating addresses.
    """
    plans = machines(lab)
    return _inventory(
        lab,
        tuple(_machine(lab, plan, _cloud_ssh(record, folder, made[plan.name])) for plan in plans),
        # Who manages machines has no address of their network; the cloud's own rules let only him.
        platform=None,
        accelerated=record.accelerated,
        cloud=Cloud(
            region=record.region,
            instances={name: made[name].instance for name in lab.nodes.names},
            route_table=route_table,
            endpoint=record.seen_from_machines,
        ),
    )


def _cloud_ssh(record: CloudRecord, folder: LabFolder, made: Made) -> Ssh:
    return Ssh(
        host=made.public,
        key_file=folder.ssh_key,
        known_hosts=folder.known_hosts,
        host_key=made.host_key,
        proxy_command=record.proxy_command,
    )


def check_numbers(lab: Lab, folder: LabFolder) -> None:
    """Raise HalabError when a machine that exists would have another number, thus addresses."""
    if not folder.inventory.exists():
        return
    wanted = {plan.name: plan.number for plan in machines(lab)}
    for machine in load_inventory(folder).machines:
        number = wanted.get(machine.name, machine.number)
        if number != machine.number:
            raise HalabError(
                f"{machine.name} has number {machine.number} in lab {lab.name!r}, and would have "
                f"{number} by its place among the names",
                hint="a machine's addresses follow from its number: "
                f"`./halab down {lab.name}`, then `up`; the lab's data go",
            )


def sketch(lab: Lab, *, accelerated: bool = True) -> Inventory:
    """Return the inventory of a lab that nobody has built: its machines cannot be reached.

    `accelerated` says whether guests would run on KVM, which its timeouts follow from.
    """
    nowhere = Ssh(host="", key_file=Path(), known_hosts=Path())
    plans = tuple(_machine(lab, plan, nowhere) for plan in machines(lab))
    return _inventory(lab, plans, platform=None, accelerated=accelerated, cloud=_unknown_cloud(lab))


def _unknown_cloud(lab: Lab) -> Cloud | None:
    """Return a lab's place in its cloud, if it has one, with ids that nothing has."""
    if lab.platform.region is None:
        return None
    return Cloud(
        region=lab.platform.region,
        instances={name: f"i-{name}" for name in lab.nodes.names},
        route_table="rtb-service",
        endpoint=lab.platform.seen_endpoint,
    )


def _inventory(
    lab: Lab,
    machines: tuple[Machine, ...],
    *,
    platform: IPv4Address | None,
    accelerated: bool,
    cloud: Cloud | None = None,
) -> Inventory:
    return Inventory(
        lab=lab.name,
        machines=machines,
        services=_services(lab),
        storage=tuple(
            Storage(
                name=each.name,
                number=number,
                settings=each.settings,
                disk=lab.platform.disk(each.name, lab),
            )
            for number, each in enumerate(lab.storage)
        ),
        fencing=FENCING[lab.fencing.kind],
        addresses=lab.platform.addresses,
        cloud=cloud,
        quorum=lab.quorum,
        capacity=lab.nodes.capacity,
        firewall=Firewall(
            enabled=lab.firewall.enabled,
            platform=platform,
            allow=lab.firewall.allow,
        ),
        timing=lab.timing(accelerated),
        monitoring=Monitoring(interval_s=lab.monitoring.interval_s)
        if lab.monitoring.enabled
        else None,
    )


def _services(lab: Lab) -> tuple[Service, ...]:
    prefix = lab.networks.service.prefixlen
    return tuple(
        Service(
            name=each.name,
            number=number,
            addresses=tuple(IPv4Interface(f"{address}/{prefix}") for address in each.addresses),
            settings=each.settings,
        )
        for number, each in enumerate(lab.services)
    )


def _machine(lab: Lab, plan: MachinePlan, ssh: Ssh) -> Machine:
    nics = interfaces(lab, plan)
    return Machine(
        name=plan.name,
        role=plan.role,
        number=plan.number,
        interfaces={role: _interface(lab, role, nic) for role, nic in nics.items()},
        ssh=ssh,
    )


def _interface(lab: Lab, role: NetworkRole, nic: NicPlan) -> Interface:
    router = lab.platform.router(nic.address)
    whole = lab.networks.subnet(lab.platform.carrier(role))
    return Interface(
        name=nic.name, address=nic.address, network=whole if router else None, router=router
    )
