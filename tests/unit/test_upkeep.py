"""Nobody renews packages unasked, and only an update of halab's restarts a cluster's daemons."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from inventory.model import Machine
from parts.facts import COROSYNC, PACEMAKER, UnitState
from parts.system.upkeep import RENEWING, RESTARTS
from tests.unit.composed_labs import LABS
from tests.unit.delivered import content, files
from tests.unit.planned_lab import planned
from tests.unit.provisioned_lab import with_unit

LAB = planned("active-passive", accelerated=True)
TIMER = "apt-daily-upgrade.timer"


@pytest.mark.parametrize("machine", LAB.machines, ids=lambda each: each.name)
@pytest.mark.parametrize(
    "state", [UnitState(active=False, enabled=True), UnitState(active=True, enabled=False)]
)
def test_what_would_renew_them_is_stopped_for_good(machine: Machine, state: UnitState) -> None:
    steps = with_unit(LAB, machine, TIMER, state).steps(machine, frozenset())

    (step,) = (each for each in steps if TIMER in each.command)
    assert step.command == f"systemctl disable --now {TIMER}"


def test_where_an_image_forbids_it_nothing_is_done() -> None:
    """As halab's own images do."""
    node, masked = LAB.nodes[0], UnitState(active=False, enabled=False, masked=True)

    steps = with_unit(LAB, node, TIMER, masked).steps(node, frozenset())

    assert not [each for each in steps if any(unit in each.command for unit in RENEWING)]


ASKED = """
our %nrconf;
do shift;
print join(" ", grep { my $unit = $_; grep { $unit =~ $_ } keys %{$nrconf{override_rc}} } @ARGV);
"""
"""Which units needrestart leaves alone: its keys are patterns (needrestart.conf, override_rc)."""

CLUSTER = (PACEMAKER, COROSYNC, "corosync-qdevice.service", "sbd.service", "drbd.service")


@pytest.mark.parametrize("name", ["active-passive", "cluster-filesystem"])
def test_needrestart_leaves_the_cluster_alone(name: str, tmp_path: Path) -> None:
    path = tmp_path / "halab.conf"
    path.write_text(content(RESTARTS, LABS[name]))
    done = subprocess.run(
        ["perl", "-e", ASKED, str(path), *CLUSTER, "ssh.service", "cron.service"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == list(CLUSTER)


def test_only_nodes_have_a_cluster() -> None:
    assert RESTARTS in files(LAB, LAB.nodes[0])
    assert RESTARTS not in files(LAB, LAB.monitor)
