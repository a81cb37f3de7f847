"""Sizes are short where that loses nothing."""

from __future__ import annotations

import pytest

from core.sizes import size


@pytest.mark.parametrize(
    ("mib", "said"),
    [
        (64, "64 MiB"),
        (768, "768 MiB"),
        (1000, "1000 MiB"),
        (1024, "1 GiB"),
        (1280, "1.25 GiB"),
        (1281, "1281 MiB"),
        (3584, "3.5 GiB"),
        (1048576, "1024 GiB"),
    ],
)
def test_gib_are_said_where_they_are_exact(mib: int, said: str) -> None:
    assert size(mib) == said
