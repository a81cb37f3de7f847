"""What every value of an inventory or a record is made of."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """Immutable, and an error on every key that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")
