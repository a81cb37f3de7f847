"""What comes of a drill: its result, from what the witnesses saw."""

from __future__ import annotations

import shlex
from ipaddress import IPv4Address
from pathlib import Path

from drills.findings import Findings
from drills.judge import judge
from drills.marks import marks
from drills.order import Order
from drills.probes import Attempt, Outage
from drills.result import DrillResult, MachineSheet, Mark, MarkKind, Phase
from drills.rulings.service import worst_gap
from drills.situation import Fate
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
    worst, outage = _worst(found)
    before = {name for each in found.of_services for name in each.was.values()}
    after = {name for each in found.of_services for name in each.now.values()}
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
            each.part.url(address.ip)
            for each in found.of_services
            for address in each.part.service.addresses
        ),
        budget_s=order.expected.outage_s if outage is None else worst.allowed_s(outage.address),
        outage=outage,
        phases=_phases(worst, outage),
        marks=tuple(sorted((*own, *happened), key=lambda mark: mark.at)),
        attempts=_merged(found),
        checks=judge(found, str(stem)),
        machines=tuple(
            MachineSheet.of(machine, before, after, order.targets) for machine in inventory.machines
        ),
        environment=environment,
    )


def _mark(at: float, machines: tuple[str, ...], kind: MarkKind, text: str) -> Mark:
    return Mark(at=at, machine=", ".join(machines), kind=kind, text=text)


def _worst(found: Findings) -> tuple[Findings, Outage | None]:
    """Return the service that was away furthest beyond what it may be, or else longest, and how."""
    told = []
    for each in found.of_services:
        try:
            gap = worst_gap(each)
        except ValueError:
            # Of a service that nobody could ask, nothing shorter is the outage.
            return each, None
        told.append((gap.seconds > each.allowed_s(gap.address), gap.seconds, each, gap))
    _, _, worst, outage = max(told, key=lambda each: each[:2])
    return worst, outage


def _merged(found: Findings) -> tuple[Attempt, ...]:
    """Return what all clients tried, in the order it ended."""
    tried = (attempt for each in found.of_services for attempt in each.attempts)
    return tuple(sorted(tried, key=lambda attempt: attempt.ended))


def _phases(found: Findings, outage: Outage | None) -> tuple[Phase, ...]:
    """Cut the outage of a takeover at the milestones in the journal of who took over.

    What began only then is another one, as that of a service that comes home.
    """
    reached = milestones(found)
    if outage is None or reached is None or found.expected.fate is Fate.RETURNS:
        return ()
    if IPv4Address(outage.address) not in found.hit:
        return ()
    if reached.address is not None and reached.address < outage.began:
        return ()
    return phases(outage, reached, budget(found.part))
