"""The table of open ports as rules of a cloud's security groups."""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv4Network

import pytest

from infra.access import ANY_CODE, ECHO_REQUEST, GROUPS, Group, Rule, rules
from infra.planning import sketch
from labs.model import Lab
from labs.ports import DRBD_PORT, Opening, Peer, Protocol
from labs.roles import MachineRole, NetworkRole
from labs.tables.cloud import carrier
from tests.unit.aws_labs import NAMES, aws_lab

ME = IPv4Network("203.0.113.7/32")
NODE, MONITOR = MachineRole.NODE, MachineRole.MONITOR


def rules_of(lab: Lab) -> tuple[Rule, ...]:
    return rules(lab, sketch(lab).openings, ME)


def allows(rule: Rule, opening: Opening, peer: Peer, lab: Lab) -> bool:
    """Tell whether a rule lets a peer have just this."""
    network = carrier(opening.network)
    source: Group | IPv4Network
    match peer:
        case Peer.NODE:
            source = (NODE, network)
        case Peer.MONITOR:
            source = (MONITOR, network)
        case Peer.PLATFORM:
            source = ME
        case Peer.ANYBODY:
            source = next(lab.networks.subnet(network).subnets(prefixlen_diff=2))
    ports = (ECHO_REQUEST, ANY_CODE) if opening.port is None else (opening.port, opening.port)
    return (rule.group, rule.protocol, (rule.first, rule.last), rule.source) == (
        (opening.role, network),
        opening.protocol,
        ports,
        source,
    )


@pytest.mark.parametrize("name", NAMES)
def test_groups_say_what_the_table_of_ports_says(name: str) -> None:
    lab = aws_lab(name)
    asked = [(opening, peer) for opening in sketch(lab).openings for peer in opening.peers]

    made = rules_of(lab)

    for opening, peer in asked:
        assert [rule for rule in made if allows(rule, opening, peer, lab)], (opening, peer)
    for rule in made:
        assert [one for one in asked if allows(rule, *one, lab)], rule


@pytest.mark.parametrize("name", NAMES)
def test_no_rule_is_there_twice_nor_shares_its_name(name: str) -> None:
    made = rules_of(aws_lab(name))

    assert not [name for name, count in Counter(rule.name for rule in made).items() if count > 1]
    assert len(set(made)) == len(made)


@pytest.mark.parametrize("name", NAMES)
def test_only_who_manages_the_lab_comes_from_outside_and_only_to_management(name: str) -> None:
    lab = aws_lab(name)
    private = [lab.networks.subnet(role) for role in NetworkRole]

    for rule in rules_of(lab):
        if isinstance(rule.source, IPv4Network):
            within = any(rule.source.subnet_of(each) for each in private)
            outside = rule.source == ME and rule.group[1] is NetworkRole.MANAGEMENT
            assert within or outside, rule


def test_replication_comes_over_a_cluster_link() -> None:
    found = [rule for rule in rules_of(aws_lab()) if rule.first == DRBD_PORT]

    link = (NODE, NetworkRole.CLUSTER_B)
    assert [(rule.group, rule.source) for rule in found] == [(link, link)]


def test_a_ping_is_an_echo_request_and_has_no_port() -> None:
    pings = [rule for rule in rules_of(aws_lab()) if rule.protocol is Protocol.ICMP]

    assert {(rule.first, rule.last) for rule in pings} == {(8, -1)}


def test_a_group_for_each_role_and_each_network_with_interfaces() -> None:
    assert len(GROUPS) == 6
    assert (NODE, NetworkRole.REPLICATION) not in GROUPS
