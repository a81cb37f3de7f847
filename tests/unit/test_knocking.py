"""How a scan is shared out: nothing is left untried, and little is tried twice."""

from __future__ import annotations

from ipaddress import IPv4Address

from labs.ports import Peer
from labs.roles import NetworkRole
from tests.state.knocking import Ports, shared
from tests.state.vantages import Way

NAMED = (22, 5405)
OTHERS = Ports(tcp=range(1, 1025), udp=range(1, 100))
STRANGER = IPv4Address("192.0.2.99")


def way(peer: Peer, number: int) -> Way:
    target = IPv4Address(f"192.0.2.{number}")
    return Way("somebody", peer, STRANGER, NetworkRole.SERVICE, f"node{number}", target)


def test_every_port_is_tried_from_each_kind_of_place() -> None:
    nodes = [way(Peer.NODE, number) for number in (1, 2, 3)]
    strangers = [way(Peer.ANYBODY, number) for number in (1, 2)]
    ports = shared(NAMED, OTHERS, [*nodes, *strangers], lambda each: each.peer)
    for alike in (nodes, strangers):
        assert {port for each in alike for port in ports[each].tcp} == {*OTHERS.tcp, *NAMED}
        assert {port for each in alike for port in ports[each].udp} == {*OTHERS.udp, *NAMED}


def test_ports_with_a_name_are_tried_by_all_and_the_others_by_one() -> None:
    nodes = [way(Peer.NODE, number) for number in (1, 2, 3)]
    ports = shared(NAMED, OTHERS, nodes, lambda each: each.peer)
    assert all({*NAMED} <= {*ports[each].tcp} & {*ports[each].udp} for each in nodes)
    tried = [port for each in nodes for port in ports[each].tcp if port not in NAMED]
    assert len(tried) == len({*tried})
