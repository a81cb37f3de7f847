"""The dashboard in a real browser: a person logs in and sees who is active."""

from __future__ import annotations

import pytest

from core.folders import LabFolder
from inventory.model import Inventory
from labs.ports import ZABBIX_FRONTEND
from labs.roles import NetworkRole
from provisioning.remote import Remote
from provisioning.secrets import ensure_secrets
from provisioning.tunnel import HERE, tunnel
from provisioning.zabbix.names import ADMIN
from status.model import LabStatus
from tests.browser import body, browser, log_in, wait_for_texts


def test_a_person_sees_the_active_node(
    inventory: Inventory, folder: LabFolder, status: LabStatus
) -> None:
    if inventory.monitoring is None:
        pytest.skip("this lab has no monitoring")
    assert status.active
    patience = 60.0 * inventory.timing.pace
    address = inventory.monitor.interfaces[NetworkRole.MANAGEMENT].address.ip
    password = ensure_secrets(folder.secrets).zabbix_admin_password
    with (
        Remote(inventory.monitor) as remote,
        tunnel(remote, str(address), ZABBIX_FRONTEND) as port,
        browser(patience) as page,
    ):
        log_in(page, f"http://{HERE}:{port}/", ADMIN, password)
        wait_for_texts(
            page, ["HA cluster", "Active node", status.active, "Quorum device"], patience
        )
        folder.logs.mkdir(parents=True, exist_ok=True)
        page.save_screenshot(str(folder.logs / "dashboard.png"))
        assert "Undefined" not in body(page), "PHP complains on the page"
