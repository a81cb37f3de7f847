"""A cable is pulled while a person looks at the dashboard: the problem appears before his eyes."""

from __future__ import annotations

import pytest

from core.folders import LabFolder
from drills.site import Site
from inventory.model import Inventory
from labs.roles import NetworkRole
from parts.secrets import ensure_secrets
from status.health import wait_healthy
from status.problems import ProblemReader
from tests.browser import dashboard, keep_picture, patience, wait_for_texts
from tests.quiet import wait_for_quiet


@pytest.mark.needs("monitoring")
def test_a_problem_appears_on_the_dashboard(folder: LabFolder, inventory: Inventory) -> None:
    status = wait_healthy(inventory, inventory.timing.healthy_wait_s)
    active = status.services[0].nodes[0]
    power = Site.of(folder).power
    with dashboard(inventory, folder) as page:
        wait_for_texts(page, ["HA cluster", "Open problems"], patience(inventory))
        power.set_cable(active, NetworkRole.CLUSTER_A, plugged=False)
        try:
            problem = f"Cluster link 0 of {active} is down"
            wait_for_texts(page, [problem], patience(inventory))
            keep_picture(page, folder, "dashboard-problem.png")
        finally:
            power.set_cable(active, NetworkRole.CLUSTER_A, plugged=True)
    after = wait_healthy(inventory, inventory.timing.healthy_wait_s)
    assert after.services == status.services
    with ProblemReader(inventory, ensure_secrets(folder.secrets)) as reader:
        wait_for_quiet(reader, inventory)
