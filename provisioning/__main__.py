"""`python -m provisioning --inventory PATH`: configure the machines of an inventory."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pydantic import ValidationError

from core.environment import adopted
from core.errors import HalabError
from core.text import read_text
from core.wording import worded
from inventory.model import Inventory
from parts.secrets import ensure_secrets
from provisioning.sequence import apply


def main() -> int:
    """Apply an inventory; print what changed, and as the last line how much."""
    parser = argparse.ArgumentParser(prog="python -m provisioning", description=__doc__)
    parser.add_argument("--inventory", type=Path, required=True, help="inventory, JSON")
    parser.add_argument(
        "--secrets", type=Path, help="secrets; made when absent (default: beside the inventory)"
    )
    chosen = parser.parse_args()
    try:
        with adopted():
            inventory = read_inventory(chosen.inventory)
            secrets = ensure_secrets(chosen.secrets or chosen.inventory.with_name("secrets.json"))
            changes = apply(inventory, secrets, lambda sentence: print(sentence, flush=True))
    except HalabError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {worded(error)}", file=sys.stderr)
        return 1
    print(f"changed: {len(changes) or 'none'}")
    return 0


def read_inventory(path: Path) -> Inventory:
    """Read an inventory that a person or halab wrote; raises HalabError when that fails."""
    text = read_text(path)
    try:
        return Inventory.model_validate_json(text)
    except ValidationError as error:
        raise HalabError(
            f"{path} is not an inventory: {error}", hint="docs/provisioning.md explains its keys"
        ) from error


if __name__ == "__main__":
    sys.exit(main())
