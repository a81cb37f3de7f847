"""A lab on AWS is rehearsed: it is built here, broken, ends by its hours, and goes on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli.claims import check_removable, claimed
from cli.measuring import TOO_LONG
from core.command import run
from core.folders import LabFolder
from core.saying import Say
from core.wait import wait_until
from drills.catalogue import find
from drills.failover import words
from drills.hands import machines_on_aws
from drills.runner import new_seed
from drills.runner import run as run_drill
from drills.site import Site
from drills.snapshot import snapshot
from infra.aws_machines import RUNNING, STOPPED, AwsMachines
from infra.first_boot import LEAVING_S
from inventory.record import load_cloud_record, save
from labs.loading import LABS
from labs.writing import copied
from status.health import wait_healthy
from tests.failover.conftest import Printing, require_pass

NAME = "aws-selftest"

COMMAND = "a rehearsal of the tests"
"""Who made the lab."""

BUILT_S = 3600
"""Seconds: three times what `up` takes in emulation, packages from Debian's mirrors among it."""

OTHER = "c6i.xlarge"
"""A type that the lab's nodes can be of, and are not; within what the lab may cost."""

OFF_S = 300
"""Seconds in which a system that was told its end powers off in emulation: a minute until it looks,
half a minute for what runs on it, several times over."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabFolder]:
    """Return a rehearsed lab; stories of this module are told in their order."""
    file = tmp_path_factory.mktemp("definition") / "lab.toml"
    file.write_text(copied(LABS / "aws-active-passive.toml", NAME, file))
    if check_removable(NAME, COMMAND):
        halab("down", NAME)

    def take_away() -> None:
        halab("down", NAME)

    with claimed(NAME, COMMAND, take_away, keep=False) as ours:
        assert ours, f"somebody makes a lab {NAME} at this moment"
        halab("up", str(file), "--hours", "24")
        yield LabFolder.of(NAME)


@pytest.fixture
def site(lab: LabFolder) -> Site:
    found = Site.of(lab)
    wait_healthy(found.inventory, found.inventory.timing.healthy_wait_s)
    return found


def test_there_is_nothing_more_to_do(lab: LabFolder) -> None:
    said = halab("pulumi", NAME, "preview", "--expect-no-changes", "--non-interactive")
    assert "unchanged" in said


@pytest.mark.parametrize("fault", ["power-off", "service-killed", "corosync-killed", "partition"])
def test_a_survivor_takes_over_and_no_promise_is_broken(site: Site, fault: str, tell: Say) -> None:
    kept = run_drill(site, find(fault, site.parts), Printing(), seed=new_seed())
    for line in words(kept.result):
        tell(line)
    require_pass(kept.result)


def test_nodes_get_another_type_one_after_the_other_while_clients_are_served(site: Site) -> None:
    before = snapshot(site.inventory)
    record = load_cloud_record(site.folder)
    file = Path(record.source)
    file.write_text(
        file.read_text().replace("[platform]\n", f'[platform]\nnode_type = "{OTHER}"\n')
    )

    said = halab("up", NAME)

    assert "measured" in said
    assert TOO_LONG not in said
    after = snapshot(site.inventory)
    assert after.status.healthy, after.status.summary()
    assert not after.fence_events - before.fence_events
    machines = machines_on_aws(record, NAME)
    for node in site.inventory.nodes:
        assert machines.instance(node.name)["InstanceType"] == OTHER
        assert after.boots[node.name] != before.boots[node.name]
    assert after.boots[site.inventory.monitor.name] == before.boots[site.inventory.monitor.name]


def test_it_goes_off_by_its_hours_without_a_fencing_and_goes_on_by_more(site: Site) -> None:
    before = snapshot(site.inventory)
    nodes = {node.name for node in site.inventory.nodes}
    machines = bring_to_its_end(site.folder)

    await_off(machines, nodes, OFF_S)
    # The quorum device votes until all nodes have left.
    assert machines.states()[site.inventory.monitor.name] == RUNNING
    await_off(machines, {*nodes, site.inventory.monitor.name}, LEAVING_S + OFF_S)

    assert "has come to the end of its hours" in halab("up", NAME, succeeds=False)
    assert set(machines.states().values()) == {STOPPED}
    halab("up", NAME, "--hours", "24")
    after = snapshot(site.inventory)
    assert after.status.healthy, after.status.summary()
    assert not after.fence_events - before.fence_events
    assert all(after.boots[name] != before.boots[name] for name in nodes)


def bring_to_its_end(lab: LabFolder) -> AwsMachines:
    """Have a lab's hours be over, as time does; return its machines."""
    now = datetime.now(UTC).replace(microsecond=0)
    record = load_cloud_record(lab).model_copy(update={"until": now})
    save(lab.record, record)
    machines = machines_on_aws(record, lab.name)
    machines.end_at(now)
    return machines


def await_off(machines: AwsMachines, names: set[str], timeout_s: float) -> None:
    wait_until(
        machines.states,
        lambda states: all(states[name] == STOPPED for name in names),
        what=f"{', '.join(sorted(names))} to switch themselves off",
        timeout=timeout_s,
    )


def halab(*words: str, succeeds: bool = True) -> str:
    """Say a command as a person does; return what it says. It has to succeed, or to fail."""
    done = run([sys.executable, "-P", "-m", "cli", *words], timeout=BUILT_S, check=succeeds)
    assert succeeds == (done.returncode == 0), done.stdout
    return done.stdout + done.stderr
