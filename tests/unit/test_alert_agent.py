"""The alert agent: each of Pacemaker's events becomes what the server is told, or nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from inventory.model import Inventory
from parts.all import Parts
from parts.monitoring.agent import ALERT
from parts.monitoring.names import EVENTS_FILE
from tests.unit.delivered import content
from tests.unit.sketched import SHOP, STORY, TRIO


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    put_program(tmp_path, "zabbix_sender", f"cat >>{tmp_path}/sent\nexit 0")
    has_quorum(tmp_path, "Yes")
    return tmp_path


def put_program(folder: Path, name: str, text: str) -> None:
    """Put a program where the agent finds it before the real one."""
    program = folder / name
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)


def has_quorum(folder: Path, answer: str) -> None:
    said = f"echo asked >>{folder}/asked\necho 'Quorate:          {answer}'"
    put_program(folder, "corosync-quorumtool", said)


LAB = STORY.inventory


def program(folder: Path, lab: Inventory = LAB) -> str:
    text = content(ALERT, lab)
    assert EVENTS_FILE in text
    return text.replace(EVENTS_FILE, str(folder / "event"))


def alert(folder: Path, lab: Inventory = LAB, /, **event: str) -> str:
    """Run the agent for an event and return what it sends, when its background has ended too."""
    done = subprocess.run(
        ["/bin/sh", "-uc", f"{program(folder, lab)}\nwait\n"],
        env={
            "PATH": f"{folder}:/usr/bin:/bin",
            **{f"CRM_alert_{key}": value for key, value in event.items()},
        },
        timeout=60,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    sent = folder / "sent"
    return sent.read_text() if sent.exists() else ""


def silent(folder: Path, lab: Inventory = LAB, /, **event: str) -> bool:
    text = program(folder, lab).replace("send </dev/null", "echo SENT; : </dev/null")
    environment = {f"CRM_alert_{key}": value for key, value in event.items()}
    done = subprocess.run(
        ["/bin/sh", "-uc", text],
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return "SENT" not in done.stdout


def test_a_lost_node_is_told_about_that_node(folder: Path) -> None:
    sent = alert(folder, kind="node", node="node2", desc="lost")
    assert 'node2 cluster.member "lost"' in sent
    assert 'story.cluster cluster.event "node2 is lost"' in sent


def test_who_is_cut_off_does_not_call_the_others_lost(folder: Path) -> None:
    has_quorum(folder, "No")
    put_program(folder, "sleep", ":")
    assert alert(folder, kind="node", node="node2", desc="lost") == ""
    assert (folder / "asked").read_text() == 3 * "asked\n"
    assert 'cluster.member "member"' in alert(folder, kind="node", node="node2", desc="member")


def test_a_vote_that_comes_late_delays_the_word_of_a_lost_node(folder: Path) -> None:
    has_quorum(folder, "No")
    # The vote comes while the agent waits.
    put_program(folder, "sleep", f"echo 'echo Quorate: Yes' >{folder}/corosync-quorumtool")
    assert 'node2 cluster.member "lost"' in alert(folder, kind="node", node="node2", desc="lost")


@pytest.mark.parametrize(("rc", "word"), [("0", "fenced"), ("1", "failed")])
def test_fencing_is_told_with_its_outcome(folder: Path, rc: str, word: str) -> None:
    sent = alert(folder, kind="fencing", node="node2", rc=rc, desc="reboot of node2: OK")
    assert f'node2 cluster.fenced "{word}: reboot of node2: OK"' in sent


RESOURCE = {"kind": "resource", "node": "node1", "interval": "10000", "target_rc": "0"}


def test_a_failed_operation_is_told(folder: Path) -> None:
    failed = {**RESOURCE, "rsc": "web", "task": "monitor", "rc": "7", "desc": "not running"}
    assert 'cluster.failure "web monitor on node1: not running"' in alert(folder, **failed)


def done(resource: str, task: str) -> dict[str, str]:
    return {**RESOURCE, "rsc": resource, "task": task, "rc": "0", "desc": "ok"}


@pytest.mark.parametrize(
    ("parts", "resource", "words"),
    [
        (STORY, "drbd", "takes over"),
        (SHOP, "drbd", "takes over storage data"),
        (SHOP, "ledger-drbd", "takes over storage ledger"),
    ],
)
def test_who_is_promoted_takes_over(folder: Path, parts: Parts, resource: str, words: str) -> None:
    sent = alert(folder, parts.inventory, **done(resource, "promote"))
    assert sent == f'{parts.inventory.lab}.cluster cluster.event "node1 {words}"\n'


@pytest.mark.parametrize(("task", "word"), [("start", "runs on"), ("stop", "leaves")])
@pytest.mark.parametrize(
    ("parts", "resource", "what"),
    [
        (STORY, "address", "the service"),
        (TRIO, "address-3", "service web at 10.30.0.102"),
        (SHOP, "books-address", "service books at 10.30.0.101"),
    ],
)
def test_a_service_is_where_its_address_is(
    folder: Path, parts: Parts, resource: str, what: str, task: str, word: str
) -> None:
    sent = alert(folder, parts.inventory, **done(resource, task))
    assert f'{parts.inventory.lab}.cluster cluster.event "{what} {word} node1"' in sent


def test_who_has_the_only_address_is_active(folder: Path) -> None:
    assert 'story.cluster cluster.active "node1"' in alert(folder, **done("address", "start"))


@pytest.mark.parametrize(
    ("parts", "resource", "task"),
    [
        (STORY, "address", "stop"),
        (STORY, "drbd", "promote"),
        (TRIO, "address-1", "start"),
    ],
)
def test_who_serves_is_not_said_before_it_is_known(
    folder: Path, parts: Parts, resource: str, task: str
) -> None:
    assert "cluster.active" not in alert(folder, parts.inventory, **done(resource, task))


def test_quotes_and_lines_of_a_description_cannot_break_the_message(folder: Path) -> None:
    sent = alert(folder, kind="fencing", node="node2", rc="1", desc='say "no"\nand \\ go')
    assert "failed: say 'no' and / go\"" in sent


@pytest.mark.parametrize(
    "event",
    [
        {**RESOURCE, "rsc": "web", "task": "start", "rc": "0", "desc": "ok"},
        {
            **RESOURCE,
            "rsc": "web",
            "task": "monitor",
            "interval": "0",
            "rc": "7",
            "target_rc": "0",
            "desc": "",
        },
        {"kind": "attribute", "node": "node1"},
    ],
    ids=["a success", "a probe", "an attribute"],
)
def test_what_is_no_news_costs_no_message(folder: Path, event: dict[str, str]) -> None:
    assert silent(folder, **event)


def test_the_cluster_does_not_wait_for_a_monitor_that_hangs(folder: Path) -> None:
    put_program(folder, "zabbix_sender", f"cat >{folder}/sent\nexec sleep 2")
    # `alert` itself would fail: it allows no output to be held open.
    assert alert(folder, kind="node", node="node2", desc="lost")


def test_every_event_leaves_its_mark(folder: Path) -> None:
    alert(folder, kind="node", node="node2", desc="member")
    assert (folder / "event").exists()
