"""What the table of open ports says is what passes, and a wrong rule set cannot lock halab out."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from core.errors import HalabError
from core.folders import PROJECT
from inventory.model import Firewall, Inventory
from labs.ports import FIXED, MONITORING, Opening, Peer, Protocol
from labs.roles import NetworkRole
from labs.tables import Allow
from labs.timing import Timing
from machines.remote import Remote, RemoteUnreachable
from provisioning import firewall
from provisioning.files import File
from tests.unit import namespaces
from tests.unit.namespaces import Namespace, machine_and_world
from tests.unit.provisioned_lab import facts, inventory

PLATFORM = IPv4Address("10.10.0.254")
ONE_OF_A_KIND = (Peer.PLATFORM, Peer.MONITOR)
STRANGER = 200
"""Ends the addresses of somebody who is no part of the lab."""

PREFIXES = {role: str(nic.address.ip).rsplit(".", 1)[0] for role, nic in
            inventory().nodes[0].interfaces.items()}  # fmt: skip

why_not = namespaces.missing()
with_nft = pytest.mark.skipif(why_not is not None, reason=str(why_not))


def lab(**firewall_keys: object) -> Inventory:
    """Describe a lab whose platform's address is known."""
    keys: dict[str, object] = {"platform": PLATFORM, **firewall_keys}
    return inventory(pace=1).model_copy(update={"firewall": Firewall.model_validate(keys)})


def node_rules(found: Inventory) -> str:
    return firewall.rules(found, found.nodes[0])


def test_every_row_of_the_table_becomes_a_rule_with_its_peers() -> None:
    text = node_rules(lab())
    assert (
        'ip saddr { 10.10.0.254, 10.10.0.2, 10.10.0.3 } tcp dport 22 accept comment "ssh"' in text
    )
    assert "ip saddr 10.20.1.2 udp dport 5405 accept" in text
    assert "ip saddr 10.20.2.2 udp dport 5406 accept" in text
    assert "ip saddr 10.20.9.2 tcp dport 7788 accept" in text
    assert "ip saddr 10.10.0.3 tcp dport 10050 accept" in text
    monitor = firewall.rules(lab(), lab().monitor)
    assert "ip saddr { 10.10.0.1, 10.10.0.2 } tcp dport 5403 accept" in monitor
    assert "ip saddr 10.10.0.254 tcp dport 80 accept" in monitor


def test_an_unknown_platform_may_come_from_everywhere_on_management() -> None:
    text = node_rules(lab(platform=None))
    assert '\n        tcp dport 22 accept comment "ssh"' in text


def test_what_a_definition_adds_is_open_there_alone() -> None:
    found = lab(allow=(Allow(role="node", network="service", protocol="tcp", port=443),))
    service = node_rules(found).partition("chain service {")[2].partition("}")[0]
    assert "\n        tcp dport 443 accept" in service
    assert node_rules(found).count("443") == 1
    assert "443" not in firewall.rules(found, found.monitor)


def test_the_floating_address_stands_on_the_service_network_alone() -> None:
    lines = [line.strip() for line in node_rules(lab()).splitlines() if "10.30.0.100" in line]
    assert lines == ['iifname "svc" ip daddr 10.30.0.100 jump service']
    assert "10.30.0.100" not in firewall.rules(lab(), lab().monitor)


def test_nothing_but_its_own_table_is_touched() -> None:
    text = node_rules(lab())
    assert "flush" not in text
    assert {line for line in text.splitlines() if line.startswith(("table", "delete"))} == {
        "table inet halab",
        "delete table inet halab",
        "table inet halab {",
    }


def documented_row(opening: Opening) -> str:
    port = "echo request" if opening.port is None else str(opening.port)
    peers = ", ".join(
        "anybody" if peer is Peer.ANYBODY else f"the {peer}" if peer in ONE_OF_A_KIND else "nodes"
        for peer in opening.peers
    )
    cells = (opening.role, opening.network, f"{opening.protocol} {port}", peers, opening.purpose)
    return f"| {' | '.join(cells)} |"


def test_the_manual_lists_what_is_open_and_nothing_else() -> None:
    manual = (PROJECT / "docs" / "networks.md").read_text()
    service = inventory().openings[len(FIXED)]
    rows = [
        *map(documented_row, (*FIXED, *MONITORING)),
        documented_row(service).replace("80", "`service.port`"),
    ]
    written = [line for line in manual.splitlines() if line.startswith(("| node |", "| monitor |"))]
    assert sorted(written) == sorted(rows)


def test_no_port_is_listed_twice_for_the_same_network() -> None:
    rows = [(o.role, o.network, o.protocol, o.port) for o in FIXED]
    assert len(rows) == len(set(rows))


def sums(in_force: str, at_boot: str) -> dict[str, str]:
    return {"-": in_force, firewall.RULES: hashlib.sha256(at_boot.encode()).hexdigest()}


def test_rules_are_tried_only_when_something_differs() -> None:
    found, node = lab(), lab().nodes[0]
    right = facts(runs=True, notes={"firewall": "abc  -"}, digests=sums("abc", node_rules(found)))
    assert firewall.delivery(found, node, right) == ()
    for wrong in (
        replace(right, digests=sums("other", node_rules(found))),
        replace(right, digests=sums("abc", "older rules")),
        replace(right, notes={}),
        facts(runs=False),
    ):
        assert len(firewall.delivery(found, node, wrong)) == 1


def test_without_a_firewall_nothing_is_written_and_an_old_one_goes() -> None:
    off = lab(enabled=False)
    assert firewall.files(off) == ()
    assert firewall.delivery(off, off.nodes[0], facts(runs=False)) == ()
    assert firewall.start(off, facts(runs=False), frozenset()) == ()
    (step,) = firewall.start(off, facts(runs=True, notes={"firewall": "x"}), frozenset())
    assert "nft delete table inet halab" in step.command


@pytest.fixture(scope="module")
def node_and_world() -> Iterator[tuple[Namespace, Namespace]]:
    """A node with its rules in force, and around it peers, the monitor, the platform, strangers."""
    found = lab()
    node = found.nodes[0]
    world = {
        role: tuple(f"{prefix}.{end}" for end in (2, 3, STRANGER, 254))
        for role, prefix in PREFIXES.items()
    }
    with machine_and_world(node, world) as (here, there):
        here.run(f"ip address add {found.service.address} dev svc")
        here.run("nft --file -", stdin=node_rules(found))
        yield here, there


PATIENCE_S = 0.4
"""In a namespace an answer comes within milliseconds; silence has to be waited for."""

PORTS = [21, 22, 80, 123, 443, 5403, 5405, 5406, 7788, 8080, 10050, 10051, 40000]


def passed(here: Namespace, there: Namespace, probes: list[dict[str, object]]) -> list[set[int]]:
    """Return, for each probe, the TCP ports that answered, if only to refuse."""
    asked = json.dumps({"probes": probes, "patience": PATIENCE_S})
    scanner = PROJECT / "tests" / "state" / "scanner.py"
    done = there.run(f"{sys.executable} -I -S {scanner}", stdin=asked)
    return [{*one["open"], *one["refused"]} for one in json.loads(done.stdout)]


@with_nft
@pytest.mark.parametrize("role", list(NetworkRole))
def test_packets_pass_as_the_table_says(
    node_and_world: tuple[Namespace, Namespace], role: NetworkRole
) -> None:
    here, there = node_and_world
    found, node = lab(), lab().nodes[0]
    prefix = PREFIXES[role]
    who = {2: Peer.NODE, 3: Peer.MONITOR, 254: Peer.PLATFORM, STRANGER: Peer.ANYBODY}
    probes: list[dict[str, object]] = [
        {"source": f"{prefix}.{end}", "target": f"{prefix}.1", "tcp": PORTS} for end in who
    ]
    if role is NetworkRole.SERVICE:
        probes.append({"source": f"{prefix}.3", "target": f"{prefix}.100", "tcp": PORTS})
        who[100] = Peer.MONITOR
    expected = [
        {
            opening.port
            for opening in found.openings
            if (opening.role, opening.network) == (node.role, role)
            and opening.protocol is Protocol.TCP
            and (peer in opening.peers or Peer.ANYBODY in opening.peers)
        }
        for peer in who.values()
    ]
    assert passed(here, there, probes) == expected


@with_nft
def test_udp_passes_from_the_other_node_alone(
    node_and_world: tuple[Namespace, Namespace],
) -> None:
    here, there = node_and_world
    here.run(
        "nft --file -",
        stdin="""table inet witness {
            set passed { type ipv4_addr . inet_service; flags dynamic; }
            chain input { type filter hook input priority 10;
                meta l4proto udp add @passed { ip saddr . udp dport }
            }
        }""",
    )
    a, b = PREFIXES[NetworkRole.CLUSTER_A], PREFIXES[NetworkRole.CLUSTER_B]
    passed(
        here,
        there,
        [
            {"source": f"{prefix}.{end}", "target": f"{prefix}.1", "udp": PORTS}
            for prefix in (a, b)
            for end in (2, 3, STRANGER)
        ],
    )
    seen = json.loads(here.run("nft --json list set inet witness passed").stdout)
    (made,) = [item["set"] for item in seen["nftables"] if "set" in item]
    assert {tuple(element["concat"]) for element in made["elem"]} == {
        (f"{a}.2", 5405),
        (f"{b}.2", 5406),
    }


@with_nft
def test_an_address_is_served_on_its_own_network_alone(
    node_and_world: tuple[Namespace, Namespace],
) -> None:
    here, there = node_and_world
    management = PREFIXES[NetworkRole.MANAGEMENT]
    mac = json.loads(here.run("ip -json link show mgmt").stdout)[0]["address"]
    ways: list[dict[str, object]] = []
    for target in ("10.30.0.100", "10.30.0.1"):
        there.run(f"ip neigh replace {target} lladdr {mac} dev mgmt nud permanent")
        ways.append(
            {"source": f"{management}.254", "target": target, "interface": "mgmt", "tcp": PORTS}
        )
    assert passed(here, there, ways) == [set(), set()]


SYSTEMD_RUN = """#!/bin/sh
while [ "$1" != --on-active ]; do shift; done
seconds=$2
while [ "$1" != /bin/sh ]; do shift; done
(sleep "$seconds"; exec "$@") </dev/null >/dev/null 2>&1 &
"""
"""Ends a trial as the real one does on a machine."""


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    folder = tmp_path / "tools"
    folder.mkdir()
    for name, text in (("systemd-run", SYSTEMD_RUN), ("systemctl", "#!/bin/sh\n")):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture
def on_trial(
    tmp_path: Path, tools: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Namespace, Namespace, Inventory]]:
    """A node whose sshd listens, and rules that were delivered to folders of this test."""
    for name, place in (("_TRIAL", "run/firewall.nft"), ("RULES", "etc/firewall.nft")):
        monkeypatch.setattr(firewall, name, str(tmp_path / place))
    monkeypatch.setattr(firewall, "_RESTORED", str(tmp_path / "run" / "firewall.restored"))
    monkeypatch.setattr(firewall, "NOTES", str(tmp_path / "notes"))
    (tmp_path / "run").mkdir()
    found = lab()
    monkeypatch.setattr(Timing, "firewall_trial_s", 10)
    world: dict[NetworkRole, tuple[str, ...]]
    world = {role: (f"{prefix}.254",) for role, prefix in PREFIXES.items()}
    with machine_and_world(found.nodes[0], world, tools) as (here, there):
        yield here, there, found


def ssh_answers(there: Namespace) -> bool:
    probe: dict[str, object] = {"source": "10.10.0.254", "target": "10.10.0.1", "tcp": [22]}
    return passed(there, there, [probe]) == [{22}]


def try_rules(here: Namespace, there: Namespace, found: Inventory, text: str) -> tuple[str, ...]:
    """Deliver rules and try them; halab connects from the platform's address."""
    trial = File(firewall._TRIAL, text)
    Path(trial.path).write_text(text)

    @contextmanager
    def connect() -> Iterator[Remote]:
        if not ssh_answers(there):
            raise RemoteUnreachable("here cannot be reached")
        yield here.remote

    return firewall.apply_on_trial(found, here.remote, connect, frozenset({trial.path}))


@with_nft
def test_rules_that_let_halab_in_are_kept(
    on_trial: tuple[Namespace, Namespace, Inventory], tmp_path: Path
) -> None:
    here, there, found = on_trial
    assert try_rules(here, there, found, node_rules(found)) == ("firewall rules in force",)
    assert Path(firewall.RULES).read_text() == node_rules(found)
    here.run(f"sh {tmp_path}/run/end-trial", check=False)
    assert "dport 7788" in here.run("nft list table inet halab").stdout
    # What is noted is what is found again.
    note = (tmp_path / "notes" / firewall.NOTE).read_text()
    assert note == here.run("nft --stateless list table inet halab | sha256sum").stdout


@with_nft
def test_rules_that_shut_halab_out_are_taken_back(
    on_trial: tuple[Namespace, Namespace, Inventory], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there, found = on_trial
    try_rules(here, there, found, node_rules(found))
    before = here.run("nft list ruleset").stdout
    here.run("nft add table inet somebody_elses")

    monkeypatch.setattr(Timing, "firewall_trial_s", 1)
    deaf = node_rules(found).replace("tcp dport 22 accept", "tcp dport 2222 accept")
    with pytest.raises(HalabError, match="shut halab out; they were taken back"):
        try_rules(here, there, found, deaf)

    assert ssh_answers(there)
    assert here.run("nft list table inet halab").stdout.strip() == before.strip()
    assert Path(firewall.RULES).read_text() == node_rules(found)
    assert "somebody_elses" in here.run("nft list tables").stdout


@with_nft
def test_the_first_rules_of_a_machine_can_be_taken_back_too(
    on_trial: tuple[Namespace, Namespace, Inventory], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there, found = on_trial
    monkeypatch.setattr(Timing, "firewall_trial_s", 1)
    deaf = node_rules(found).replace("tcp dport 22 accept", "tcp dport 2222 accept")
    with pytest.raises(HalabError):
        try_rules(here, there, found, deaf)
    assert ssh_answers(there)
    assert not Path(firewall.RULES).exists()


@with_nft
def test_a_confirmation_that_comes_too_late_is_refused(
    on_trial: tuple[Namespace, Namespace, Inventory], tmp_path: Path
) -> None:
    here, _, found = on_trial

    @contextmanager
    def late() -> Iterator[Remote]:
        here.run(f"sh {tmp_path}/run/end-trial", check=False)
        yield here.remote

    Path(firewall._TRIAL).write_text(node_rules(found))
    with pytest.raises(HalabError, match="taken back"):
        firewall.apply_on_trial(found, here.remote, late, frozenset({firewall._TRIAL}))
    assert not Path(firewall.RULES).exists()
    assert here.run("nft list tables").stdout.strip() == ""


@with_nft
def test_what_nft_does_not_understand_changes_nothing(
    on_trial: tuple[Namespace, Namespace, Inventory], tmp_path: Path
) -> None:
    here, there, found = on_trial
    with pytest.raises(HalabError, match="syntax error"):
        try_rules(here, there, found, "table inet halab { nonsense }\n")
    assert here.run("nft list tables").stdout.strip() == ""
    # Not even a trial began.
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["firewall.nft"]
