"""Tables on a terminal, however narrow that is."""

from __future__ import annotations

from rich.table import Column, Table


def plain_table(
    *headings: str | Column, title: str | None = None, header_style: str = "table.header"
) -> Table:
    """Return a table without lines, in which no word is cut off: many of them are to be typed."""
    columns = (
        Column(heading, overflow="fold") if isinstance(heading, str) else heading
        for heading in headings
    )
    return Table(*columns, box=None, title=title, header_style=header_style)
