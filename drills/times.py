"""Moments and durations as files hold them, which somebody may have damaged."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

LAST = 32_503_680_000.0
"""The year 3000: what comes later no calendar, and no axis of a picture, has to show."""

Seconds = Annotated[float, Field(ge=0, le=LAST)]
"""Of a duration, or since 1970."""
