"""The web server: what the cluster makes available. Pacemaker starts it, systemd never."""

from __future__ import annotations

from inventory.model import Inventory
from parts.services.nginx import CONFIGURATION
from parts.storage.drbd import MOUNT_POINT
from provisioning.facts import Facts, Unit
from provisioning.files import File, script
from provisioning.steps import Step
from provisioning.templates import render

PID_FILE = "/run/nginx-halab.pid"
TEMPORARY = "/run/nginx-halab"
"""What nginx keeps for a moment: made at every start, whatever space is left on the root disk."""

ROOT = f"{MOUNT_POINT}/www"

AGENT = "/usr/lib/ocf/resource.d/halab/nginx"
"""Where Pacemaker looks for ocf:halab:nginx."""


def files(inventory: Inventory) -> tuple[File, ...]:
    """Describe the web server's configuration, and the agent by which Pacemaker runs it."""
    text = render(
        "nginx.conf.j2",
        port=inventory.service.port,
        pid_file=PID_FILE,
        temporary=TEMPORARY,
        root=ROOT,
    )
    return File(CONFIGURATION, text), File(AGENT, script("nginx_agent.sh"), mode=0o755)


def reload(facts: Facts, changed: frozenset[str]) -> tuple[Step, ...]:
    """Make a running web server take over a changed configuration; elsewhere nothing happens."""
    if CONFIGURATION not in changed or not facts.cluster_runs:
        return ()
    command = f'if [ -s {PID_FILE} ]; then kill -HUP "$(cat {PID_FILE})"; fi'
    return (Step("web server took over its configuration", command),)


def leave_to_cluster(facts: Facts) -> tuple[Step, ...]:
    """Keep systemd from starting what only Pacemaker may start."""
    found = [
        unit
        for unit in (Unit.NGINX, Unit.DRBD)
        if facts.units[unit].enabled or (facts.units[unit].active and not facts.cluster_runs)
    ]
    if not found:
        return ()
    return (Step("nginx and DRBD left to Pacemaker", f"systemctl disable --now {' '.join(found)}"),)
