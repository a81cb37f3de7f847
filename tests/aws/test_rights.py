"""What the stories before asked AWS for is what the policy for credentials allows, and no less."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from infra.credentials import RIGHTS
from tests.aws.conftest import ONLOOKER

CREDENTIAL = re.compile(r"Credential=([^/]+)/\d+/[^/]+/(\w+)/")
"""Of a signature: who asks, and which service."""

UNFORBIDDEN = "sts:GetCallerIdentity"
"""Who one is, AWS tells everybody."""

UNTOLD = {"Mark", "Use", "Change", "ChangeLook", "MarkRights", "GiveRights"}
"""What no story of these does: changes, drills; and rights that are no requests."""


@pytest.fixture
def asked(requests: Path) -> set[str]:
    """What halab asked for, and Pulumi for it, by service and action."""
    if not requests.exists():
        pytest.skip("nobody asked for anything")
    found = map(signed, requests.read_text().splitlines())
    return {action for who, action in found if who != ONLOOKER}


def signed(line: str) -> tuple[str, str]:
    """Return who sent a recorded request, and what it asks for."""
    request = json.loads(line)
    headers = {name.lower(): value for name, value in request["headers"].items()}
    named = CREDENTIAL.search(headers["authorization"])
    assert named is not None, headers
    body = base64.b64decode(request["body"]).decode()
    return named[1], f"{named[2]}:{parse_qs(body)['Action'][0]}"


def allowed(*names: str) -> set[str]:
    return {
        f"{right.service}:{each}"
        for right in RIGHTS
        for each in right.actions
        if not names or right.name in names
    }


def test_all_that_was_asked_for_is_allowed(asked: set[str]) -> None:
    assert asked - allowed() == {UNFORBIDDEN}


def test_everything_gets_its_tags_as_it_is_made(asked: set[str]) -> None:
    # A request of its own could not be limited to what is the lab's: nothing tells that yet.
    assert "ec2:CreateTags" not in asked


def test_nothing_is_allowed_that_nobody_asks_for(asked: set[str]) -> None:
    told = {right.name for right in RIGHTS} - UNTOLD
    if "ec2:TerminateInstances" not in asked:
        pytest.skip("only a part of the stories was told")
    assert allowed(*told) - asked == set()
