"""Who watches a lab."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StrictBool, StrictInt, model_validator

from labs.tables.base import Table


class MonitoringTable(Table):
    """[monitoring]: Zabbix on the monitor; `monitoring = false` is short for a lab without."""

    enabled: StrictBool = Field(default=True, description="true or false")
    interval_s: Annotated[StrictInt, Field(ge=5, le=300)] | None = Field(
        default=None, description="seconds, whole number from 5 to 300"
    )
    """Time between two readings of a node; halab chooses one for the machines' pace."""

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, written: Any) -> Any:
        return {"enabled": written} if isinstance(written, bool) else written
