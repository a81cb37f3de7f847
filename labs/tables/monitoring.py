"""Who watches a lab."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field, StrictBool, StrictInt, model_validator

from labs.notes import Note
from labs.tables.base import Table


class MonitoringTable(Table):
    """[monitoring]: Zabbix on the monitor; `monitoring = false` is short for a lab without."""

    short: ClassVar[str] = "boolean"

    enabled: StrictBool = Field(default=True, description="whether Zabbix runs")
    interval_s: Annotated[
        Annotated[StrictInt, Field(ge=5, le=300)] | None,
        Note(default="10; 30 in emulation, 60 there with more than three machines"),
    ] = Field(
        default=None,
        description="time between two readings of a node; what Pacemaker reports by itself arrives "
        "within seconds in any case",
    )

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, written: Any) -> Any:
        return {"enabled": written} if isinstance(written, bool) else written
