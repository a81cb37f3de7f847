"""Results as JUnit XML, which every CI system shows. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from core.text import plain
from drills.result import Answer, Check, DrillResult


@dataclass(frozen=True)
class Case:
    """A drill of a series: what came out, or why nothing did. `seconds` is what it took.

    `budget_s` is the longest outage that whoever asked for the series accepts.
    """

    name: str
    seconds: float
    result: DrillResult | None
    error: str = ""
    budget_s: float | None = None

    @property
    def passed(self) -> bool:
        """Whether it passed every check, and the budget."""
        return self.result is not None and not self.complaints

    @property
    def complaints(self) -> tuple[str, ...]:
        """Everything that kept the drill from passing, in sentences."""
        if self.result is None:
            return (self.error,)
        bad = [_say(check) for check in self.result.checks if check.answer is not Answer.PASS]
        if not self.result.checks:
            bad.append("nothing was checked")
        outage = self.result.outage
        if self.budget_s is not None and outage is not None and outage.seconds > self.budget_s:
            bad.append(
                f"the outage of {outage.seconds:.1f} s is above the {self.budget_s:g} s given"
            )
        return tuple(bad)


def junit(lab: str, cases: Sequence[Case], command: str = "exam") -> str:
    """Word what a command did to a lab as one test suite, a drill (or an update) a test case.

    A check that failed, or could not be told, is a failure; a drill that did not take place is an
    error.
    """
    suite = Element(
        "testsuite",
        name=f"halab {command} {lab}",
        tests=str(len(cases)),
        failures=str(sum(case.result is not None and not case.passed for case in cases)),
        errors=str(sum(case.result is None for case in cases)),
        skipped="0",
        time=f"{sum(case.seconds for case in cases):.1f}",
    )
    known = [case.result for case in cases if case.result is not None]
    if known:
        properties = SubElement(suite, "properties")
        for name, value in known[0].environment.items():
            SubElement(properties, "property", name=name, value=value)
    for case in cases:
        suite.append(_case(lab, case))
    ElementTree.indent(suite)
    # Not each text before: whatever is added to a case later is clean as well.
    text = plain(ElementTree.tostring(suite, "unicode"))
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _case(lab: str, case: Case) -> Element:
    made = Element("testcase", classname=f"halab.{lab}", name=case.name, time=f"{case.seconds:.1f}")
    if case.result is None:
        SubElement(made, "error", message=_first_line(case.error)).text = case.error
        return made
    if case.complaints:
        text = "\n".join([*case.complaints, f"again: {case.result.replay}"])
        SubElement(made, "failure", message=case.complaints[0]).text = text
    lines = [case.result.measured, *map(_say, case.result.checks)]
    SubElement(made, "system-out").text = "\n".join(lines)
    return made


def _say(check: Check) -> str:
    see = f" (see: {check.command})" if check.command else ""
    return f"{check.answer.value}: {check.question} {check.evidence}{see}"


def _first_line(text: str) -> str:
    return text.partition("\n")[0]
