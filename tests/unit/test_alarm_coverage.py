"""Every alarm of a lab's monitoring is raised by a real fault: a drill's, or one of neglect.

On a platform where no hand reaches what a drill would break, elsewhere is where that is proven.

And nobody waits for an alarm that the lab's monitoring does not know.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations

import pytest

from drills.catalogue import conceivable, every
from drills.drill import Drill
from drills.situation import Situation
from parts.all import Parts
from status.problems import Alarm
from tests.failover.neglect import every_hurt
from tests.unit.composed_labs import LABS
from tests.unit.watching import alarms

each_lab = pytest.mark.parametrize("parts", [*map(Parts, LABS.values())], ids=LABS)


def situations(parts: Parts) -> Iterator[Situation]:
    """Yield whom a fault may hit: some of the nodes, or the monitor."""
    nodes = [node.name for node in parts.inventory.nodes]
    for part in parts.services.values():
        holders = {
            address.ip: node for address, node in zip(part.service.addresses, nodes, strict=False)
        }
        for count in range(1, len(nodes) + 1):
            for targets in combinations(nodes, count):
                yield Situation(part, holders, frozenset(targets))
        yield Situation(part, holders, frozenset({parts.inventory.monitor.name}))


def drilled(drills: Iterable[Drill], parts: Parts) -> dict[str, frozenset[Alarm]]:
    """Return what the monitoring has to raise in each of these drills."""
    return {
        drill.name: frozenset[Alarm]().union(
            *(drill.expects(situation).alarms for situation in situations(parts))
        )
        for drill in drills
    }


def neglected(parts: Parts) -> frozenset[Alarm]:
    return frozenset[Alarm]().union(*(each.alarms for each in every_hurt(parts)))


def test_labs_of_every_kind_are_looked_at() -> None:
    assert {"active-passive", "active-active", "database"} <= LABS.keys()


@each_lab
def test_no_alarm_is_left_without_a_fault_that_raises_it(parts: Parts) -> None:
    raised = neglected(parts).union(*drilled(conceivable(parts), parts).values())
    assert sorted(alarms(parts) - raised) == []


@each_lab
def test_nobody_waits_for_an_alarm_that_is_never_raised(parts: Parts) -> None:
    known = alarms(parts)
    waited = {**drilled(every(parts), parts), "neglect": neglected(parts)}
    unknown = {name: sorted(wanted - known) for name, wanted in waited.items() if wanted - known}
    assert unknown == {}
