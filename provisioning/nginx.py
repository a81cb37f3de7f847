"""The web server: what the cluster makes available. Pacemaker starts it, systemd never."""

from __future__ import annotations

from inventory.model import Inventory
from provisioning.facts import Facts, Unit
from provisioning.files import File
from provisioning.steps import Step
from provisioning.templates import render

CONFIGURATION = "/etc/nginx/halab.conf"
PID_FILE = "/run/nginx-halab.pid"
ROOT = "/srv/data/www"


def files(inventory: Inventory) -> tuple[File, ...]:
    """Describe the web server's configuration."""
    text = render("nginx.conf.j2", port=inventory.service.port, pid_file=PID_FILE, root=ROOT)
    return (File(CONFIGURATION, text),)


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
