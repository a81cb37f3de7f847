"""New packages come to all nodes while clients are served; a broken one stops at the first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.folders import LabFolder
from core.saying import Say
from drills.site import Site
from hypervisor.reset import can_reset
from inventory.model import Inventory
from machines.remote import Remote
from status.collect import collect
from status.health import wait_healthy
from tests.failover.conftest import Printing
from tests.failover.depot import BROKEN, PACKAGE, STACK, installed, make_depot
from tests.failover.kernels import fetch_kernel
from updates.outage import Account
from updates.planning import Roles, Turn, plan
from updates.rolling import Rolling, look
from updates.worker import Wanted, running_kernel

pytestmark = pytest.mark.thorough


@pytest.fixture
def site(folder: LabFolder, inventory: Inventory) -> Iterator[Site]:
    """Return a healthy lab; it goes back to the packages that it had."""
    made = Site.of(folder)
    if can_reset(folder):
        made.reset(print)
    wait_healthy(inventory, inventory.timing.healthy_wait_s)
    yield made
    if can_reset(folder):
        made.reset(print)


Roll = Callable[..., tuple[Rolling, Account]]


@pytest.fixture
def roll(site: Site, tell: Say) -> Roll:
    """Return a function that updates the lab as the command does and tells what clients saw."""

    def roll(folder: Path | None, *, back: bool = False) -> tuple[Rolling, Account]:
        wanted = Wanted(folder=folder)
        made = Rolling(site, wanted, Printing())
        account = made.run(turns(site, wanted, back=back))
        for line in account.lines():
            tell(line)
        return made, account

    return roll


def turns(site: Site, wanted: Wanted, *, back: bool = False) -> tuple[Turn, ...]:
    return plan(look(site, wanted, back=back), Roles.of(collect(site.inventory)), back=back)


def kernels(site: Site) -> dict[str, str]:
    """Return the kernel that each node runs."""
    found = {}
    for node in site.inventory.nodes:
        with Remote(node) as remote:
            found[node.name] = running_kernel(remote)
    return found


def versions(site: Site) -> dict[str, dict[str, str]]:
    """Return the versions of all that the cluster consists of, by node and package."""
    found = {}
    for node in site.inventory.nodes:
        with Remote(node) as remote:
            found[node.name] = installed(remote, STACK)
    return found


def test_all_nodes_are_updated_while_clients_are_served(
    site: Site, roll: Roll, tmp_path: Path
) -> None:
    with Remote(site.inventory.nodes[0]) as remote:
        new = make_depot(remote, tmp_path / "good", "+halab1", sources=STACK)
    before = versions(site)
    assert {"corosync", "pacemaker", PACKAGE} <= new.keys()
    assert turns(site, Wanted(folder=tmp_path / "good"))[-1].node == collect(site.inventory).dc

    done, account = roll(tmp_path / "good")
    assert done.failure is None
    assert account.kept, list(account.lines())
    assert versions(site) == dict.fromkeys(before, new)
    assert turns(site, Wanted(folder=tmp_path / "good")) == ()

    done, account = roll(None, back=True)
    assert done.failure is None
    assert account.kept, list(account.lines())
    assert versions(site) == before
    assert turns(site, Wanted(), back=True) == ()


def test_all_nodes_get_a_new_kernel_and_the_old_one_back(
    site: Site, roll: Roll, tmp_path: Path
) -> None:
    before = kernels(site)
    old, *others = set(before.values())
    assert not others
    new = fetch_kernel(tmp_path / "kernel", old.partition("+")[2].partition("-")[2])
    assert new != old

    done, account = roll(tmp_path / "kernel")
    assert done.failure is None
    assert account.kept, list(account.lines())
    assert kernels(site) == dict.fromkeys(before, new)

    done, account = roll(None, back=True)
    assert done.failure is None
    assert account.kept, list(account.lines())
    assert kernels(site) == before
    for node in site.inventory.nodes:
        with Remote(node) as remote:
            assert new not in remote.run("ls /boot").stdout


def test_a_broken_package_stops_at_the_first_node_and_is_taken_back(
    site: Site, roll: Roll, tmp_path: Path
) -> None:
    with Remote(site.inventory.nodes[0]) as remote:
        new = make_depot(remote, tmp_path / "broken", "+halab1", BROKEN)
    before = versions(site)
    first, *others = (turn.node for turn in turns(site, Wanted(folder=tmp_path / "broken")))

    stopped, account = roll(tmp_path / "broken")
    assert stopped.failure is not None
    assert stopped.failure.message.startswith(f"the update stopped at {first}, bringing it online")
    assert account.kept, list(account.lines())
    assert versions(site) == {**before, first: before[first] | new}
    status = collect(site.inventory)
    assert status.answers
    assert all(first not in service.nodes for service in status.services)
    assert all(node.name != first or node.state == "standby" for node in status.nodes)

    mended, account = roll(None, back=True)
    assert mended.failure is None
    assert account.kept, list(account.lines())
    assert versions(site) == before
    assert others
    assert collect(site.inventory).healthy
