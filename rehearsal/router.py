"""The router between all interfaces, in one subnet or several: this network namespace itself.

A cloud has no layer 2: each interface has a bridge of its own, on which the router answers for all
others. It has the first address of each subnet. What comes from a subnet follows the subnet's route
table, and what begins here, as a person who looks, follows all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from core.command import run
from rehearsal.filters import ruleset
from rehearsal.wanted import PUBLIC, Wanted

FIRST_TABLE = 1000
"""Number of the first route table; the kernel's own are below 256."""

AFTER_OWN = 40000
"""Where route tables are asked: after the kernel's own, which know the subnets themselves."""

OWN_ADDRESSES = ("169.254.169.254", "169.254.169.123")
"""The cloud's metadata service, and its clock."""

SETTINGS = (
    "ip_forward=1",
    # It answers for a guest's neighbours, and tells nobody of ways past it.
    "conf.default.proxy_arp=1",
    "conf.all.send_redirects=0",
    "conf.default.send_redirects=0",
    "conf.all.rp_filter=0",
    "conf.default.rp_filter=0",
)


@dataclass(frozen=True)
class _Laid:
    """What there is: bridges with their addresses, rules, and ways by table and network.

    A way ends with the name of the bridge.
    """

    bridges: Mapping[str, str] = field(default_factory=dict)
    rules: frozenset[str] = frozenset()
    ways: Mapping[tuple[str, str], str] = field(default_factory=dict)


class Router:
    """Bridges, addresses, routes and filters of a namespace, kept as the books say."""

    def __init__(self, ip: Callable[[str], None], nft: Callable[[str], None]) -> None:
        self._ip, self._nft = ip, nft
        self._numbers: dict[str, int] = {}
        self._laid = _Laid()

    def match(self, wanted: Wanted) -> None:
        """Make, change and remove what differs from what is wanted; raises CommandError."""
        laid = self._lay(wanted)
        commands = _steps(self._laid, laid)
        if commands:
            self._ip("\n".join(commands))
        self._laid = laid
        self._nft(ruleset(wanted))

    def _lay(self, wanted: Wanted) -> _Laid:
        subnets = {each.id: each for each in wanted.subnets}
        ports = {port.id: port for port in wanted.ports}
        rules = {
            f"{side} lookup {self._number(subnets[each.subnet].table)}"
            for each in ports.values()
            for side in (f"iif {each.bridge}", "iif lo")
        }
        own = {
            ("main", f"{address}/32"): f"src {subnets[each.subnet].router} dev {each.bridge}"
            for each in ports.values()
            for address in each.addresses
        }
        # A route to an interface that is in no instance leads nowhere: AWS's black hole.
        others = {
            (self._number(table), str(network)): f"via {port.address} onlink dev {port.bridge}"
            for table, routes in wanted.routes.items()
            for network, leads_to in routes.items()
            if (port := ports.get(leads_to)) is not None
        }
        routers = {each.bridge: f"{subnets[each.subnet].router}/32" for each in ports.values()}
        return _Laid(routers, frozenset(rules), own | others)

    def _number(self, table: str) -> str:
        return str(self._numbers.setdefault(table, FIRST_TABLE + len(self._numbers)))


def _steps(before: _Laid, after: _Laid) -> list[str]:
    """Return what leads from one to the other, as words for `ip`."""
    gone = [name for name, address in before.bridges.items() if after.bridges.get(name) != address]
    made = [each for each in after.bridges.items() if each not in before.bridges.items()]
    # With a bridge go the ways that lead over it.
    kept = {key: way for key, way in before.ways.items() if way.rpartition(" ")[2] not in gone}
    return [
        *(f"rule del pref {AFTER_OWN} {rule}" for rule in sorted(before.rules - after.rules)),
        *(f"route del table {key[0]} {key[1]}" for key in sorted(kept.keys() - after.ways.keys())),
        *(f"link del {name}" for name in gone),
        *(
            line
            for name, address in made
            for line in (
                f"link add {name} type bridge mcast_snooping 0",
                # It answers at once.
                f"ntable change name arp_cache dev {name} proxy_delay 0",
                f"address add {address} dev {name}",
                f"link set {name} up",
            )
        ),
        *(f"rule add pref {AFTER_OWN} {rule}" for rule in sorted(after.rules - before.rules)),
        *(
            f"route replace table {table} {network} {way}"
            for (table, network), way in sorted(after.ways.items())
            if kept.get((table, network)) != way
        ),
    ]


def prepare(user: IPv4Address) -> None:
    """Let this namespace pass on packets, and be the cloud's own addresses and the user's.

    From that address comes who asks for a public address.
    """
    run(["sysctl", "-q", "-w", *(f"net.ipv4.{each}" for each in SETTINGS)])
    own = (f"address replace {each}/32 dev lo" for each in (*OWN_ADDRESSES, user))
    run_ip("\n".join((*own, f"route replace {PUBLIC} dev lo src {user}")))


def run_ip(commands: str) -> None:
    """Give commands to `ip`, one a line; raises CommandError for the first that fails."""
    run(["ip", "-batch", "-"], stdin=commands + "\n")


def run_nft(rules: str) -> None:
    """Put rules into force, all or none; raises CommandError."""
    run(["nft", "-f", "-"], stdin=rules)
