"""Every alarm of the monitoring is raised by a real fault: a drill's, or a story's."""

from __future__ import annotations

from drills.catalogue import CATALOGUE
from drills.expectations import Situation
from status.problems import Alarm
from tests.failover.test_alarms import ALL
from tests.unit.provisioned_lab import inventory


def test_no_alarm_is_left_without_a_fault_that_raises_it() -> None:
    lab = inventory()
    active, standby = (node.name for node in lab.nodes)
    drilled = {
        alarm
        for drill in CATALOGUE.values()
        for target in (active, standby)
        for alarm in drill.expects(Situation(lab, active, frozenset({target}))).alarms
    }
    told = {alarm for each in ALL for alarm in each.alarms}
    assert drilled | told == set(Alarm) - {Alarm.OTHER}
