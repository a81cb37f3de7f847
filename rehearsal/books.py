"""Reads moto's books: what they say shall be there. moto itself makes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from rehearsal.wanted import Guest, Port, Rule, Subnet, Volume, Wanted

EVERYTHING = "-1"

TERMINATED = "terminated"
"""AWS's word for an instance that is no more, and is listed for a while."""


def read(backend: Any) -> Wanted:
    """Return what the books of an account's EC2 in one region say."""
    instances = [each for each in backend.all_instances() if each.state != TERMINATED]
    return Wanted(
        subnets=tuple(
            Subnet(each.id, IPv4Network(each.cidr_block), _table(backend, each))
            for zone in backend.subnets.values()
            for each in zone.values()
        ),
        routes={
            table.id: {
                IPv4Network(route.destination_cidr_block): route.interface.id
                for route in table.routes
                if route.interface and route.destination_cidr_block
            }
            for table in backend.route_tables.values()
        },
        rules=tuple(_rules(backend)),
        volumes=tuple(
            Volume(each.id, int(each.size), bool(each.multi_attach_enabled), _places(each))
            for each in backend.volumes.values()
            if not any(_is_system(at.instance, at.device) for at in each.attachments)
        ),
        guests=tuple(_guest(backend, each) for each in instances),
    )


def _guest(backend: Any, instance: Any) -> Guest:
    sizes = [
        block.size
        for device, block in instance.block_device_mapping.items()
        if _is_system(instance, device)
    ]
    ports = {index: _port(each) for index, each in instance.nics.items()}
    return Guest(instance.id, int(sizes[0]), ports)


def _is_system(instance: Any, device: str) -> bool:
    # moto calls it sda1 where nobody said anything about it, whatever the image says.
    return device in ("/dev/sda1", instance.root_device_name)


def _places(volume: Any) -> dict[str, str]:
    return {each.instance.id: each.device for each in volume.attachments}


def _port(interface: Any) -> Port:
    first = IPv4Address(interface.private_ip_address)
    others = [IPv4Address(each["PrivateIpAddress"]) for each in interface.private_ip_addresses]
    return Port(
        id=interface.id,
        mac=interface.mac_address,
        subnet=interface.subnet.id,
        addresses=tuple(dict.fromkeys((first, *others))),
        groups=tuple(sorted(group.id for group in interface.group_set)),
        checked=bool(interface.source_dest_check),
        public=IPv4Address(interface.public_ip) if interface.public_ip else None,
    )


def _table(backend: Any, subnet: Any) -> str:
    """Return the route table of a subnet: its own, or the main one of its cloud."""
    tables = [each for each in backend.route_tables.values() if each.vpc_id == subnet.vpc_id]
    own = [each.id for each in tables if subnet.id in each._associations.values()]
    main = [each.id for each in tables if each.main_association_id]
    return str((*own, *main)[0])


def _rules(backend: Any) -> Iterator[Rule]:
    for groups in backend.groups.values():
        for group in groups.values():
            for rule in (*group.ingress_rules, *group.egress_rules):
                peers = rule.source_group.get("GroupId")
                if peers or rule.cidr_ipv4:
                    yield Rule(
                        group=group.id,
                        egress=rule in group.egress_rules,
                        protocol=None if rule.ip_protocol == EVERYTHING else rule.ip_protocol,
                        first=rule.from_port,
                        last=rule.to_port,
                        network=IPv4Network(rule.cidr_ipv4) if rule.cidr_ipv4 else None,
                        peers=peers,
                    )
