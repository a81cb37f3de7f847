"""A cache in memory on every node: what it is told, how it is asked, and what its loss is."""

from __future__ import annotations

import socketserver
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address

import pytest

from drills.catalogue import find
from drills.clients import memcached as client
from drills.expectations import restart_s
from drills.situation import Fate
from labs.ports import Peer
from labs.roles import MachineRole
from parts.cluster import Group
from parts.services import memcached
from parts.services.memcached import Memcached
from status.collect import describe
from tests.unit.definitions import problems
from tests.unit.delivered import content, files
from tests.unit.healthy_lab import healthy
from tests.unit.planned_lab import planned
from tests.unit.provisioned_lab import plan_of, right, words
from tests.unit.situations import expected, situation
from tests.unit.sketched import OTHERS, sketched

LAB = planned("memcached", accelerated=True)
CACHE = OTHERS["memcached"]
HERE = "127.0.0.1"


def part(port: int = 11211) -> Memcached:
    """Return the part of a lab whose cache has this port."""
    lab = sketched("cache", services={"cache": {"kind": "memcached", "port": port}})
    [found] = lab.services.values()
    assert isinstance(found, Memcached)
    return found


@contextmanager
def server(answer: bytes) -> Iterator[int]:
    """Serve a cache that says the same to everybody, and then ends the connection."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            if answer:
                self.rfile.readline()
                self.wfile.write(answer)

    with socketserver.ThreadingTCPServer((HERE, 0), Handler) as made:
        threading.Thread(target=made.serve_forever, args=(0.05,), daemon=True).start()
        yield made.server_address[1]
        made.shutdown()


class TestDefinition:
    def test_a_node_has_one_unit_for_it(self) -> None:
        two = {"one": {"kind": "memcached"}, "two": {"kind": "memcached", "port": 11212}}
        assert set(problems(services=two)) == {"services.two"}

    def test_it_keeps_no_data(self) -> None:
        found = problems(services={"cache": {"kind": "memcached", "storage": "data"}})
        assert found["services.cache.storage"].allowed.startswith("nothing")

    def test_it_runs_on_one_node_or_on_all(self) -> None:
        alone = sketched("alone", services={"cache": {"kind": "memcached"}})
        [group] = [each for each in alone.resources() if isinstance(each, Group)]
        assert [member.id for member in group.members] == ["cache", "address"]
        assert "cache-everywhere" in {each.id for each in CACHE.resources()}
        assert len(CACHE.services["cache"].service.addresses) == 3

    def test_clients_reach_its_port(self) -> None:
        found = {each.port: each.peers for each in LAB.openings if each.purpose.startswith("serv")}
        assert found == {11211: (Peer.ANYBODY,)}


class TestServer:
    def test_its_unit_is_pacemakers(self) -> None:
        assert part().primitive.agent == "systemd:memcached"
        assert part().strangers(MachineRole.NODE) == ("memcached.service",)
        assert part().strangers(MachineRole.MONITOR) == ()

    def test_nodes_alone_have_it(self) -> None:
        assert part().packages(MachineRole.NODE) == ("memcached",)
        assert memcached.CONFIGURATION not in files(LAB, LAB.monitor)

    def test_it_is_told_an_option_a_line(self) -> None:
        lines = content(memcached.CONFIGURATION, LAB).splitlines()
        options = [line for line in lines if not line.startswith("#")]
        assert options == [
            *("-m 64", "-p 11211", "-U 0", "-l 0.0.0.0", "-u memcache"),
            f"-P {part().process.pid_file}",
        ]
        # What reads it takes a remark for over at its next number sign.
        assert all(line.count("#") == 1 for line in lines if line not in options)

    def test_other_options_take_a_start(self) -> None:
        node, written = LAB.nodes[0], frozenset({memcached.CONFIGURATION})
        found = plan_of(LAB, right(LAB))
        assert words(found.steps(node, frozenset())) == []
        assert words(found.steps(node, written)) == ["cache started with its options"]


class TestQuestion:
    """What the monitor asks, as the monitor runs it."""

    @pytest.mark.parametrize(
        ("answer", "well"), [(b"VERSION 1.6.38\r\n", True), (b"ERROR\r\n", False), (b"", False)]
    )
    def test_a_version_is_an_answer(self, answer: bytes, well: bool) -> None:
        with server(answer) as port:
            done = subprocess.run(["sh", "-c", part(port).question(IPv4Address(HERE))], check=False)
        assert (done.returncode == 0) is well

    def test_nobody_is_there(self) -> None:
        with server(b"") as port:
            pass
        done = subprocess.run(
            ["sh", "-c", part(port).question(IPv4Address(HERE))], capture_output=True, check=False
        )
        assert done.returncode


class TestClient:
    """The client outside."""

    @pytest.mark.parametrize(
        ("answer", "outcome"),
        [
            (b"END\r\n", (True, "END")),
            (b"SERVER_ERROR out of memory\r\n", (False, "SERVE")),
            (b"", (False, "ConnectionError")),
        ],
    )
    def test_it_asks_for_what_is_not_there(self, answer: bytes, outcome: tuple[bool, str]) -> None:
        with server(answer) as port:
            asking = client.Client(part(port).url(IPv4Address(HERE)))
            assert asking.address == HERE
            assert asking.ask() == outcome

    def test_nobody_is_there(self) -> None:
        with server(b"") as port:
            pass
        asking = client.Client(f"memcached://{HERE}:{port}/")
        assert asking.ask() == (False, "ConnectionRefusedError")

    def test_whoever_says_nothing_is_not_waited_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(client, "PROBE_TIMEOUT", 0.1)
        monkeypatch.setattr(client, "QUESTION", b"no line")
        with server(b"END\r\n") as port:
            asking = client.Client(f"memcached://{HERE}:{port}/")
            assert asking.ask() == (False, "TimeoutError")


class TestLoss:
    def test_a_healthy_lab_is_healthy(self) -> None:
        status = describe(CACHE, healthy(CACHE), None)
        assert status.healthy and status.answers
        assert status.service("cache").nodes == ("node1", "node2", "node3")

    def test_nothing_of_it_has_to_survive(self) -> None:
        assert not CACHE.services["cache"].keeps_writes

    def test_a_cache_that_dies_is_away_at_its_own_address(self) -> None:
        found = expected(CACHE, "service-killed", "node2")
        assert find("service-killed", CACHE).service == "cache"
        assert (found.fate, found.outage_s) == (Fate.STAYS, restart_s(situation(CACHE)))
