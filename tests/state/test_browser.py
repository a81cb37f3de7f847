"""The dashboard in a real browser: a person logs in and sees who is active."""

from __future__ import annotations

import pytest

from core.folders import LabFolder
from inventory.model import Inventory
from status.model import LabStatus
from tests.browser import body, dashboard, keep_picture, patience, wait_for_texts


def test_a_person_sees_the_active_node(
    inventory: Inventory, folder: LabFolder, status: LabStatus
) -> None:
    if inventory.monitoring is None:
        pytest.skip("this lab has no monitoring")
    assert status.active
    with dashboard(inventory, folder) as page:
        wanted = ["HA cluster", "Active node", status.active, "Quorum device"]
        wait_for_texts(page, wanted, patience(inventory))
        keep_picture(page, folder, "dashboard.png")
        assert "Undefined" not in body(page), "PHP complains on the page"
