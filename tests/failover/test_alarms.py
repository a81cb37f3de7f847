"""The monitoring raises a problem for what no drill does, and sees it end.

What people forget to take back, what dies quietly, and a lab in which nobody has a quorum. Each
story breaks several things at once, because some problems are raised only after minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Literal

import pytest

from core.folders import LabFolder
from core.wait import wait_until
from drills.faults.base import run_on
from inventory.model import Inventory, Machine
from provisioning.secrets import ensure_secrets
from provisioning.zabbix.names import silence_s
from status.health import wait_healthy
from status.problems import Alarm, ProblemReader
from tests.quiet import wait_for_quiet

CLOCK_PATIENCE_S = 120
"""{$HALAB.PATIENCE} of the template: a clock may follow nobody for so long after a boot."""


@dataclass(frozen=True)
class Hurt:
    """Shell text that breaks something on a machine, the text that heals it, and what is told."""

    where: Literal["active", "standby", "monitor"]
    breaks: str
    heals: str
    alarms: frozenset[Alarm]


def hurt(
    where: Literal["active", "standby", "monitor"], breaks: str, heals: str, *alarms: Alarm
) -> Hurt:
    return Hurt(where, breaks, heals, frozenset(alarms))


FORGOTTEN = (
    hurt(
        "active",
        "crm_attribute --name maintenance-mode --update true",
        "crm_attribute --name maintenance-mode --delete",
        Alarm.MAINTENANCE,
    ),
    hurt(
        "active",
        "crm_attribute --name stonith-enabled --update false",
        "crm_attribute --name stonith-enabled --update true",
        Alarm.FENCING_DISABLED,
    ),
    hurt(
        "standby",
        "mv /dev/watchdog /dev/watchdog-away",
        "mv /dev/watchdog-away /dev/watchdog",
        Alarm.WATCHDOG_MISSING,
    ),
    hurt("standby", "systemctl stop chrony", "systemctl start chrony", Alarm.CLOCK_UNSYNCHRONISED),
)

DEAF = (
    hurt(
        "standby",
        "systemctl stop zabbix-agent2",
        "systemctl start zabbix-agent2",
        Alarm.SILENT,
    ),
    hurt(
        "active",
        "systemctl stop halab-cluster-status.timer",
        "systemctl start halab-cluster-status.timer",
        Alarm.COLLECTOR_STOPPED,
    ),
    hurt(
        "standby",
        "systemctl stop halab-cluster-status.timer",
        "systemctl start halab-cluster-status.timer",
        Alarm.CLUSTER_SILENT,
    ),
)

NOBODY_PROMOTED = (
    hurt(
        "active",
        "crm_resource --resource replication --meta --set-parameter target-role "
        "--parameter-value Unpromoted",
        "crm_resource --resource replication --meta --delete-parameter target-role",
        Alarm.PROMOTED_NOT_ONE,
        Alarm.RESOURCE_STOPPED,
        Alarm.SERVICE_UNREACHABLE,
    ),
)

UNMANAGED_AND_HARMLESS = (
    hurt(
        "active",
        "crm_resource --resource web --meta --set-parameter is-managed --parameter-value false",
        "crm_resource --resource web --meta --delete-parameter is-managed",
        Alarm.RESOURCE_BLOCKED,
    ),
    # Whoever cannot be fenced: the attempt fails, and is told until somebody forgets it.
    hurt(
        "active",
        "crm_resource --resource fencing-everywhere --meta --set-parameter target-role "
        "--parameter-value Stopped; crm_resource --wait --timeout 60; "
        "! stonith_admin --reboot $(crm_node --list | awk -v me=$(uname -n) '$2 != me {print $2}')",
        "crm_resource --resource fencing-everywhere --meta --delete-parameter target-role; "
        "stonith_admin --cleanup --history='*'",
        Alarm.FENCING_FAILED,
    ),
)

ALONE = (
    hurt(
        "monitor",
        "systemctl stop corosync-qnetd",
        "systemctl start corosync-qnetd",
        Alarm.QDEVICE_LOST,
    ),
    hurt(
        "standby",
        "systemctl stop pacemaker corosync-qdevice corosync",
        "systemctl start corosync corosync-qdevice pacemaker",
        Alarm.PACEMAKER_DOWN,
    ),
    hurt("active", "true", "true", Alarm.QUORUM_LOST, Alarm.SERVICE_UNREACHABLE),
)


ALL = (*FORGOTTEN, *DEAF, *NOBODY_PROMOTED, *UNMANAGED_AND_HARMLESS, *ALONE)


@pytest.fixture
def hears(
    folder: LabFolder, inventory: Inventory, tell: Callable[[str], None]
) -> Callable[[tuple[Hurt, ...]], None]:
    """Return a function that hurts the healthy lab and waits for all alarms and for their end."""
    if inventory.monitoring is None:
        pytest.skip("this lab has no monitoring")

    def hear(hurts: tuple[Hurt, ...]) -> None:
        status = wait_healthy(inventory, inventory.timing.healthy_wait_s)
        assert status.active is not None
        with ProblemReader(inventory, ensure_secrets(folder.secrets)) as reader:
            wait_for_quiet(reader, inventory)
            with broken(inventory, status.active, hurts):
                wanted = frozenset[Alarm]().union(*(each.alarms for each in hurts))
                found = wait_until(
                    lambda: {problem.alarm for problem in reader.read()},
                    lambda found: found >= wanted,
                    what=f"the monitoring raises {', '.join(sorted(wanted))}",
                    timeout=CLOCK_PATIENCE_S + 3.0 * silence_s(inventory.observe_every_s),
                    interval=3.0,
                    describe=lambda found: f"it has raised {', '.join(sorted(found)) or 'nothing'}",
                )
            tell(f"raised {', '.join(sorted(found))}")
            wait_healthy(inventory, inventory.timing.healthy_wait_s)
            wait_for_quiet(reader, inventory)

    return hear


@contextmanager
def broken(inventory: Inventory, active: str, hurts: tuple[Hurt, ...]) -> Iterator[None]:
    """Break all of it, and heal it in the opposite order, also what broke only half."""
    [standby] = [node for node in inventory.nodes if node.name != active]
    machines = {
        "active": inventory.machine(active),
        "standby": standby,
        "monitor": inventory.monitor,
    }
    with ExitStack() as stack:
        for each in hurts:
            machine: Machine = machines[each.where]
            stack.callback(run_on, machine, each.heals)
            run_on(machine, each.breaks)
        yield


@pytest.mark.thorough
@pytest.mark.parametrize(
    "hurts",
    [FORGOTTEN, DEAF, UNMANAGED_AND_HARMLESS, NOBODY_PROMOTED],
    ids=["forgotten", "deaf", "unmanaged", "nobody-promoted"],
)
def test_what_is_wrong_is_raised_and_ends(
    hears: Callable[[tuple[Hurt, ...]], None], hurts: tuple[Hurt, ...]
) -> None:
    hears(hurts)


def test_a_node_alone_without_the_quorum_device_serves_nothing_and_says_so(
    hears: Callable[[tuple[Hurt, ...]], None],
) -> None:
    hears(ALONE)
