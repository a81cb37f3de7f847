"""The judge: what witnesses saw in, answers out. Pure; the same for every fault.

No answer rests on the cluster's word alone where somebody independent can be asked. What could not
be told is unknown, and unknown never passes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from shlex import quote

from drills.findings import Findings
from drills.result import Answer, Check
from drills.rulings import aftermath, complaints, data, fencing, service
from drills.rulings.base import Rule, names
from drills.situation import Fate
from status.problems import Alarm

See = Callable[[Findings, str], str | None]
"""Words the command that shows the evidence; its second argument is the `keep` of `judge`."""


def _halab(verb: str) -> See:
    return lambda found, _: f"./halab {verb} {found.inventory.lab}"


def _node(command: str | Callable[[Findings], str]) -> See:
    def see(found: Findings, _: str) -> str:
        name = next(iter(found.now.values()), found.inventory.nodes[0].name)
        words = command if isinstance(command, str) else command(found)
        return f"./halab ssh {found.inventory.lab} {name} -- '{words}'"

    return see


def _file(suffix: str, key: str | None = None) -> See:
    def see(_: Findings, keep: str) -> str | None:
        if not keep:
            return None
        path = quote(f"{keep}{suffix}")
        return f"jq .{key} {path}" if key else f"cat {path}"

    return see


def _nothing(_: Findings, __: str) -> None:
    return None


def _verify(found: Findings) -> str:
    name = found.part.storage.resource if found.part.storage else "all"
    return f"drbdadm verify {name}; sleep 60; cat /proc/drbd"


def _taken_over(found: Findings) -> bool:
    return found.expected.fate in (Fate.MOVES, Fate.VISITS) and bool(found.expected.fenced)


def _monitored(found: Findings) -> bool:
    return found.inventory.monitoring is not None


@dataclass(frozen=True)
class Question:
    """A question, the rule that answers it, and where a person sees why.

    It is asked of the drills that `applies` tells; one `of_service` of each service of the lab.
    """

    words: str | Callable[[Findings], str]
    rule: Rule
    see: See
    applies: Callable[[Findings], bool] = lambda _: True
    of_service: bool = False


_of_service = partial(Question, of_service=True)

_COURSE = (
    _of_service(
        service.outage_question,
        service.outage,
        _file(".json", "attempts"),
    ),
    _of_service(service.fate_question, service.fate, _halab("status")),
    _of_service(
        service.homecoming_question,
        service.homecoming,
        _file(".json", "attempts"),
        lambda found: found.expected.return_s is not None,
    ),
    Question(
        lambda found: f"Was fenced, with success: {names(found.expected.fenced)}?",
        fencing.fenced,
        _node("crm_mon -1 --fence-history=3"),
    ),
    Question(
        lambda found: f"Has booted anew: {names(found.expected.rebooted)}?",
        fencing.rebooted,
        _node("journalctl --list-boots"),
    ),
    Question(
        lambda found: (
            f"Did the hypervisor see a reset of exactly: {names(found.expected.rebooted)}?"
        ),
        fencing.reset,
        _file(".events.txt"),
    ),
    Question(
        "Has nobody but whom the fault hits lost a daemon?",
        fencing.unharmed,
        _node("journalctl --unit corosync --unit pacemaker --unit sbd"),
    ),
    _of_service(
        "Was the victim really down, as the hypervisor saw it, before the takeover?",
        fencing.down_first,
        _file(".events.txt"),
        _taken_over,
    ),
    _of_service(
        "Was fencing confirmed before the takeover?",
        fencing.fenced_first,
        _node("journalctl --unit pacemaker"),
        _taken_over,
    ),
    Question(
        "Did everything go where the cluster's scheduler had foretold?",
        aftermath.foretold,
        _halab("what-if"),
        lambda found: found.foretold is not None,
    ),
    _of_service(
        service.holder_question,
        service.one_holder,
        _file(".json", "attempts"),
        lambda found: not found.routed,
    ),
    _of_service(
        "Is every acknowledged write there, exactly once and in order?",
        data.ledger,
        _file(".json", "attempts"),
        lambda found: found.part.keeps_writes,
    ),
    _of_service(
        data.writes_question,
        data.writes,
        _file(".json", "attempts"),
        lambda found: found.part.keeps_writes and not found.expected.writes_refused,
    ),
    _of_service(
        data.promptness_question,
        data.prompt,
        _file(".json", "attempts"),
        lambda found: found.part.keeps_writes and not found.expected.writes_refused,
    ),
    Question(
        "Was no shared disk in use on two nodes at once?",
        data.one_user,
        _halab("status"),
        lambda found: bool(found.inventory.exclusive),
    ),
    _of_service(
        "Were writes refused, not lost?",
        data.refused,
        _nothing,
        lambda found: found.expected.writes_refused,
    ),
    _of_service(
        "Did writes take longer than without the fault?",
        data.slowed,
        _file(".json", "attempts"),
        lambda found: found.expected.writes_slowed,
    ),
    Question("Was the fault really there?", aftermath.proof, _nothing, lambda found: found.proved),
)


def _complaint(pattern: str) -> Question:
    return Question(
        f"Did status complain of: {pattern}?",
        partial(complaints.complained, pattern),
        _halab("status"),
    )


def _alarm(alarm: Alarm) -> Question:
    return Question(
        f"Did the monitoring raise: {alarm}?",
        partial(complaints.raised, alarm),
        _file(".json", "marks"),
        _monitored,
    )


_AFTERMATH = (
    Question("Has every problem ended?", complaints.no_problem, _halab("status"), _monitored),
    Question("Is the lab healthy again?", aftermath.healthy, _halab("status")),
    Question(
        "Do the nodes hold the same configuration, and rest?",
        aftermath.resting,
        _node("cibadmin --query --local"),
    ),
    Question(
        "Are the journals of all machines free of bad news?",
        aftermath.news,
        _node(lambda found: f"journalctl --since @{found.injected:.0f}"),
    ),
    _of_service(
        "Are both disks equal, block by block?",
        data.disks,
        _node(_verify),
        lambda found: found.expected.verify,
    ),
)


def judge(findings: Findings, keep: str = "") -> tuple[Check, ...]:
    """Answer every question that applies to this drill.

    `keep` names the folder of the drill's files, for the commands that show the evidence.
    """
    questions = (
        *_COURSE,
        *map(_complaint, findings.expected.reasons),
        *map(_alarm, sorted(findings.expected.alarms)),
        *_AFTERMATH,
    )
    return tuple(
        _answer(question, found, keep, name)
        for question in questions
        for name, found in _asked(question, findings)
        if question.applies(found)
    )


def _asked(question: Question, findings: Findings) -> Iterator[tuple[str, Findings]]:
    """Yield of whom a question is asked; services have names where there are several."""
    if not question.of_service or not findings.beside:
        yield "", findings
        return
    for found in findings.of_services:
        yield found.part.service.name, found


def _answer(question: Question, findings: Findings, keep: str, name: str) -> Check:
    try:
        holds, evidence = question.rule(findings)
    except (ValueError, KeyError) as error:
        holds, evidence = None, f"it could not be judged: {error}"
    words = question.words if isinstance(question.words, str) else question.words(findings)
    return Check(
        question=f"{name}: {words}" if name else words,
        answer={True: Answer.PASS, False: Answer.FAIL, None: Answer.UNKNOWN}[holds],
        evidence=evidence,
        command=question.see(findings, keep),
    )
