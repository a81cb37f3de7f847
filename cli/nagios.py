"""A lab's status as a Nagios plugin prints it (monitoring-plugins.org, development guidelines)."""

from __future__ import annotations

from status.model import LabStatus, MonitoringState
from status.problems import Severity

OK, WARNING, CRITICAL, UNKNOWN = range(4)
WORDS = ("OK", "WARNING", "CRITICAL", "UNKNOWN")


def plugin_line(lab: LabStatus) -> tuple[int, str]:
    """Return the exit status and the one line with performance data.

    CRITICAL: a service does not answer or there is no quorum. WARNING: anything else is wrong, as
    lost redundancy. UNKNOWN: no cluster node can be asked, or the monitoring of a lab that is well.
    """
    code, text = _judge(lab)
    problems = lab.problems or ()
    connected = sum(link.connected for link in lab.links)
    quorum = lab.quorum
    performance = " ".join(
        (
            f"problems={len(problems)};;;0",
            f"reasons={len(lab.reasons)};;;0",
            f"votes={quorum.votes if quorum else 0};;;0;{quorum.expected if quorum else 0}",
            f"links={connected};;;0;{len(lab.links)}",
        )
    )
    return code, f"{_line(code, lab.lab, text)} | {performance}"


def unknown_line(name: str, why: str) -> tuple[int, str]:
    """Return the exit status and the one line where a lab cannot be looked at."""
    return UNKNOWN, _line(UNKNOWN, name, why)


def _line(code: int, name: str, text: str) -> str:
    # A bar begins the performance data.
    said = text.replace("|", "/").replace("\n", " ")
    return f"HALAB {WORDS[code]} - {name}: {said}"


def _judge(lab: LabStatus) -> tuple[int, str]:
    if lab.quorum is None and not lab.answers:
        return UNKNOWN, "no cluster node can be asked"
    if not lab.answers:
        return CRITICAL, f"{_silence(lab)} ({len(lab.reasons)} findings)"
    if lab.quorum is None or not lab.quorum.quorate:
        return CRITICAL, "no quorum"
    grave = [p for p in lab.problems or () if p.severity.rank >= Severity.WARNING.rank]
    if lab.reasons:
        return WARNING, lab.summary()
    if grave:
        more = f" (and {len(grave) - 1} more)" if len(grave) > 1 else ""
        return WARNING, f"{grave[0].host}: {grave[0].name}{more}"
    if lab.monitoring is MonitoringState.UNREACHABLE:
        return UNKNOWN, "healthy, but the monitoring does not answer"
    return OK, f"healthy, {lab.serving}"


def _silence(lab: LabStatus) -> str:
    """Say who does not answer."""
    endpoints = [endpoint for service in lab.services for endpoint in service.endpoints]
    if len(endpoints) == 1:
        return "the service does not answer"
    silent = (endpoint.url for endpoint in endpoints if not endpoint.answers)
    return f"no answer at {', '.join(silent)}"
