"""What a node's controller is doing, as `crmadmin` asks it."""

from __future__ import annotations

import re

STATE_COMMAND = "crmadmin --status $(uname -n) --output-as xml"

IDLE, FOLLOWS = "S_IDLE", "S_NOT_DC"
"""The coordinator without anything to do, and every other node."""


def parse_state(text: str) -> str | None:
    """Return the state that a controller tells; None where none has answered."""
    found = re.search(r"\bS_\w+", text)
    return found[0] if found else None
