"""Security groups and what else a cloud drops, as rules of nftables in the router.

A group lets in, and out, what its rules name; answers pass. An interface whose source and
destination are checked neither sends nor gets what is for somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rehearsal.wanted import Port, Rule, Wanted

SERVICES = "169.254.169.0/24"
"""The cloud's own services: metadata, time. No group is asked about them, as on AWS."""

ALWAYS = (
    "ct state established,related",
    "udp sport 67 udp dport 68",
    "udp sport 68 udp dport 67",
)
"""What passes whatever the groups say: answers, and DHCP."""

WITH_PORTS = ("tcp", "udp")


def ruleset(wanted: Wanted) -> str:
    """Return all rules, replacing those that are there, for `nft -f`."""
    ports = sorted(wanted.ports, key=lambda port: port.id)
    sent = [f'iifname "{port.bridge}" jump from_{port.bridge}' for port in ports]
    got = [f'oifname "{port.bridge}" jump to_{port.bridge}' for port in ports]
    body = [
        *(line for port in ports for line in _of(port, wanted)),
        *_hook("forward", sent),
        *_hook("input", sent),
        *_hook("postrouting", got),
        *_translated(ports),
    ]
    lines = ["table ip rehearsal", "delete table ip rehearsal", *_block("table ip rehearsal", body)]
    return "\n".join(lines) + "\n"


def _of(port: Port, wanted: Wanted) -> Iterator[str]:
    """Yield a chain for what an interface sends, and one for what it gets."""
    own = f"{{ {', '.join(map(str, port.addresses))} }}"
    forged = [f"ip saddr != {own} ip saddr != 0.0.0.0 drop"] if port.checked else []
    foreign = [f"ip daddr != {own} drop"] if port.checked else []
    always = [f"{each} return" for each in ALWAYS]
    yield from _block(
        f"chain from_{port.bridge}",
        [
            *forged,
            *always,
            f"ip daddr {SERVICES} return",
            *(f"{each} return" for each in _passing(port, wanted, egress=True)),
            "drop",
        ],
    )
    yield from _block(
        f"chain to_{port.bridge}",
        [
            *always,
            *foreign,
            f"ip saddr {SERVICES} return",
            *(f"{each} return" for each in _passing(port, wanted, egress=False)),
            "drop",
        ],
    )


def _hook(name: str, jumps: Iterable[str]) -> list[str]:
    begin = f"type filter hook {name} priority 0; policy accept;"
    return _block(f"chain {name}", [begin, *jumps])


def _translated(ports: list[Port]) -> list[str]:
    return _block(
        "chain outside",
        [
            "type nat hook output priority -100; policy accept;",
            *(f"ip daddr {port.public} dnat to {port.address}" for port in ports if port.public),
        ],
    )


def _block(head: str, body: Iterable[str]) -> list[str]:
    return [f"{head} {{", *(f"  {line}" for line in body), "}"]


def _passing(port: Port, wanted: Wanted, *, egress: bool) -> Iterator[str]:
    for rule in wanted.rules:
        if rule.group in port.groups and rule.egress == egress:
            side = "daddr" if egress else "saddr"
            peers = _peers(rule, wanted)
            if peers is not None:
                yield f"ip {side} {peers} {_what(rule)}".rstrip()


def _peers(rule: Rule, wanted: Wanted) -> str | None:
    if rule.network is not None:
        return str(rule.network)
    members = [
        str(address)
        for port in wanted.ports
        if rule.peers in port.groups
        for address in port.addresses
    ]
    return f"{{ {', '.join(members)} }}" if members else None


def _what(rule: Rule) -> str:
    if rule.protocol is None:
        return ""
    if rule.protocol in WITH_PORTS:
        return f"{rule.protocol} dport {rule.first}-{rule.last}"
    if rule.protocol == "icmp" and rule.first not in (None, -1):
        return f"icmp type {rule.first}"
    return f"ip protocol {rule.protocol}"
