"""`halab schema`: what editors know of definitions."""

from __future__ import annotations

import json

from labs import schema as definitions


def schema() -> None:
    """Print the JSON schema of definitions: editors complete and check them by it."""
    print(json.dumps(definitions.schema(), indent=2, ensure_ascii=False))
