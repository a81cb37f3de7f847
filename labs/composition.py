"""Rules about what a lab is composed of: services, storage, quorum. Each yields what breaks it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network

from labs.conflicts import Conflict
from labs.ports import DRBD_PORT, HAPROXY_STATISTICS, TAKEN_PORTS
from labs.subnets import floating_addresses, last_address
from labs.tables.machines import MONITOR_NUMBER, Nodes
from labs.tables.quorum import Quorum
from labs.tables.services import PORT_ALLOWED, TO_ALLOWED, AnyService, Nginx, SpreadTable, Web
from labs.tables.storage import AnyStorage

MOST_WEIGHED = 9
"""Floating addresses of a cluster of two in which priorities decide who is fenced: the first counts
5 to the eighth, and Pacemaker takes a million for infinity."""

LEAST_MAJORITY = 3
"""Of fewer, the loss of one leaves no majority."""

SUGGESTED_PORTS = (80, *range(8080, 65536))
"""What to use where a port is taken, the first that is free: web servers' customary ones."""


def balancers(services: Mapping[str, AnyService]) -> dict[str, str]:
    """Return what stands before services, by their names: clients find it in their stead."""
    return {service.passes_to: name for name, service in services.items() if service.passes_to}


def address_count(name: str, services: Mapping[str, AnyService], nodes: Nodes) -> int:
    """Return how many floating addresses a service has."""
    if name in balancers(services):
        return 0
    return len(nodes.names) if services[name].everywhere else 1


def service_said_once(web: Web, services: Mapping[str, AnyService]) -> Iterator[Conflict]:
    """The short form stands for all services."""
    if services and web.model_fields_set:
        yield Conflict(
            keys=("service", "services"),
            value=f"a table beside [services.{next(iter(services))}]",
            allowed="either [service] or tables of [services]",
            hint="[service] is short for a lab with one web server: write it as "
            '[services.web] with kind = "nginx" and storage = "data"',
        )


def storage_fits(
    services: Mapping[str, AnyService], storage: Mapping[str, AnyStorage]
) -> Iterator[Conflict]:
    """Each service finds its storage, and each storage has one service."""
    users = Counter(service.storage for service in services.values())
    for name, service in services.items():
        wanted = service.storage
        if wanted is not None and wanted not in storage:
            known = ", ".join(f'"{each}"' for each in storage)
            yield Conflict(
                keys=(f"services.{name}.storage",),
                value=f'"{wanted}"',
                allowed=f"the name of a [storage] table: {known or 'there is none'}",
                hint=f'write [storage.{wanted}] on a line of its own and kind = "drbd" below it',
                given=(f"storage.{wanted}",),
            )
        elif wanted is not None and service.everywhere and not storage[wanted].together:
            yield Conflict(
                keys=(f"services.{name}.storage", f"services.{name}.runs"),
                value=f'"{wanted}" (runs "everywhere")',
                allowed='storage of a service that runs on "one-node"',
                hint="only one node at a time can use storage of kind "
                f'"{storage[wanted].kind}": leave storage out, or let it be of kind "gfs2"',
            )
        elif wanted is not None and storage[wanted].together and not service.everywhere:
            yield Conflict(
                keys=(f"services.{name}.storage", f"services.{name}.runs"),
                value=f'"{wanted}" (runs on "one-node")',
                allowed=f'storage of kind "{storage[wanted].kind}" of a service that runs '
                '"everywhere"',
                hint="all nodes have it mounted at once, and pay for that: for a service that runs "
                'on one node, kind "shared-disk" does the same for less',
            )
    for name in storage:
        if users[name] != 1:
            said = "no service" if not users[name] else f"{users[name]} services"
            yield Conflict(
                keys=(f"storage.{name}",),
                value=f"storage of {said}",
                allowed="storage of one service",
                hint="remove it"
                if not users[name]
                else f"give each service storage of its own, beside [storage.{name}]",
                given=() if users[name] else ("services.*", "services.*.storage"),
            )


def storage_bears_others(storage: Mapping[str, AnyStorage]) -> Iterator[Conflict]:
    """What nodes use at once shares no node with other disks that they share."""
    shared = [name for name, each in storage.items() if not each.replicated]
    for name in shared:
        others = [other for other in shared if other != name]
        if storage[name].alone and others:
            yield Conflict(
                keys=(f"storage.{name}", f"storage.{others[0]}"),
                value=f"another one beside [storage.{others[0]}]",
                allowed=f'no other disk that nodes share, with "{storage[name].kind}"',
                hint=storage[name].alone,
            )
            return


def disks_suffice(
    storage: Mapping[str, AnyStorage], services: Mapping[str, AnyService], nodes: Nodes
) -> Iterator[Conflict]:
    """A disk has room for what its filesystem and its service keep for themselves, and for data."""
    for name, each in storage.items():
        size_mib = each.size_mib or nodes.data_disk_mib
        users = (service for service in services.values() if service.storage == name)
        neediest = max((each, *users), key=lambda one: one.least_mib)
        if size_mib < neediest.least_mib:
            key = f"storage.{name}.size_mib" if each.size_mib else "nodes.data_disk_mib"
            yield Conflict(
                keys=(key,),
                value=str(size_mib),
                allowed=f'at least {neediest.least_mib}, with "{neediest.kind}"',
                hint=neediest.least_why,
            )


def volumes_have_names(storage: Mapping[str, AnyStorage]) -> Iterator[Conflict]:
    """What makes a disk's volume lets it be called like the storage."""
    for name, each in storage.items():
        for beginning in each.reserved:
            if name.startswith(beginning):
                yield Conflict(
                    keys=(f"storage.{name}",),
                    value=f'"{name}"',
                    allowed=f'a name that does not begin with "{beginning}", with "{each.kind}"',
                    hint=f"{each.title} calls volumes of its own so",
                )


def storage_has_nodes(storage: Mapping[str, AnyStorage], nodes: Nodes) -> Iterator[Conflict]:
    """Replicated storage has as many nodes as replicas: those that it names, or all of the lab."""
    count, known = len(nodes.names), ", ".join(f'"{each}"' for each in nodes.names)
    for name, each in storage.items():
        strangers = [node for node in each.chosen if node not in nodes.names]
        if strangers:
            yield Conflict(
                keys=(f"storage.{name}.nodes", "nodes.names"),
                value=", ".join(f'"{node}"' for node in strangers),
                allowed=f"names of nodes: {known}",
                hint="the disks are in nodes of the cluster",
            )
    unsaid = {name: each.replicas for name, each in storage.items() if not each.chosen}
    wanting = {name: replicas for name, replicas in unsaid.items() if replicas not in (None, count)}
    for name, replicas in list(wanting.items())[:1]:
        some = ", ".join(f'"{each}"' for each in list(dict.fromkeys(nodes.names))[:replicas])
        yield Conflict(
            keys=("nodes.names", f"storage.{name}.nodes"),
            value=f"{count} names",
            allowed=f"{replicas} names, with storage that is replicated and names no nodes",
            hint="DRBD 8.4 replicates between two nodes: say which, as "
            f"[storage.{name}] nodes = [{some}], and the others vote and run what has no storage; "
            'storage of kind "shared-disk" is within reach of all nodes',
        )


def requests_arrive(services: Mapping[str, AnyService]) -> Iterator[Conflict]:
    """What passes requests on finds a server on every node."""
    for name in (name for name, service in services.items() if service.passes_to):
        wanted = services[name].passes_to or ""
        target = services.get(wanted)
        if not isinstance(target, Nginx) or not target.everywhere:
            yield Conflict(
                keys=(f"services.{name}.to",),
                value=f'"{wanted}"',
                allowed=TO_ALLOWED,
                hint=f'write [services.{wanted}] on a line of its own, kind = "nginx", '
                'runs = "everywhere" and a port of its own below it',
                given=(f"services.{wanted}", f"services.{wanted}.runs"),
            )


def kinds_suffice(services: Mapping[str, AnyService]) -> Iterator[Conflict]:
    """Of some kinds a node can run one service alone."""
    first: dict[str, str] = {}
    for name, service in services.items():
        other = first.setdefault(service.kind, name)
        if service.alone and other != name:
            yield Conflict(
                keys=(f"services.{name}",),
                value=f"another one beside [services.{other}]",
                allowed=f'one service of kind "{service.kind}"',
                hint=service.alone,
            )


def servers_decide(services: Mapping[str, AnyService], nodes: Nodes) -> Iterator[Conflict]:
    """Servers that need a majority of their own have one when any of them is lost, or divided."""
    count = len(nodes.names)
    for name, service in services.items():
        if service.majority and (count < LEAST_MAJORITY or count % 2 == 0):
            yield Conflict(
                keys=("nodes.names", f"services.{name}"),
                value=f"{count} names",
                allowed=f'an odd number of names, at least {LEAST_MAJORITY}, with "{service.kind}"',
                hint="its servers go on where more than half of them are, and nobody else votes "
                "among them",
            )


def addresses_fit(services: Mapping[str, AnyService], nodes: Nodes) -> Iterator[Conflict]:
    """A service has one address where it runs on one node, and else one for each.

    Behind another it has none.
    """
    before = balancers(services)
    for name, service in services.items():
        if not isinstance(service, SpreadTable):
            continue
        if name in before and service.given:
            yield Conflict(
                keys=(f"services.{name}.addresses", f"services.{before[name]}.to"),
                value=_addresses(service.given),
                allowed="no addresses of a service that another passes requests to",
                hint=f"clients find [services.{before[name]}]: give them to that",
            )
        elif service.everywhere and service.address is not None:
            yield Conflict(
                keys=(f"services.{name}.address",),
                value=f'"{service.address}"',
                allowed="an address of a service that runs on one node",
                hint="write addresses, one for each node, or leave both out",
            )
        if service.addresses and not service.everywhere:
            yield Conflict(
                keys=(f"services.{name}.addresses",),
                value=_addresses(service.addresses),
                allowed='addresses of a service that runs "everywhere"',
                hint="write address, or leave both out",
                given=(f"services.{name}.runs",),
            )
        elif service.addresses and len(service.addresses) != len(nodes.names):
            yield Conflict(
                keys=(f"services.{name}.addresses", "nodes.names"),
                value=_addresses(service.addresses),
                allowed=f"one for each node, here {len(nodes.names)}",
                hint="leave it out, and halab chooses them",
            )


def _addresses(given: tuple[IPv4Address, ...]) -> str:
    return "1 address" if len(given) == 1 else f"{len(given)} addresses"


def addresses_float(
    services: Mapping[str, AnyService], subnet: IPv4Network, taken: dict[IPv4Address, int]
) -> Iterator[Conflict]:
    """Clients find floating addresses on the service network, and they are nobody else's.

    `taken` are the machines' own, with the machines' numbers.
    """
    given = frozenset(a for service in services.values() for a in service.given)
    others = frozenset((*given, *taken))
    seen: dict[IPv4Address, str] = {}
    for name, service in services.items():
        for index, address in enumerate(service.given):
            key = f"addresses[{index}]" if service.everywhere else "address"
            place = f"services.{name}.{key}"
            reason = _why_not(address, subnet, taken) or (
                f"{seen[address]} is the same" if address in seen else None
            )
            seen.setdefault(address, place)
            if reason:
                better = next(floating_addresses(subnet, others), "none is left, and another")
                yield Conflict(
                    keys=(place, "networks.service"),
                    value=f'"{address}"',
                    allowed="a free address of the service network",
                    hint=f"{reason}; {better} would do",
                )


def addresses_suffice(
    services: Mapping[str, AnyService], nodes: Nodes, subnet: IPv4Network
) -> Iterator[Conflict]:
    """The service network has room for every floating address beside the machines' own."""
    needed = sum(address_count(name, services, nodes) for name in services)
    # All but those of the network itself, of a broadcast, of the platform and of the machines.
    free = subnet.num_addresses - 3 - MONITOR_NUMBER
    if needed > free:
        yield Conflict(
            keys=("networks.service",),
            value=f'"{subnet}"',
            allowed=f"room for {needed} floating addresses beside {MONITOR_NUMBER} machines",
            hint=f"it has room for {free}; a /24 has it for {256 - 3 - MONITOR_NUMBER}",
        )


def _why_not(
    address: IPv4Address, subnet: IPv4Network, taken: dict[IPv4Address, int]
) -> str | None:
    if address not in subnet:
        return f"networks.service is {subnet}"
    if address in (subnet.network_address, subnet.broadcast_address):
        return f"it is the network or broadcast address of {subnet}"
    if address in taken:
        return f"it is kept for machine number {taken[address]}"
    if address == last_address(subnet):
        return "the last address of a network belongs to the platform"
    return None


def ports_free(
    services: Mapping[str, AnyService], storage: Mapping[str, AnyStorage]
) -> Iterator[Conflict]:
    """No service takes a port that the nodes need themselves, or another service."""
    taken = {**TAKEN_PORTS, **_replication_ports(storage)}
    if any(service.passes_to for service in services.values()):
        taken[HAPROXY_STATISTICS] = "HAProxy, for its statistics,"
    for service in services.values():
        taken.update(service.between_nodes)
    wanted = {service.port for service in services.values()}
    free = next(port for port in SUGGESTED_PORTS if port not in taken.keys() | wanted)
    seen: dict[int, str] = {}
    for name, service in services.items():
        key, port = f"services.{name}.port", service.port
        hint, twins = "", (seen[port],) if port in seen else ()
        if port in taken:
            hint = f"{taken[port]} listens there"
        elif twins:
            hint = f"{twins[0]} is the same, and both may run on one node"
        if hint:
            yield Conflict((key,), str(port), PORT_ALLOWED, f"{hint}; {free} is free", twins)
        seen.setdefault(port, key)


def _replication_ports(storage: Mapping[str, AnyStorage]) -> dict[int, str]:
    return {
        DRBD_PORT + number: "DRBD"
        for number, each in enumerate(storage.values())
        if each.replicated
    }


def quorum_decides(
    quorum: Quorum,
    nodes: Nodes,
    services: Mapping[str, AnyService],
    storage: Mapping[str, AnyStorage],
) -> Iterator[Conflict]:
    """Somebody decides when the cluster divides."""
    count = len(nodes.names)
    if quorum.kind == "majority" and count == 2:
        yield Conflict(
            keys=("quorum.kind", "nodes.names"),
            value='"majority" (2 nodes)',
            allowed='"device" or "two-node" with two nodes',
            hint="neither of two nodes is a majority: whoever is left would stop everything",
        )
    if quorum.kind == "two-node" and count != 2:
        yield Conflict(
            keys=("quorum.kind", "nodes.names"),
            value=f'"two-node" ({count} nodes)',
            allowed=f'"{"device" if count % 2 == 0 else "majority"}" with {count} nodes',
            hint="with more nodes than two a part of a divided cluster can be a majority: leave it "
            "out",
        )
    shared = [name for name, each in storage.items() if each.together]
    if quorum.kind == "two-node" and shared:
        yield Conflict(
            keys=("quorum.kind", f"storage.{shared[0]}"),
            value=f'"two-node" (with storage of kind "{storage[shared[0]].kind}")',
            allowed='"device" with storage that all nodes use at once',
            hint="its lock manager fences by itself, without the delay by which one of two lives "
            "that fence each other",
        )
    addresses = sum(address_count(name, services, nodes) for name in services)
    if quorum.kind == "two-node" and addresses > MOST_WEIGHED:
        yield Conflict(
            keys=("quorum.kind", "services"),
            value=f'"two-node" ({addresses} floating addresses)',
            allowed=f'up to {MOST_WEIGHED} floating addresses with "two-node"',
            hint="each counts more for who is fenced than all that follow it, and Pacemaker counts "
            'no further; with "device" there may be more',
        )
    if quorum.kind == "device" and count % 2:
        yield Conflict(
            keys=("quorum.kind", "nodes.names"),
            value=f'"device" ({count} nodes)',
            allowed='"majority" with an odd number of nodes',
            hint="an odd number of nodes cannot divide into equal halves (corosync-qdevice(8), "
            "ffsplit): leave it out",
        )
