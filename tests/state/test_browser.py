"""The dashboard in a real browser: a person logs in and sees who serves."""

from __future__ import annotations

import pytest

from core.folders import LabFolder
from inventory.model import Inventory
from parts.all import Parts
from status.model import LabStatus
from tests.browser import body, dashboard, keep_picture, patience, wait_for_texts


@pytest.mark.needs("monitoring")
def test_a_person_sees_who_serves(
    inventory: Inventory, parts: Parts, folder: LabFolder, status: LabStatus
) -> None:
    serving = {node for service in status.services for node in service.nodes}
    assert serving
    title = "Active node" if inventory.has_one_address else "Served at"
    columns = [column.heading for part in parts.every for column in part.columns()]
    with dashboard(inventory, folder) as page:
        wait_for_texts(page, ["HA cluster", title, *serving, *columns], patience(inventory))
        keep_picture(page, folder, "dashboard.png")
        assert "Undefined" not in body(page), "PHP complains on the page"
