"""The cluster manager: its configuration is laid down before the first start, compared later."""

from __future__ import annotations

from core.errors import CommandError
from core.wait import retry, wait_until
from machines.remote import Remote
from parts.all import Parts
from parts.facts import Facts
from parts.host import File, Step
from parts.quorum.device import CLIENT
from provisioning import cib
from provisioning.steps import run_steps

SEED = "/var/lib/pacemaker/cib/cib.xml"


def seed(parts: Parts) -> File:
    """Describe the CIB of the first start.

    All nodes begin with the same one, so the cluster comes up with all its resources and settings
    (the wait for absent nodes among them) instead of getting them in a second round.
    """
    return File(SEED, cib.first(parts), mode=0o600, owner="hacluster:haclient", once=True)


def stop(facts: Facts) -> tuple[Step, ...]:
    """Stop the whole stack on this node."""
    if not (facts.cluster_runs or facts.is_member):
        return ()
    # systemctl fails for a unit that nobody installed.
    members = "corosync-qdevice corosync" if facts.unit(CLIENT).active else "corosync"
    return (Step("cluster stopped", f"systemctl stop pacemaker\nsystemctl stop {members}"),)


def ensure_configured(remote: Remote, parts: Parts) -> tuple[str, ...]:
    """Bring a running cluster's configuration to what the inventory asks for.

    Returns what was changed. Raises WaitTimeout when the cluster does not take the changes in time:
    it needs a quorum for that.
    """
    timeout = parts.inventory.timing.healthy_wait_s
    running = wait_until(
        lambda: remote.run("cibadmin --query --local").stdout,
        lambda text: "<configuration" in text,
        what=f"{remote.name}: Pacemaker answers",
        timeout=timeout,
        describe=lambda _: "an answer",
        retry_on=(CommandError,),
    )
    steps = cib.steps(running, parts)
    if not steps:
        return ()
    return retry(
        lambda: run_steps(remote, steps, timeout=timeout),
        CommandError,
        what=f"{remote.name}: the cluster takes over its configuration",
        timeout=timeout,
        interval=2.0,
    )
