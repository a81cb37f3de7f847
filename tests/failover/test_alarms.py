"""The monitoring raises a problem for what no drill does, and sees it end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from core.folders import LabFolder
from core.saying import Say
from core.wait import wait_until
from drills.faults.base import run_on
from inventory.model import Inventory, Machine
from parts.all import Parts
from parts.monitoring.names import CLOCK_PATIENCE_S, silence_s
from parts.secrets import ensure_secrets
from status.health import wait_healthy
from status.problems import Alarm, ProblemReader
from tests.failover.neglect import LONG, Hurt, Story, Where, alone
from tests.quiet import wait_for_quiet

pytestmark = pytest.mark.needs("monitoring")

Hear = Callable[[Story], None]


@pytest.fixture
def hears(folder: LabFolder, inventory: Inventory, parts: Parts, tell: Say) -> Hear:
    """Return a function that hurts the healthy lab and waits for all alarms and for their end."""

    def hear(story: Story) -> None:
        hurts = story(parts)
        status = wait_healthy(inventory, inventory.timing.healthy_wait_s)
        active, *_ = status.service(parts.first_service.service.name).nodes
        with ProblemReader(inventory, ensure_secrets(folder.secrets)) as reader:
            wait_for_quiet(reader, inventory)
            with broken(inventory, active, hurts):
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
    others = tuple(node for node in inventory.nodes if node.name != active)
    machines: dict[Where, tuple[Machine, ...]] = {
        "active": (inventory.machine(active),),
        "standby": others[:1],
        "others": others,
        "monitor": (inventory.monitor,),
    }
    with ExitStack() as stack:
        for each in hurts:
            for machine in machines[each.where]:
                stack.callback(run_on, machine, each.heals)
                run_on(machine, each.breaks)
        yield


@pytest.mark.thorough
@pytest.mark.parametrize("story", LONG.values(), ids=LONG)
def test_what_is_wrong_is_raised_and_ends(hears: Hear, story: Story) -> None:
    hears(story)


def test_a_node_alone_serves_nothing_and_says_so(hears: Hear) -> None:
    hears(alone)
