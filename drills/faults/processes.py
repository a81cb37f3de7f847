"""Faults of daemons: killed, or stopped so that they are there and do nothing."""

from __future__ import annotations

from drills.faults.base import Fault, commands, logged, suicidal

CLEAN_UP = "crm_resource --cleanup --resource {resource} --node $(uname -n) >/dev/null 2>&1 || :"
"""Forgets a failure that was caused on purpose; its memory would keep the lab from being healthy
until failure-timeout is over."""


def corosync_killed() -> Fault:
    """Kill corosync and keep systemd from starting it again.

    Pacemaker's unit would have it back within a second or two, sometimes before the other node has
    noticed: the mask in /run is gone with the reset that must follow.
    """
    return suicidal(
        "systemctl mask --runtime --quiet corosync && systemctl kill --signal=KILL corosync",
        # Only where nobody fenced the node is there anything to take back.
        "if [ -L /run/systemd/system/corosync.service ]; then "
        "systemctl unmask --runtime --quiet corosync; systemctl start corosync pacemaker; fi",
    )


def pacemakerd_killed() -> Fault:
    """Kill Pacemaker's master process, which systemd starts again."""
    return commands(
        "kill -9 $(pidof pacemakerd)",
        "true",
        f"{logged('--unit pacemaker')} | grep 'code=killed' | tail -n 1",
    )


def vital_killed(program: str) -> Fault:
    """Kill every process of a program at once that its node must not outlive."""
    return suicidal(f"kill -9 $(pidof {program})")


def sbd_stopped() -> Fault:
    """Stop every process of sbd: nobody pats the watchdog any more, which resets the node."""
    return suicidal("kill -STOP $(pidof sbd)", "p=$(pidof sbd) && kill -CONT $p; true")


def ended(command: str, resource: str) -> Fault:
    """End by shell text what a resource is; its monitor finds out."""
    return commands(command, CLEAN_UP.format(resource=resource), _failed(resource))


def resource_failed(resource: str) -> Fault:
    """Tell the cluster that a resource has failed although it has not."""
    return commands(
        f"crm_resource --fail --resource {resource} --node $(uname -n)",
        CLEAN_UP.format(resource=resource),
        _failed(resource),
    )


def _failed(resource: str) -> str:
    """Return shell text that prints how often the resource has failed here, if it has."""
    return f"crm_failcount --query --resource {resource} --node $(uname -n) | grep -v 'value=0'"
