"""What clients have written is kept in a file, lost, and brought back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.wait import wait_until
from drills.healing import forget_entries
from drills.ledger import Entry, compare, read_ledger
from drills.probes import Attempt, new_run, probing
from drills.site import Site
from status.collect import collect
from tests.failover.command import halab

pytestmark = [pytest.mark.thorough, pytest.mark.needs("ledger")]

WRITES = 20
"""Acknowledged before the lab is kept: ten seconds of them."""

BUILT_S = 1800
"""Seconds: several times what `up` of a lab that exists and its data take in emulation."""


@pytest.fixture
def written(site: Site) -> Iterator[tuple[str, tuple[Attempt, ...]]]:
    """Let a client write; return its run's name, and what it tried."""
    part, name = site.parts.first_service, new_run()
    with probing(part, name) as probe:
        wait_until(
            lambda: [each for each in probe.attempts() if each.kind == "write" and each.ok],
            lambda writes: len(writes) >= WRITES,
            what=f"{WRITES} acknowledged writes",
            timeout=60.0 * site.inventory.timing.pace,
            describe=lambda writes: f"{len(writes)} so far",
        )
        attempts = probe.stop()
    yield name, attempts
    forget_entries(site, part, name)


def test_what_was_exported_can_be_imported(
    site: Site, written: tuple[str, tuple[Attempt, ...]], tmp_path: Path
) -> None:
    name, attempts = written
    lab, file = site.folder.name, tmp_path / "lab.halab"
    halab("export", lab, str(file), timeout=BUILT_S)
    forget_entries(site, site.parts.first_service, name)
    assert ledger(site, name) == []
    halab("import", str(file), "--yes", timeout=BUILT_S)
    books = compare(attempts, ledger(site, name))
    assert books.complete, str(books)
    status = collect(site.inventory)
    assert status.healthy, status.summary()


def ledger(site: Site, name: str) -> list[Entry]:
    """Return what the service holds of a run, at a node that serves."""
    part = site.parts.first_service
    [node, *_] = collect(site.inventory).service(part.service.name).nodes
    return list(read_ledger(part, site.inventory.machine(node), name))
