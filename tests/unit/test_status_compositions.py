"""Health of labs that are put together otherwise: three nodes at work, a database, two services."""

from __future__ import annotations

import pytest

from labs.roles import MachineRole
from parts.addresses import cable
from parts.all import Parts
from parts.seen import Seen
from status.collect import describe
from status.model import LabStatus
from status.rules import judge
from tests.unit.broken_lab import (
    broken,
    node_of,
    outside,
    seen_by_cluster,
    sentences,
    silent,
    the_reason,
    view_of,
    with_kernel,
)
from tests.unit.healthy_lab import PRIMARY, SECONDARY, healthy
from tests.unit.sketched import BOOKS, LABS, SHOP, TRIO, name_of
from wire.corosync import Link, QuorumView
from wire.drbd import Device
from wire.pacemaker import Ban, Member, Role

ONE, TWO, THREE = (address.ip for address in TRIO.first_service.service.addresses)
NODES = ("node1", "node2", "node3")


@pytest.mark.parametrize("parts", LABS, ids=name_of)
def test_a_healthy_lab_has_no_reasons_whatever_it_is_made_of(parts: Parts) -> None:
    assert judge(parts, healthy(parts)) == ()
    status = describe(parts, healthy(parts), None)
    assert status.healthy and status.answers
    assert LabStatus.model_validate_json(status.model_dump_json()) == status


def moved(address: str, node: str) -> Seen:
    """Return the trio in which the cluster runs an address of node1 somewhere else."""
    seen = healthy(TRIO)
    instances = (
        each.replace(node=node) if each.id == address else each for each in view_of(seen).instances
    )
    seen = seen_by_cluster(seen=seen, instances=tuple(instances))
    seen = broken("node1", seen=seen, addresses=frozenset())
    return broken(node, seen=seen, addresses=node_of(seen, node).addresses | {ONE})


class TestThreeNodes:
    def test_every_node_serves(self) -> None:
        status = describe(TRIO, healthy(TRIO), None)
        assert status.service("web").nodes == NODES
        assert [(held.address, held.node) for held in status.addresses] == [
            *zip((ONE, TWO, THREE), NODES, strict=True)
        ]
        assert [each.url for each in status.service("web").endpoints] == [
            f"http://{address}/" for address in (ONE, TWO, THREE)
        ]
        assert status.summary() == "trio is healthy, web on node1, node2, node3"

    def test_an_address_away_from_home_is_wrong_where_its_node_could_have_it(self) -> None:
        away = moved("address-1", "node3")
        assert sentences(away, TRIO) == (
            f"the service address {ONE} is on node3, not at home on node1",
        )
        assert describe(TRIO, away, None).service("web").nodes == ("node2", "node3")

    def test_an_address_whose_node_is_lost_is_at_another_and_rightly_so(self) -> None:
        seen = silent("node1", seen=moved("address-1", "node3"))
        lost = Member("node1", False, False, False, False, False)
        members = (lost, *view_of(seen).members[1:])
        reasons = sentences(seen_by_cluster(seen=seen, members=members), TRIO)
        assert "node1 does not answer over ssh" in reasons
        assert not [reason for reason in reasons if "address" in reason or "answer m" in reason]

    def test_a_node_in_standby_has_neither_server_nor_address(self) -> None:
        seen = moved("address-1", "node3")
        view = view_of(seen)
        resting = view.members[0].replace(standby=True)
        there = tuple(each for each in view.instances if (each.id, each.node) != ("web", "node1"))
        seen = seen_by_cluster(seen=seen, members=(resting, *view.members[1:]), instances=there)
        assert sentences(seen, TRIO) == ("node1 is in standby",)

    def test_one_silent_address_is_named(self) -> None:
        seen = outside(seen=healthy(TRIO), answering=frozenset({ONE, THREE}))
        assert sentences(seen, TRIO) == (f"http://{TWO}/ does not answer monitor",)
        status = describe(TRIO, seen, None)
        assert [each.answers for each in status.service("web").endpoints] == [True, False, True]
        assert not status.answers

    def test_a_server_that_does_not_run_on_one_node(self) -> None:
        seen = healthy(TRIO)
        instances = tuple(
            each for each in view_of(seen).instances if (each.id, each.node) != ("web", "node2")
        )
        seen = seen_by_cluster(seen=seen, instances=instances)
        assert sentences(seen, TRIO) == ("resource web is not started on node2",)

    def test_an_address_that_nobody_has_and_one_that_two_have(self) -> None:
        seen = broken("node2", seen=healthy(TRIO), addresses=frozenset({ONE}))
        assert set(sentences(seen, TRIO)) == {
            f"more than one node holds the service address {ONE}: node1, node2",
            f"no node holds the service address {TWO}",
        }

    def test_an_address_that_the_cluster_does_not_run(self) -> None:
        seen = healthy(TRIO)
        instances = tuple(each for each in view_of(seen).instances if each.id != "address-2")
        seen = seen_by_cluster(seen=seen, instances=instances)
        assert sentences(seen, TRIO) == ("resource address-2 is not started",)

    def test_without_a_quorum_device_nobody_misses_one(self) -> None:
        for part in TRIO.every:
            assert "qdevice" not in " ".join(part.watched(MachineRole.NODE))
            assert "qnetd" not in " ".join(part.watched(MachineRole.MONITOR))
        status = describe(TRIO, healthy(TRIO), None)
        assert status.quorum is not None
        assert (status.quorum.votes, status.quorum.expected) == (3, 3)
        assert status.quorum.qdevice is None

    def test_a_vote_that_is_missing(self) -> None:
        lost = QuorumView(True, 2, 3, None, frozenset({1, 2}))
        seen = broken("node1", seen=healthy(TRIO), quorum=lost)
        assert sentences(seen, TRIO) == ("node1 sees 2 of 3 votes",)

    def test_a_link_to_the_third_node(self) -> None:
        links = node_of(healthy(TRIO), "node1").links
        cut = tuple(
            link.replace(connected=False) if link == Link(1, 3, True) else link for link in links
        )
        seen = broken("node1", seen=healthy(TRIO), links=cut)
        assert sentences(seen, TRIO) == ("cluster link 1 from node1 to node3 is down",)
        seen = broken("node1", seen=healthy(TRIO), links=links[:-1])
        assert sentences(seen, TRIO) == ("cluster link 1 from node1 to node3 does not exist",)

    def test_a_lost_cable_keeps_every_address_away_and_is_told_once(self) -> None:
        bans = tuple(Ban(f"{cable.rule(user)}-rule", user, "node2") for user in TRIO.users)
        assert len(bans) == 3
        seen = seen_by_cluster(seen=healthy(TRIO), bans=bans)
        assert sentences(seen, TRIO) == ("node2 has no cable into the service network",)

    def test_a_stopped_daemon_comes_back_without_a_quorum_device(self) -> None:
        seen = healthy(TRIO)
        units = {**node_of(seen, "node2").units, "pacemaker": "failed"}
        reason = the_reason(broken("node2", seen=seen, units=units), "service pacemaker", TRIO)
        assert reason.remedy is not None
        assert reason.remedy.command.endswith("; systemctl start pacemaker")


class TestDatabase:
    def test_it_is_served_where_its_data_are(self) -> None:
        status = describe(BOOKS, healthy(BOOKS), None)
        assert status.service("books").nodes == ("node1",)
        assert status.summary() == "books is healthy, node1 is active"
        [endpoint] = status.service("books").endpoints
        assert endpoint.url == f"postgresql://halab@{endpoint.address}:5432/halab"

    def test_one_that_does_not_answer_is_named_as_a_client_calls_it(self) -> None:
        seen = outside(seen=healthy(BOOKS), answering=frozenset())
        [reason] = sentences(seen, BOOKS)
        assert reason.startswith("postgresql://") and reason.endswith(" does not answer monitor")

    def test_one_away_from_its_data(self) -> None:
        seen = healthy(BOOKS)
        instances = tuple(
            each.replace(node="node2") if each.id == "books" else each
            for each in view_of(seen).instances
        )
        seen = seen_by_cluster(seen=seen, instances=instances)
        assert sentences(seen, BOOKS) == (
            "resource books runs on node2, not where drbd is promoted",
        )


class TestTwoServices:
    def test_each_is_where_its_own_data_are(self) -> None:
        status = describe(SHOP, healthy(SHOP), None)
        assert status.serving == "web on node1; books on node1"
        assert set(status.replication) == {"data", "ledger"}
        assert {held.service for held in status.addresses} == {"web", "books"}

    def test_services_may_be_apart(self) -> None:
        seen = healthy(SHOP)
        theirs = {"ledger-filesystem", "books", "books-address"}

        def place(resource: str, node: str | None, role: Role) -> tuple[str | None, Role]:
            if resource in theirs:
                return "node2", role
            if resource == "ledger-drbd":
                return node, Role.PROMOTED if node == "node2" else Role.UNPROMOTED
            return node, role

        places = ((each, *place(each.id, each.node, each.role)) for each in view_of(seen).instances)
        instances = tuple(each.replace(node=node, role=role) for each, node, role in places)
        seen = seen_by_cluster(seen=seen, instances=instances)
        web, books = (each.addresses[0].ip for each in SHOP.inventory.services)
        data, ledger = SHOP.inventory.storage
        seen = with_kernel("node1", {0: PRIMARY, 1: SECONDARY}, seen=seen)
        seen = with_kernel("node2", {0: SECONDARY, 1: PRIMARY}, seen=seen)
        mine = {"addresses": frozenset({web}), "mounts": {data.mount_point: data.device}}
        yours = {"addresses": frozenset({books}), "mounts": {ledger.mount_point: ledger.device}}
        seen = broken("node2", seen=broken("node1", seen=seen, **mine), **yours)
        assert judge(SHOP, seen) == ()
        assert describe(SHOP, seen, None).serving == "web on node1; books on node2"

    def test_storage_that_is_cut_off_is_told_apart_and_mended_each(self) -> None:
        alone = PRIMARY.replace(connection="StandAlone")
        seen = with_kernel("node1", {0: alone, 1: alone}, seen=healthy(SHOP))
        for sentence, command in (
            ("replication on node1 is StandAlone, not Connected", "drbdadm connect r0"),
            ("replication of ledger on node1 is StandAlone, not Connected", "drbdadm connect r1"),
        ):
            remedy = the_reason(seen, sentence, SHOP).remedy
            assert remedy is not None and remedy.command == command

    @pytest.mark.parametrize(
        ("disks", "sentence"),
        [
            ({0: PRIMARY}, "the replicated disk ledger is not up on node1"),
            (
                {0: PRIMARY, 1: PRIMARY.replace(disk="Diskless")},
                "the replicated disk ledger on node1 is Diskless, not UpToDate",
            ),
            (
                {0: PRIMARY, 1: PRIMARY.replace(peer_disk="Outdated")},
                "node1 takes its peer's replicated disk ledger for Outdated, not UpToDate",
            ),
            (
                {0: PRIMARY, 1: PRIMARY.replace(out_of_sync=8)},
                "8 KiB of ledger are out of sync on node1",
            ),
            ({0: PRIMARY, 1: SECONDARY}, "no node is DRBD Primary of ledger"),
            (
                {0: PRIMARY, 1: SECONDARY.replace(connection="WFConnection", disk="Outdated")},
                "node1 waits for node2, which has newer data of ledger",
            ),
        ],
    )
    def test_what_is_wrong_with_the_second_storage_says_so(
        self, disks: dict[int, Device], sentence: str
    ) -> None:
        assert sentence in sentences(with_kernel("node1", disks, seen=healthy(SHOP)), SHOP)

    def test_a_service_that_is_silent_leaves_the_other_alone(self) -> None:
        web, _ = (each.addresses[0].ip for each in SHOP.inventory.services)
        status = describe(SHOP, outside(seen=healthy(SHOP), answering=frozenset({web})), None)
        assert status.service("web").answers and not status.service("books").answers
