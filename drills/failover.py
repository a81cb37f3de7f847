"""The failover that everything is measured by: the active node loses its power."""

from __future__ import annotations

from core.saying import Say
from drills.catalogue import find
from drills.result import DrillResult
from drills.runner import new_seed, run
from drills.site import Nobody, Site


class _Saying(Nobody):
    """An audience that only wants sentences."""

    def __init__(self, report: Say) -> None:
        self._report = report

    def say(self, sentence: str) -> None:
        """Pass it on."""
        self._report(sentence)


def measure_power_loss(site: Site, report: Say) -> DrillResult:
    """Power the active node off, measure what a client outside notices, and heal.

    Raises HalabError when the lab is not healthy to begin with, or cannot be healed.
    """
    return run(site, find("power-off", site.parts), _Saying(report), seed=new_seed()).result


def words(result: DrillResult) -> list[str]:
    """Say an outage and its phases, each against what it may take, in lines."""
    lines = [result.measured]
    for phase in result.phases:
        known = phase.began is not None and phase.ended is not None
        took = f"{(phase.ended or 0) - (phase.began or 0):4.1f}" if known else "   ?"
        lines.append(f"  {phase.name:<10}{took} s of {phase.allowed_s:4.1f} s")
    return lines
