"""Rules about where services run, and in which order they start. Each yields what breaks it."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence

from labs.conflicts import Conflict
from labs.tables.machines import Nodes
from labs.tables.services import HOME_SCORE, AnyService
from labs.tables.storage import AnyStorage

Services = Mapping[str, AnyService]
Stores = Mapping[str, AnyStorage]


def homes_exist(services: Services, storage: Stores, nodes: Nodes) -> Iterator[Conflict]:
    """A service is at home on a node that can run it, and only if it runs on one at a time."""
    for name, service in services.items():
        if service.home is None:
            continue
        places = _places(service, storage, nodes)
        if service.everywhere:
            yield Conflict(
                keys=(f"services.{name}.home", f"services.{name}.runs"),
                value=f'"{service.home}" (runs "everywhere")',
                allowed='a home of a service that runs on "one-node"',
                hint="each of its addresses is at home on a node, in the order of nodes.names: "
                "leave home out",
            )
        elif service.home not in nodes.names:
            known = ", ".join(f'"{each}"' for each in nodes.names)
            yield Conflict(
                keys=(f"services.{name}.home", "nodes.names"),
                value=f'"{service.home}"',
                allowed=f"the name of a node: {known}",
                hint="without a home, a service stays wherever it is",
            )
        elif service.home not in places:
            known = ", ".join(f'"{each}"' for each in nodes.names if each in places)
            yield Conflict(
                keys=(f"services.{name}.home", f"storage.{service.storage}.nodes"),
                value=f'"{service.home}"',
                allowed=f"a node that has its data: {known}",
                hint="where its storage is not, it cannot run",
            )


def homes_hold(services: Services) -> Iterator[Conflict]:
    """What is weighed against a home has one."""
    for name, service in services.items():
        if service.stickiness is not None and service.home is None:
            yield Conflict(
                keys=(f"services.{name}.stickiness", f"services.{name}.home"),
                value=str(service.stickiness),
                allowed="stickiness of a service that has a home",
                hint="each address of it is at home on a node, and returns there: leave it out"
                if service.everywhere
                else f"it is weighed against a home, which counts {HOME_SCORE}: without one a "
                "service stays wherever it is, however little it wants to",
            )


def others_exist(services: Services) -> Iterator[Conflict]:
    """Who is placed by others finds them, once each, and runs on one node as they do."""
    able = [name for name, service in services.items() if not service.everywhere]
    for name, service in services.items():
        for key, said in _named(service).items():
            place = f"services.{name}.{key}"
            others = ", ".join(f'"{each}"' for each in able if each != name) or "there is none"
            allowed = f'services that run on "one-node": {others}'
            if said and service.everywhere:
                yield Conflict(
                    keys=(place, f"services.{name}.runs"),
                    value=f'{_listed(said)} (runs "everywhere")',
                    allowed=f'{key} of a service that runs on "one-node"',
                    hint="what runs on every node is beside everything, and goes nowhere: leave "
                    f"{key} out",
                )
            for other in dict.fromkeys(said):
                hint = ""
                given: tuple[str, ...] = ()
                if other == name:
                    hint = "it cannot be placed by itself"
                elif other not in services:
                    hint = f"write [services.{other}] on a line of its own, or leave it out"
                    given = (f"services.{other}",)
                elif services[other].everywhere and not service.everywhere:
                    hint = f"[services.{other}] runs on every node, whatever happens: leave it out"
                elif said.count(other) > 1:
                    hint, allowed = "once will do", "every service once"
                if hint:
                    yield Conflict((place,), f'"{other}"', allowed, hint, given)


def followers_go_along(services: Services, storage: Stores) -> Iterator[Conflict]:
    """Who follows another wants nothing for itself, and its data are wherever that goes."""
    for name, service in services.items():
        if service.follows is None:
            continue
        key, other = f"services.{name}.follows", service.follows
        for own in ("home", "stickiness"):
            if getattr(service, own) is not None:
                yield Conflict(
                    keys=(f"services.{name}.{own}", key),
                    value=f"{getattr(service, own)!r}".replace("'", '"'),
                    allowed=f"no {own} of a service that follows another",
                    hint=f"it goes where [services.{other}] goes: say it there",
                )
        if _is_replicated(service, storage):
            yield Conflict(
                keys=(key,),
                value=f'"{other}" (storage "{service.storage}")',
                allowed="follows of a service without replicated storage",
                hint="the cluster promotes replicas without asking whom a service follows, so it "
                f"would stand still where they are; let [services.{other}] follow this one",
                given=(f"services.{other}",),
            )
        leader = services.get(other)
        if leader is not None and leader.follows is not None and other != name:
            yield Conflict(
                keys=(key, f"services.{other}.follows"),
                value=f'"{other}"',
                allowed="a service that follows none",
                hint=f'[services.{other}] follows "{leader.follows}"'
                + ("" if leader.follows == name else ": name that"),
            )


def apart_fits(services: Services, storage: Stores, nodes: Nodes) -> Iterator[Conflict]:
    """Services that share no node have one each, and one to go to when a node is lost."""
    for one, another in apart_pairs(services):
        key = f"services.{one if another in services[one].apart else another}.apart"
        first, second = services[one], services[another]
        followers = [each for each in (one, another) if services[each].follows is not None]
        for name in followers[:1]:
            leader = services[name].follows
            yield Conflict(
                keys=(key, f"services.{name}.follows"),
                value=f'"{one}" and "{another}"',
                allowed="services that follow none",
                hint="nothing can follow a service and be apart from it"
                if leader in (one, another)
                else f'[services.{name}] is wherever "{leader}" is: name that',
            )
        for name, service in ((one, first), (another, second)):
            if _is_replicated(service, storage):
                yield Conflict(
                    keys=(key,),
                    value=f'"{name}" (storage "{service.storage}")',
                    allowed="services without replicated storage",
                    hint="its data are on two nodes, and the cluster promotes them without asking "
                    "who is there: the service would be nowhere. A home of its own for each keeps "
                    "them apart while all nodes are well",
                )
        if first.home is not None and first.home == second.home:
            yield Conflict(
                keys=(key, f"services.{one}.home", f"services.{another}.home"),
                value=f'"{one}" and "{another}", both at home on {first.home}',
                allowed="services that are not at home on the same node",
                hint="give one of them another home, or none",
            )
    yield from _nodes_suffice(services, nodes)


def _nodes_suffice(services: Services, nodes: Nodes) -> Iterator[Conflict]:
    """Each service has somewhere to go where nobody is that it is apart from."""
    others = Counter(name for pair in apart_pairs(services) for name in pair)
    [(name, crowd)] = others.most_common(1) or [("", 0)]
    apart, count = crowd + 1, len(nodes.names)
    if crowd and apart >= count:
        teller = next(
            each
            for each, service in services.items()
            if name in service.apart or (each == name and service.apart)
        )
        yield Conflict(
            keys=(f"services.{teller}.apart", "nodes.names"),
            value=f"{apart} services ({count} nodes)",
            allowed=f"{apart + 1} nodes or more: one for each of them, and one that may fail",
            hint=f'with fewer, "{name}" would have nowhere to go when its node fails',
        )


def loads_fit(services: Services, storage: Stores, nodes: Nodes) -> Iterator[Conflict]:
    """Loads are counted against something, and there is room for all when any node is lost."""
    heavy = [name for name, service in services.items() if service.load]
    spread = [name for name in heavy if services[name].everywhere]
    always = sum(services[name].load for name in spread)
    if nodes.capacity is None:
        for name in heavy:
            yield Conflict(
                keys=(f"services.{name}.load", "nodes.capacity"),
                value=str(services[name].load),
                allowed="load in a lab whose nodes have a capacity",
                hint="write below [nodes] how much load each of them takes, as capacity = 10",
                given=("nodes.capacity",),
            )
    elif always > nodes.capacity:
        yield Conflict(
            keys=(f"services.{spread[0]}.load", "nodes.capacity"),
            value=f"{always} in all (capacity {nodes.capacity})",
            allowed="loads of what runs everywhere that each node can bear",
            hint="a larger capacity, or smaller loads",
        )
    else:
        yield from _room_found(services, storage, nodes, nodes.capacity - always)


def _room_found(services: Services, storage: Stores, nodes: Nodes, room: int) -> Iterator[Conflict]:
    """Whatever node is lost, another has room, however the others are spread until then.

    The cluster places one service after the other and moves none to make room, so it is not enough
    that a way to place them all exists. `room` is what each node has for them.
    """
    loads: Counter[str] = Counter()
    for name, service in services.items():
        if not service.everywhere:
            loads[service.follows or name] += service.load
    places = {name: _places(services[name], storage, nodes) for name in loads if name in services}
    for node in nodes.names:
        at_home = [name for name in places if services[name].home == node and loads[name]]
        together = sum(loads[name] for name in at_home)
        if together > room:
            yield Conflict(
                keys=(*(f"services.{name}.home" for name in at_home), "nodes.capacity"),
                value=f"{together} at home on {node} (room for {room} on each node)",
                allowed="homes with room for all that are at home there",
                hint="another home for one of them, a larger capacity, or smaller loads",
            )
            return
    for name, there in places.items():
        apart = apart_from(services, name)
        others = sum(
            loads[other]
            for other in places
            if other not in (name, *apart) and places[other] & there
        )
        left = len(there) - 1 - len(apart)
        # There is none where each of the nodes that are left lacks at least one unit of it.
        most = left * (room - loads[name] + 1) - 1
        if loads[name] and left > 0 and others > most:
            yield Conflict(
                keys=(f"services.{name}.load", "nodes.capacity"),
                value=f"{loads[name]} (room for {room} on each node)",
                allowed="so much that there is room for it when any node is lost",
                hint=f"{_counted(left)} would be left for it, of which others may take {others}: "
                "a larger capacity, or smaller loads",
            )
            return


def _places(service: AnyService, storage: Stores, nodes: Nodes) -> frozenset[str]:
    """Return the nodes that can run a service."""
    store = storage.get(service.storage or "")
    return frozenset(nodes.names if store is None else store.carriers(nodes.names))


def nobody_waits_for_itself(services: Services) -> Iterator[Conflict]:
    """No service starts after one that starts after it."""
    told: set[str] = set()
    for name in services:
        circle = _circle(services, name)
        if circle and not told & set(circle):
            told |= set(circle)
            yield Conflict(
                keys=tuple(f"services.{each}.after" for each in circle),
                value=_listed(services[circle[0]].after),
                allowed="services that do not start after this one",
                hint=f"none of them would ever start: {' after '.join((*circle, circle[0]))}",
            )


def seats(services: Services, places: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the node that each service which runs on one is on while all is well, by its name.

    `places` are the nodes that can run each. It is its home; or else the first that who shares no
    node with it leaves free.
    """
    one = {name: service for name, service in services.items() if not service.everywhere}
    found = {name: service.home for name, service in one.items() if service.home is not None}
    for name in (name for name in one if name not in found and one[name].follows is None):
        taken = {found.get(other) for other in apart_from(services, name)}
        free = (node for node in places[name] if node not in taken)
        found[name] = next(free, places[name][0])
    followers = {name: found[service.follows] for name, service in one.items() if service.follows}
    return {**found, **followers}


def apart_from(services: Services, name: str) -> tuple[str, ...]:
    """Return the services that share no node with one, whichever of the two says so."""
    return tuple(
        other
        for other, service in services.items()
        if other != name and (other in services[name].apart or name in service.apart)
    )


def apart_pairs(services: Services) -> tuple[tuple[str, str], ...]:
    """Return the services that share no node, two by two, in the order of the definition."""
    names = list(services)
    return tuple(
        (one, another)
        for number, one in enumerate(names)
        for another in apart_from(services, one)
        if another in names[number:]
    )


def _circle(services: Services, name: str) -> tuple[str, ...]:
    """Return the shortest way by `after` from a service back to it, without its end; or none."""
    ways: deque[tuple[str, ...]] = deque([(name,)])
    seen = {name}
    while ways:
        way = ways.popleft()
        for other in services[way[-1]].after:
            if other == name and len(way) > 1:
                return way
            if other in services and other not in seen:
                seen.add(other)
                ways.append((*way, other))
    return ()


def _named(service: AnyService) -> dict[str, tuple[str, ...]]:
    """Return the services that a service names, by the key that does."""
    follows = () if service.follows is None else (service.follows,)
    return {"follows": follows, "apart": service.apart, "after": service.after}


def _is_replicated(service: AnyService, storage: Stores) -> bool:
    store = storage.get(service.storage or "")
    return store is not None and store.replicated


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _counted(nodes: int) -> str:
    return "one node" if nodes == 1 else f"{nodes} nodes"
