"""An update as a report shows it: the same pages, and the same JUnit XML, as of a drill."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from drills.ledger import Books
from drills.probes import Outage
from drills.result import Answer, Check, DrillResult, MachineSheet, Mark, MarkKind
from updates.outage import Account, Silence, waits
from updates.rolling import Rolling

TEACHES = (
    "Nodes are updated one after the other: who is updated serves nobody meanwhile, and what it "
    "served is elsewhere."
)


@dataclass(frozen=True)
class Surroundings:
    """What a report says besides: `replay` is the command, `before` and `after` who served."""

    title: str
    replay: str
    environment: dict[str, str]
    before: Collection[str]
    after: Collection[str]


def reported(rolling: Rolling, account: Account, around: Surroundings) -> DrillResult:
    """Return an update as a result, of which a page or JUnit XML can be made."""
    inventory, record = rolling.site.inventory, rolling.site.record
    began = min(stretch.began for stretch in rolling.stretches)
    ended = max(stretch.ended for stretch in rolling.stretches)
    targets = tuple(dict.fromkeys(stretch.what for stretch in rolling.stretches))
    worst = max(account.silences, key=lambda each: (not each.kept, each.seconds), default=None)
    return DrillResult(
        kind="update",
        lab=inventory.lab,
        fault="update",
        title=around.title,
        teaches=TEACHES,
        targets=targets,
        seed=0,
        replay=around.replay,
        platform=record.platform,
        accelerated=record.accelerated,
        began=began,
        injected=began,
        healed=ended,
        recovered=None,
        ended=ended,
        service_url=", ".join(
            part.url(address.ip)
            for part in rolling.site.parts.public
            for address in part.service.addresses
        ),
        budget_s=worst.allowed_s if worst else 0.0,
        outage=None if worst is None else _outage(rolling, account, worst),
        phases=(),
        marks=tuple(
            Mark(at=each.at, machine=each.node, kind=MarkKind.STEP, text=each.doing)
            for each in rolling.moments
        ),
        attempts=account.attempts,
        checks=(*_ended(rolling), *_noticed(account)),
        machines=tuple(
            MachineSheet.of(machine, around.before, around.after, targets)
            for machine in inventory.machines
        ),
        environment=around.environment,
    )


def _outage(rolling: Rolling, account: Account, worst: Silence) -> Outage:
    """Return how long the address that was silent for longest was so in all, in that node's turn.

    It is shown where its longest silence was.
    """
    [turn, *_] = (each for each in rolling.stretches if each.what == worst.what)
    found = waits(account.attempts, worst.address, turn)
    began, over = max(found, key=lambda wait: wait[1] - wait[0])
    return Outage(max(worst.seconds, over - began), began, over, worst.address)


def _ended(rolling: Rolling) -> Iterator[Check]:
    failure = rolling.failure
    yield Check(
        question="Did every node come to its turn's end?",
        answer=Answer.FAIL if failure else Answer.PASS,
        evidence=failure.message if failure else "each was healthy again before the next began",
        command=f"./halab status {rolling.site.inventory.lab}",
    )


def _noticed(account: Account) -> Iterator[Check]:
    if account.unknown is not None:
        yield Check(
            question="Did clients notice no more than they may?",
            answer=Answer.UNKNOWN,
            evidence=account.unknown,
        )
    for each in account.silences:
        yield Check(
            question=f"{each.what}: was {each.service} silent for no longer than "
            f"{each.allowed_s:.1f} s in all?",
            answer=Answer.PASS if each.kept else Answer.FAIL,
            evidence=f"{each.address} was silent for {each.seconds:.1f} s",
        )
    for name, books in account.books.items():
        yield Check(
            question=f"{name}: is every acknowledged write there, exactly once and in order?",
            answer=_kept(books),
            evidence=str(books),
        )


def _kept(books: Books) -> Answer:
    if not books.acknowledged:
        return Answer.UNKNOWN
    return Answer.PASS if books.complete else Answer.FAIL
