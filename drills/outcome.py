"""What comes of a drill: its result, from what the witnesses saw."""

from __future__ import annotations

import shlex
from ipaddress import IPv4Address
from pathlib import Path

from drills.expectations import Fate
from drills.findings import Findings
from drills.judge import judge
from drills.marks import marks
from drills.order import Order
from drills.probes import Outage
from drills.result import DrillResult, MachineSheet, Mark, MarkKind, Phase
from drills.rulings.service import worst_gap
from drills.takeover import milestones
from drills.timeline import phases
from parts.budget import budget


def outcome(
    order: Order,
    found: Findings,
    *,
    began: float,
    recovered: float | None,
    ended: float,
    environment: dict[str, str],
    stem: Path,
) -> DrillResult:
    """Return the result of a drill.

    Times are seconds since 1970 on the lab's clock; `recovered` is None for a lab that did not.
    `stem` begins the paths of the drill's files.
    """
    inventory, record = order.site.inventory, order.site.record
    outage = _outage(found)
    happened = marks(
        found.events or (),
        found.journals,
        ended,
        monitor=inventory.monitor.name,
        reports=found.reports or (),
    )
    own = [_mark(found.injected, order.targets, MarkKind.FAULT, order.drill.title)]
    if found.healed:
        own.append(_mark(found.healed, order.targets, MarkKind.HEAL, "healed"))
    return DrillResult(
        lab=inventory.lab,
        fault=order.drill.name,
        title=order.drill.title,
        teaches=order.drill.teaches,
        targets=order.targets,
        seed=order.seed,
        replay=shlex.join(
            (
                *("./halab", "drill", inventory.lab, order.drill.name),
                *("--target", order.word, "--seed", str(order.seed)),
            )
        ),
        platform=record.platform,
        accelerated=record.accelerated,
        began=began,
        injected=found.injected,
        healed=found.healed,
        recovered=recovered,
        ended=ended,
        service_url=", ".join(
            order.part.url(address.ip) for address in order.part.service.addresses
        ),
        budget_s=order.expected.outage_s if outage is None else found.allowed_s(outage.address),
        outage=outage,
        phases=_phases(found, outage),
        marks=tuple(sorted((*own, *happened), key=lambda mark: mark.at)),
        attempts=found.attempts,
        checks=judge(found, str(stem)),
        machines=tuple(
            MachineSheet(
                name=machine.name,
                role=machine.role,
                addresses={role: str(nic.address) for role, nic in machine.interfaces.items()},
                active_before=machine.name in found.was.values(),
                active_after=machine.name in found.now.values(),
                hit=machine.name in order.targets,
            )
            for machine in inventory.machines
        ),
        environment=environment,
    )


def _mark(at: float, machines: tuple[str, ...], kind: MarkKind, text: str) -> Mark:
    return Mark(at=at, machine=", ".join(machines), kind=kind, text=text)


def _outage(found: Findings) -> Outage | None:
    try:
        return worst_gap(found)
    except ValueError:
        return None


def _phases(found: Findings, outage: Outage | None) -> tuple[Phase, ...]:
    """Cut the outage of a takeover at the milestones in the journal of who took over."""
    reached = milestones(found)
    if outage is None or reached is None or found.expected.fate is Fate.RETURNS:
        return ()
    if IPv4Address(outage.address) not in found.hit:
        return ()
    return phases(outage, reached, budget(found.part))
