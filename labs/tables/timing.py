"""Timeouts that a person chooses."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from labs.timing import PROFILES, Timeouts


class TimingTable(Timeouts):
    """[timing]: a profile, and whatever shall differ from it."""

    profile: Literal["default", "slow-host"] = Field(
        default="default",
        description="values to start from; `slow-host` sets `token_ms = 5000` and "
        "`watchdog_s = 10` for hosts that stall for seconds, and clients wait longer after a "
        "failure",
    )

    @model_validator(mode="before")
    @classmethod
    def _start_from_profile(cls, written: Any) -> Any:
        if not isinstance(written, dict):
            return written
        profile = written.get("profile")
        return {**PROFILES.get(profile, {}), **written} if isinstance(profile, str) else written
