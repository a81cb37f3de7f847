"""What the page says, worked out from a result: the templates only place it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from core.text import plain
from drills.report import palette
from drills.report.figure import SHAPES, draw, noticed, windows, zero
from drills.report.topology import Map, lay_out
from drills.report.words import NOT_TOLD, WORDS, iso, origin, percent, relative, seconds
from drills.result import Answer, Check, DrillResult, Mark, MarkKind, Phase

VERDICTS = {Answer.PASS: "passed", Answer.FAIL: "failed", Answer.UNKNOWN: "not told"}
SIGNS = {Answer.PASS: "✓", Answer.FAIL: "✗", Answer.UNKNOWN: "?"}
_WORST_FIRST = (Answer.FAIL, Answer.UNKNOWN, Answer.PASS)


@dataclass(frozen=True)
class Verdict:
    """An answer as it is shown: CSS class, word and sign say the same thing."""

    css: str
    word: str
    sign: str


@dataclass(frozen=True)
class PhaseRow:
    """A phase in the table and in the bars over it.

    Widths are percent: `width` and `allowed_width` of the longer of outage and budget, `track` and
    `allowed_track` of the longest phase. What was not told takes what the others leave.
    """

    name: str
    colour: str
    on_colour: str
    took: str
    allowed: str
    share: str
    width: float
    allowed_width: float
    track: float
    allowed_track: float
    over: bool
    told: bool


@dataclass(frozen=True)
class CheckCard:
    """A check in words."""

    verdict: Verdict
    question: str
    evidence: str
    command: str | None


@dataclass(frozen=True)
class LogLine:
    """A mark in words."""

    index: int
    at: str
    machine: str
    kind: str
    colour: str
    text: str


@dataclass(frozen=True)
class Picture:
    """A figure and the heading over it."""

    heading: str
    svg: Markup


@dataclass(frozen=True)
class DrillView:
    """Everything that the page shows of one drill; `key` tells it apart on a page of many."""

    key: str
    title: str
    teaches: str
    verdict: Verdict
    tally: str
    number: str
    unit: str
    sentence: str
    budget: str
    outage_width: float
    budget_left: float
    over_budget: bool
    phases: tuple[PhaseRow, ...]
    pictures: tuple[Picture, ...]
    kinds: tuple[tuple[str, str, str], ...]
    requests: str
    asked: bool
    topology: Map | None
    checks: tuple[CheckCard, ...]
    log: tuple[LogLine, ...]
    origin: str
    facts: tuple[tuple[str, str], ...]
    environment: tuple[tuple[str, str], ...]
    replay: str
    when: str
    fault: str
    targets: str
    lab: str
    whole: str
    seed: int


def view(result: DrillResult, key: str) -> DrillView:
    """Put a result into words and pictures."""
    number, unit, sentence = _headline(result)
    outage = result.outage.seconds if result.outage else 0.0
    scale = max(result.budget_s, outage)
    return DrillView(
        key=key,
        title=plain(result.title),
        teaches=plain(result.teaches),
        verdict=verdict(result.answer),
        tally=tally(check.answer for check in result.checks),
        number=number,
        unit=unit,
        sentence=sentence,
        budget=seconds(result.budget_s),
        outage_width=percent(outage, scale),
        budget_left=percent(result.budget_s, scale),
        over_budget=outage > result.budget_s,
        phases=_phases(result.phases, outage, scale),
        pictures=_pictures(result, key),
        kinds=tuple(
            (kind.value, SHAPES[kind], palette.KINDS[kind].css)
            for kind in MarkKind
            if any(mark.kind is kind for mark in result.marks)
        ),
        requests=_requests(result),
        asked=bool(result.attempts),
        topology=lay_out(result.machines, WORDS[result.kind].hit),
        checks=tuple(
            _card(check)
            for check in sorted(result.checks, key=lambda check: _WORST_FIRST.index(check.answer))
        ),
        log=tuple(
            _line(index, mark, zero(result))
            for index, mark in sorted(enumerate(result.marks), key=lambda pair: pair[1].at)
        ),
        origin=origin(result),
        facts=_facts(result),
        environment=tuple((plain(k), plain(v)) for k, v in result.environment.items()),
        replay=plain(result.replay),
        when=iso(result.began),
        fault=plain(result.fault),
        targets=plain(", ".join(result.targets)) or "nobody",
        lab=plain(result.lab),
        whole=WORDS[result.kind].whole,
        seed=result.seed,
    )


def verdict(answer: Answer) -> Verdict:
    """Return how an answer is shown."""
    return Verdict(answer.value, VERDICTS[answer], SIGNS[answer])


def tally(answers: Iterable[Answer]) -> str:
    """Count answers in words, worst first: `1 failed, 9 passed`."""
    listed = list(answers)
    counts = ((listed.count(answer), VERDICTS[answer]) for answer in _WORST_FIRST)
    return ", ".join(f"{count} {word}" for count, word in counts if count) or "none"


def _headline(result: DrillResult) -> tuple[str, str, str]:
    """Return number, unit and sentence; without a measured outage the number is a word."""
    seen, budget = noticed(result), seconds(result.budget_s)
    if seen is None and result.outage is None:
        return "?", "", f"Nobody asked the service during this {WORDS[result.kind].whole}."
    if result.outage is None:
        if seen:
            return "?", "", f"How long the service was away could not be told (budget {budget})."
        return "0", "s", f"No probe failed (budget {budget})."
    number = f"{result.outage.seconds:.1f}"
    if seen is False:
        return (
            number,
            "s",
            f"No probe failed; this is the longest time between two answers{plain(result.place)} "
            f"(budget {budget}).",
        )
    left = result.budget_s - result.outage.seconds
    than = f"{seconds(left)} less than" if left >= 0 else f"{seconds(-left)} more than"
    asked = f"without an answer for the client outside{plain(result.place)}"
    return number, "s", f"{asked}, {than} its budget of {budget}."


def _phases(phases: Sequence[Phase], outage: float, scale: float) -> tuple[PhaseRow, ...]:
    told = [_took(phase) for phase in phases]
    left = max(0.0, outage - sum(took for took in told if took is not None))
    untold = told.count(None)
    longest = max(
        (max(p.allowed_s, t or 0.0) for p, t in zip(phases, told, strict=True)), default=0
    )
    return tuple(
        PhaseRow(
            name=plain(phase.name),
            colour=palette.PHASES[index % len(palette.PHASES)].css,
            on_colour=palette.ON_PHASES[index % len(palette.PHASES)].css,
            took=seconds(took),
            allowed=seconds(phase.allowed_s),
            share=NOT_TOLD
            if took is None or phase.allowed_s <= 0
            else f"{100 * took / phase.allowed_s:.0f} %",
            width=percent(left / untold if took is None else took, scale),
            allowed_width=percent(phase.allowed_s, scale),
            track=percent(took or 0.0, longest),
            allowed_track=percent(phase.allowed_s, longest),
            over=took is not None and took > phase.allowed_s,
            told=took is not None,
        )
        for index, (phase, took) in enumerate(zip(phases, told, strict=True))
    )


def _took(phase: Phase) -> float | None:
    return None if phase.began is None or phase.ended is None else phase.ended - phase.began


def _pictures(result: DrillResult, key: str) -> tuple[Picture, ...]:
    shown = windows(result)
    word = WORDS[result.kind].whole
    headings = ("The outage", f"The whole {word}") if len(shown) == 2 else (f"The {word}",)
    return tuple(
        Picture(
            heading,
            # Serialised by an XML library, which has escaped what stands in it.
            Markup(draw(result, window, f"{key}-figure{index}-", f"{heading}. {_tell(result)}")),
        )
        for index, (heading, window) in enumerate(zip(headings, shown, strict=True))
    )


def _tell(result: DrillResult) -> str:
    """Say a timeline in words, for those who cannot see it."""
    phases = [f"{plain(phase.name)} {seconds(_took(phase))}" for phase in result.phases]
    return "; ".join([f"{len(result.marks)} marks", *phases])


def _requests(result: DrillResult) -> str:
    said = []
    for kind in ("probe", "write"):
        asked = [attempt for attempt in result.attempts if attempt.kind == kind]
        failed = sum(not attempt.ok for attempt in asked)
        said.append(f"{len(asked)} {kind}s, {failed} without success")
    return "; ".join(said)


def _card(check: Check) -> CheckCard:
    return CheckCard(
        verdict=verdict(check.answer),
        question=plain(check.question),
        evidence=plain(check.evidence),
        command=None if check.command is None else plain(check.command),
    )


def _line(index: int, mark: Mark, origin: float) -> LogLine:
    return LogLine(
        index=index,
        at=relative(mark.at, origin),
        machine=plain(mark.machine),
        kind=mark.kind.value,
        colour=palette.KINDS[mark.kind].css,
        text=plain(mark.text),
    )


def _facts(result: DrillResult) -> tuple[tuple[str, str], ...]:
    first, words = zero(result), WORDS[result.kind]
    moments = (
        ("began", result.began),
        (words.begun, result.injected),
        (words.ended, result.healed),
        *((("healthy again", result.recovered),) if result.kind == "drill" else ()),
        ("ended", result.ended),
    )
    guests = "KVM" if result.accelerated else "software emulation"
    return (
        ("lab", plain(result.lab)),
        (words.act, plain(result.fault)),
        ("aimed at", plain(", ".join(result.targets)) or "nobody"),
        ("service", plain(result.service_url)),
        ("platform", f"{plain(result.platform)}, {guests}"),
        ("zero of all times", iso(first)),
        *((word, "did not happen" if at is None else relative(at, first)) for word, at in moments),
        *((("seed", str(result.seed)),) if result.kind == "drill" else ()),
    )
