"""`status` in words: who runs what, which service answers at which address, and what is wrong."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from cli.status import print_status
from parts.all import Parts
from parts.seen import Seen
from status.collect import describe
from tests.unit.broken_lab import broken, node_of, outside, with_disk
from tests.unit.healthy_lab import HEALTHY, PARTS, healthy
from tests.unit.sketched import BOOKS, SHOP, TRIO


def shown(parts: Parts, seen: Seen) -> str:
    """Return what a person reads."""
    text = StringIO()
    print_status(Console(file=text, width=300), describe(parts, seen, None))
    return text.getvalue()


def rows(text: str) -> dict[str, list[str]]:
    """Return the words of each line, by its first."""
    return {words[0]: words for words in map(str.split, text.splitlines()) if words}


def test_a_web_server_on_one_of_two_nodes() -> None:
    text = shown(PARTS, HEALTHY)
    assert "story  healthy  [machines of your own]" in text
    assert "quorum   quorate, 3 of 3 votes, quorum device voting\n" in text
    assert "links    4 of 4 connected\n" in text
    assert "web      http://10.30.0.100/ answers; address 10.30.0.100 on node1\n" in text
    machines = rows(text)
    assert " ".join(machines["node1"]) == (
        "node1 online drbd (promoted), filesystem, web, address, service-cable "
        "Connected, Primary, UpToDate"
    )
    assert " ".join(machines["node2"]).startswith("node2 online drbd (unpromoted), service-cable")
    assert machines["monitor"] == ["monitor", "online", "monitor"]


def test_a_service_that_is_nowhere() -> None:
    seen = broken("node1", seen=outside(answering=frozenset()), addresses=frozenset())
    assert "web      http://10.30.0.100/ DOES NOT ANSWER; nowhere\n" in shown(PARTS, seen)


def test_an_address_that_two_nodes_have() -> None:
    seen = broken("node2", addresses=node_of(HEALTHY, "node1").addresses)
    assert "address 10.30.0.100 on node1, node2\n" in shown(PARTS, seen)


def test_every_address_of_three_has_a_line() -> None:
    seen = healthy(TRIO)
    _, silent, _ = (each.ip for each in TRIO.first_service.service.addresses)
    assert seen.monitor is not None
    text = shown(TRIO, outside(seen=seen, answering=seen.monitor.answering - {silent}))
    assert "quorum   quorate, 3 of 3 votes\n" in text
    assert [line for line in text.splitlines() if line.startswith("web ")] == [
        "web      http://10.30.0.100/ answers; address 10.30.0.100 on node1",
        "web      http://10.30.0.101/ DOES NOT ANSWER; address 10.30.0.101 on node2",
        "web      http://10.30.0.102/ answers; address 10.30.0.102 on node3",
    ]
    machines = rows(text)
    assert machines["node2"] == [
        "node2",
        "online",
        "web,",
        "address-2,",
        "web-ready,",
        "service-cable",
    ]


def test_a_database_is_called_as_a_client_calls_it() -> None:
    assert (
        "books    postgresql://halab@10.30.0.100:5432/halab answers; address 10.30.0.100 on node1\n"
    ) in shown(BOOKS, healthy(BOOKS))


def test_two_services_and_the_storage_of_both() -> None:
    text = shown(SHOP, healthy(SHOP))
    assert {"web", "books"} <= rows(text).keys()
    assert "Connected, Primary, UpToDate; Connected, Primary, UpToDate" in text


def test_what_is_wrong_stands_below_with_its_remedy() -> None:
    text = shown(PARTS, with_disk("node2", connection="StandAlone"))
    for line in (
        "story  not healthy  [machines of your own]\n",
        "  ✘ replication on node2 is StandAlone, not Connected\n",
        "      ./halab ssh story node2 -- drbdadm connect r0\n",
        "  ./halab heal story  offers to clean up what was left behind\n",
    ):
        assert line in text
