"""Nobody but an update of halab's restarts what a cluster consists of."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from parts.facts import COROSYNC, PACEMAKER
from parts.system.upkeep import RESTARTS
from tests.unit.composed_labs import LABS
from tests.unit.delivered import content, files

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
    lab = LABS["active-passive"]
    assert RESTARTS in files(lab, lab.nodes[0])
    assert RESTARTS not in files(lab, lab.monitor)
