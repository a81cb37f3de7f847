"""`open` says where each service of a lab is on this machine, as its clients call it."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from cli.open import tell
from core.folders import LabFolder
from machines.tunnel import HERE
from parts.all import Parts
from tests.unit.sketched import BOOKS, SHOP, STORY, name_of, sketched


def told(parts: Parts, zabbix: int | None) -> list[str]:
    """Return what a person reads whose services came to ports from 5001 on."""
    text = StringIO()
    urls = {
        name: part.reached_at(HERE, port)
        for port, (name, part) in enumerate(parts.services.items(), 5001)
    }
    console = Console(file=text, width=200)
    tell(console, LabFolder(Path("/labs/x")), parts.inventory, urls, zabbix)
    return text.getvalue().splitlines()


@pytest.mark.parametrize(
    ("parts", "lines"),
    [
        (STORY, ["web       http://127.0.0.1:5001/"]),
        (BOOKS, ["books     postgresql://halab@127.0.0.1:5001/halab"]),
        (
            SHOP,
            [
                "web       http://127.0.0.1:5001/",
                "books     postgresql://halab@127.0.0.1:5002/halab",
            ],
        ),
    ],
    ids=lambda value: name_of(value) if isinstance(value, Parts) else "",
)
def test_every_service_has_a_line(parts: Parts, lines: list[str]) -> None:
    shown = told(parts, 8080)
    assert shown[: len(lines)] == lines
    assert shown[len(lines)].startswith("Zabbix    http://127.0.0.1:8080/ ")
    assert shown[-1] == f"{parts.inventory.lab} is open until Ctrl-C"


def test_a_lab_without_monitoring() -> None:
    shown = told(sketched("quiet", monitoring=False), None)
    assert "Zabbix    this lab has no monitoring" in shown
