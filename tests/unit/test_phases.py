"""What `up` says of where its seconds went."""

from __future__ import annotations

import re
from io import StringIO

import pytest
from rich.console import Console

from cli.phases import LAST_SAID, REST, phases, told
from cli.progress import Progress
from core.folders import PROJECT

SAID = (
    (0.0, "looking at what is there"),
    (11.0, "making machine node1"),
    (12.0, "making machine node2"),
    (80.0, "node2: answers"),
    (86.0, "node1: answers"),
    (90.0, "node1: 39 files written"),
    (95.0, "node1: firewall rules in force"),
    (116.0, "node1: chrony follows the lab's clock"),
    (126.0, "node2: cluster started"),
    (222.0, "monitor: the service answers"),
    (238.0, "monitor: monitored: node1, node2"),
    (262.0, "resource fencing is not started on node1"),
)


def test_every_second_belongs_to_the_phase_that_ended_first() -> None:
    found = phases(SAID, 400.0)
    assert told(found) == (
        "machines 12 s, ssh 74 s, files and firewall 9 s, daemons 31 s, services 96 s, "
        "monitoring 16 s, health 162 s"
    )
    assert sum(seconds for _, seconds in found) == 400.0


def test_the_order_is_that_in_which_they_ended() -> None:
    early = [(100.0, text) if "monitored" in text else (at, text) for at, text in SAID]
    names = [name for name, _ in phases(early, 400.0)]
    assert names.index("monitoring") < names.index("daemons")


def test_where_nothing_was_to_be_done_there_are_no_phases() -> None:
    assert phases(((0.0, "looking at what is there"),), 3.0) == ()


@pytest.mark.parametrize(
    ("name", "piece"),
    [
        ("ssh", ": answers"),
        ("packages", "packages installed: "),
        ("files and firewall", "firewall rules in force"),
        ("daemons", "membership started"),
        ("daemons", "cluster started"),
        ("services", "all services answer"),
        ("monitoring", "monitored: "),
    ],
)
def test_it_is_what_provisioning_says(name: str, piece: str) -> None:
    """Who words that otherwise has to word it here as well."""
    sources = [*(PROJECT / "provisioning").rglob("*.py"), *(PROJECT / "parts").rglob("*.py")]
    assert any(piece in source.read_text() for source in sources)
    sentence = f"node1{piece}" if piece.startswith(":") else f"node1: {piece}"
    assert re.match(LAST_SAID[name], sentence)


def test_a_log_has_it_on_one_line() -> None:
    log = StringIO()
    Progress(Console(file=log, width=80)).note(told(phases(SAID, 400.0)))
    assert log.getvalue().count("\n") == 1 and len(log.getvalue()) > 80


def test_a_step_tells_its_own() -> None:
    with Progress(Console(file=StringIO())).step("Lab x") as step:
        step("making machine node1")
        assert [name for name, _ in step.phases] == ["machines", REST]
