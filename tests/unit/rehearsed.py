"""What the books of a small rehearsed cloud say: two guests in two zones; one of them serves."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from rehearsal.wanted import Guest, Port, Rule, Subnet, Volume, Wanted

FLOATING = IPv4Network("10.13.0.100/32")
SERVICE = IPv4Network("10.13.0.0/26")

FIRST = Port(
    id="eni-00000000000000001",
    mac="02:00:00:00:00:01",
    subnet="subnet-a",
    addresses=(IPv4Address("10.13.0.4"),),
    groups=("sg-node",),
    checked=False,
    public=IPv4Address("198.18.0.1"),
)
SECOND = Port(
    id="eni-00000000000000002",
    mac="02:00:00:00:00:02",
    subnet="subnet-b",
    addresses=(IPv4Address("10.13.0.21"),),
    groups=("sg-node",),
)
SUBNETS = (
    Subnet("subnet-a", IPv4Network("10.13.0.0/28"), "rtb-service"),
    Subnet("subnet-b", IPv4Network("10.13.0.16/28"), "rtb-service"),
)
RULES = (
    Rule("sg-node", egress=True, protocol=None, network=IPv4Network("0.0.0.0/0")),
    Rule("sg-node", egress=False, protocol="tcp", first=80, last=80, network=SERVICE),
    Rule("sg-node", egress=False, protocol="udp", first=5405, last=5406, peers="sg-node"),
    Rule(
        "sg-node",
        egress=False,
        protocol="tcp",
        first=22,
        last=22,
        network=IPv4Network("203.0.113.7/32"),
    ),
)


def wanted(leads_to: str = FIRST.id, **changed: object) -> Wanted:
    """Return what the books say, with the floating address at one of the interfaces."""
    said: dict[str, object] = {
        "subnets": SUBNETS,
        "routes": {"rtb-service": {FLOATING: leads_to}},
        "rules": RULES,
        "volumes": (Volume("vol-1", 2, False, {"i-1": "/dev/sdf"}),),
        "guests": (Guest("i-1", 8, {0: FIRST}), Guest("i-2", 8, {0: SECOND})),
    }
    return Wanted(**{**said, **changed})  # type: ignore[arg-type]
