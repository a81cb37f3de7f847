"""Fencing says that it has fenced and does nothing: the cluster believes it, the judge must not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drills.catalogue import find
from drills.faults.base import Fault, Scene, repair_on, run_on
from drills.result import Answer
from labs.roles import NetworkRole
from tests.failover.conftest import Rehearse

AGENT = "/usr/sbin/fence_sbd"
TRUTHFUL, LIAR = "/usr/local/sbin/halab-fault-truthful", "/usr/local/sbin/halab-fault-liar"

LIE = f"""set -e
cp -p {AGENT} {TRUTHFUL}
cat > {LIAR} <<'END'
#!/bin/sh
asked=$(cat)
case $asked in *action=reboot*|*action=off*|*action=on*) exit 0 ;; esac
echo "$asked" | {TRUTHFUL} "$@"
END
chmod +x {LIAR}
mount --bind {LIAR} {AGENT}
"""

THE_TRUTH_AGAIN = f"""
if mountpoint --quiet {AGENT}; then umount {AGENT}; fi
rm -f {TRUTHFUL} {LIAR}
"""

LET_GO = """set -e
systemctl kill --signal=STOP corosync
kill -9 $(pidof nginx)
ip address delete {address} dev {interface}
tries=0
until umount /srv/data; do tries=$((tries + 1)); [ $tries -lt 20 ]; sleep 0.5; done
drbdadm secondary r0
"""
"""Silences a node's membership and makes it let go of all that it holds: whoever takes over meets
no resistance, so that nothing but the lie is wrong."""


def _lying_fencing() -> Fault:
    def inject(scene: Scene) -> None:
        for node in scene.inventory.nodes:
            run_on(node, LIE)
        for machine in scene.targets:
            interface = machine.interfaces[NetworkRole.SERVICE].name
            address = scene.inventory.service.address
            run_on(machine, LET_GO.format(address=address, interface=interface))

    def heal(scene: Scene) -> None:
        for machine in scene.targets:
            scene.power.reset(machine.name)
        for node in scene.inventory.nodes:
            repair_on(scene, node, THE_TRUTH_AGAIN)

    return Fault(inject, heal)


@pytest.mark.thorough
def test_the_judge_sees_through_it(rehearse: Rehearse) -> None:
    result = rehearse(replace(find("power-off"), name="lying-fencing", fault=_lying_fencing()))
    answers = {check.question: check.answer for check in result.checks}
    [victim] = result.targets
    assert answers[f"Has the service left {victim}?"] is Answer.PASS
    assert answers[f"Was fenced, with success: {victim}?"] is Answer.PASS
    assert answers["Was fencing confirmed before the takeover?"] is Answer.PASS
    down_first = "Was the victim really down, as the hypervisor saw it, before the takeover?"
    assert answers[down_first] is Answer.FAIL
    assert result.answer is Answer.FAIL
