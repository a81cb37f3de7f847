"""The hypervisor dies with all machines while a client writes, and `up` brings the lab back.

The monitor dies too, and what its client noted with it: whoever follows the client from outside
knows what was acknowledged. What the hypervisor's own machine had not written to its disks yet is
not lost here, as it would be with that machine's power.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from core.command import start
from core.saying import Say
from core.wait import wait_until
from drills.ledger import compare, read_ledger
from drills.probes import Attempt, Probe, new_run, parse_attempts, probing
from drills.site import Site
from hypervisor.private import PrivateHypervisor
from status.collect import collect
from tests.failover.command import HALAB, halab

pytestmark = [pytest.mark.thorough, pytest.mark.needs("ledger")]

WRITES = 20
"""Acknowledged before the end: ten seconds of them."""
BACK_S = 1800
"""Seconds: several times what `up` takes in emulation."""


def test_what_was_acknowledged_is_there_when_the_lab_is_back(
    site: Site, tmp_path: Path, tell: Say
) -> None:
    folder, followed = site.folder, tmp_path / "attempts.jsonl"
    part = site.parts.first_service
    boots = {node.boot_id for node in collect(site.inventory).nodes}

    with probing(part, new_run()) as probe:
        with followed.open("w") as log:
            follower = start(
                [*HALAB, "ssh", folder.name, site.inventory.monitor.name, "--", follow(probe)],
                stdout=log,
                stdin=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        try:
            wait_until(
                lambda: acknowledged(followed),
                lambda writes: len(writes) >= WRITES,
                what=f"{WRITES} acknowledged writes",
                timeout=60.0 * site.inventory.timing.pace,
                describe=lambda writes: f"{len(writes)} so far",
            )
        finally:
            PrivateHypervisor(folder).stop()
            follower.wait(timeout=60)

        halab("up", folder.name, timeout=BACK_S)

        status = collect(site.inventory)
        # Where all nodes serve, any of them has all of it.
        node, *_ = status.service(part.service.name).nodes
        entries = read_ledger(part, site.inventory.machine(node), probe.run)

    books = compare(parse_attempts(followed.read_text()), entries)
    tell(f"after the end of all machines: {books}")
    assert books.complete, str(books)
    assert books.acknowledged >= WRITES
    assert status.healthy, status.summary()
    # Every node has booted: nobody can have kept it in memory.
    assert boots.isdisjoint(node.boot_id for node in status.nodes)


def follow(probe: Probe) -> str:
    """Return the command that prints what a client notes, from its beginning on."""
    return f"tail -n +1 -F {probe.log}"


def acknowledged(log: Path) -> list[Attempt]:
    """Return the writes that the client was told are done, as far as they were heard of."""
    return [each for each in parse_attempts(log.read_text()) if each.kind == "write" and each.ok]
