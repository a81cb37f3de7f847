"""Fencing says that it has fenced and does nothing: the cluster believes it, the judge must not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drills.catalogue import find
from drills.faults.base import Fault, Scene, repair_on, run_on
from drills.result import Answer
from inventory.model import Machine
from labs.roles import NetworkRole
from parts.all import Parts
from parts.services.base import ServicePart
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
{end}
for address in {addresses}; do ip address delete $address dev {interface} 2>/dev/null || :; done
"""
GIVE_UP_DATA = """
tries=0
until umount {place}; do tries=$((tries + 1)); [ $tries -lt 20 ]; sleep 0.5; done
drbdadm secondary {resource}
"""
"""Silences a node's membership and makes it let go of all that it holds: whoever takes over meets
no resistance, so that nothing but the lie is wrong."""


def let_go(part: ServicePart, machine: Machine) -> str:
    """Return what makes a machine let go of a service."""
    text = LET_GO.format(
        end=part.process.end,
        addresses=" ".join(map(str, part.service.addresses)),
        interface=machine.interfaces[NetworkRole.SERVICE].name,
    )
    if part.storage is None:
        return text
    place, resource = part.storage.mount_point, part.storage.resource
    return text + GIVE_UP_DATA.format(place=place, resource=resource)


def _lying_fencing(part: ServicePart) -> Fault:
    def inject(scene: Scene) -> None:
        for node in scene.inventory.nodes:
            run_on(node, LIE)
        for machine in scene.targets:
            run_on(machine, let_go(part, machine))

    def heal(scene: Scene) -> None:
        for machine in scene.targets:
            scene.power.reset(machine.name)
        for node in scene.inventory.nodes:
            repair_on(scene, node, THE_TRUTH_AGAIN)

    return Fault(inject, heal)


@pytest.mark.thorough
def test_the_judge_sees_through_it(rehearse: Rehearse, parts: Parts) -> None:
    lie = _lying_fencing(parts.first_service)
    result = rehearse(replace(find("power-off", parts), name="lying-fencing", fault=lie))
    # Where there are several services, the question names the one that it is about.
    name = parts.first_service.service.name
    answers = {check.question.removeprefix(f"{name}: "): check.answer for check in result.checks}
    [victim] = result.targets
    homes = parts.inventory.homes(parts.first_service.service)
    left = f"Has the service left {victim}?"
    visit = f"Did exactly the addresses of {victim} move, and come home?"
    assert answers[visit if homes else left] is Answer.PASS
    assert answers[f"Was fenced, with success: {victim}?"] is Answer.PASS
    assert answers["Was fencing confirmed before the takeover?"] is Answer.PASS
    down_first = "Was the victim really down, as the hypervisor saw it, before the takeover?"
    assert answers[down_first] is Answer.FAIL
    assert result.answer is Answer.FAIL
