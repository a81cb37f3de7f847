"""The dashboard "HA cluster": what a lecturer projects. Types and names of fields are the API's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parts.all import Parts

NAME = "HA cluster"

Widget = dict[str, Any]

_INT, _STR, _GROUP, _HOST, _ITEM = 0, 1, 2, 3, 4
"""Kinds of a widget's fields."""

GREEN, RED, BLUE = "2E7D32", "C62828", "1E6FBA"

ITEMS = ("cluster.active", "service.answers", "cluster.votes", "cluster.event")
"""The keys of the cluster's items that the dashboard shows."""

WIDTH = 72
"""Columns of Zabbix's grid; its rows are 70 pixels high."""


def layout(
    parts: Parts, cluster: str, group: str, nodes: list[str], items: Mapping[str, str]
) -> Widget:
    """Describe the dashboard; `items` maps keys of the cluster's items to their ids.

    `cluster` is the visible name of the cluster's host; `group` and `nodes` are ids.
    """
    tiles, high = _tiles(parts, items)
    # Three rows of the grid have room for four nodes, each further one for two.
    table = 3 + max(0, len(parts.inventory.nodes) - 3) // 2
    below = high + table
    return {
        "name": NAME,
        "display_period": 30,
        "auto_start": 1,
        "pages": [
            {
                "widgets": [
                    *tiles,
                    _widget("tophosts", "Nodes", 0, high, WIDTH, table, _table(parts, nodes)),
                    _widget(
                        "problems",
                        "Open problems",
                        0,
                        below,
                        36,
                        6,
                        [
                            (_GROUP, "groupids.0", group),
                            (_INT, "show", 3),
                            (_INT, "show_opdata", 2),
                        ],
                    ),
                    _widget(
                        "itemhistory",
                        "Events",
                        36,
                        below,
                        36,
                        6,
                        [
                            (_STR, "columns.0.name", "Event"),
                            (_ITEM, "columns.0.itemid", items["cluster.event"]),
                            (_INT, "show_timestamp", 1),
                            (_INT, "show_column_header", 1),
                            (_STR, "time_period.from", "now-1d"),
                            (_STR, "time_period.to", "now"),
                        ],
                    ),
                    _widget("svggraph", "Outage history", 0, below + 6, WIDTH, 5, _graph(cluster)),
                ]
            }
        ],
    }


def _tiles(parts: Parts, items: Mapping[str, str]) -> tuple[list[Widget], int]:
    """Return what is seen from afar, and how high it stands: who serves, does it answer, votes.

    What has one address fits into a third of the width. Several have a line of their own, which
    Zabbix does not break.
    """
    active, answers, votes = (
        items[key] for key in ("cluster.active", "service.answers", "cluster.votes")
    )
    if parts.inventory.has_one_address:
        return [
            _value("Active node", (0, 0, 24, 4), active, BLUE),
            _value("Service answers", (24, 0, 24, 4), answers, GREEN),
            _value("Votes", (48, 0, 24, 4), votes, BLUE),
        ], 4
    longest = max((node.name for node in parts.inventory.nodes), key=len)
    addresses = (address for each in parts.inventory.services for address in each.addresses)
    letters = sum(len(f"{address.ip} on {longest}, ") for address in addresses)
    # On a screen of 1600 pixels, 154 letters of size 14 take three fifths of the width.
    size = min(40, 3300 // letters)
    return [
        _value("Served at", (0, 0, WIDTH, 2), active, BLUE, size=size),
        _value("Service answers", (0, 2, 36, 4), answers, GREEN),
        _value("Votes", (36, 2, 36, 4), votes, BLUE),
    ], 6


def _table(parts: Parts, nodes: list[str]) -> list[tuple[int, str, object]]:
    """Return the columns of the table of nodes, by the parts of the lab."""
    columns = sorted(
        (column for part in parts.every for column in part.columns()),
        key=lambda column: column.place,
    )
    table: list[tuple[int, str, object]] = [
        (_INT, "columns.0.data", 2),
        (_STR, "columns.0.name", "Node"),
        (_STR, "columns.0.base_color", ""),
    ]
    for number, column in enumerate(columns, start=1):
        place = f"columns.{number}"
        table += [
            (_INT, f"{place}.data", 1),
            (_STR, f"{place}.name", column.heading),
            (_STR, f"{place}.item", column.item),
            (_STR, f"{place}.base_color", ""),
            (_INT, f"{place}.aggregate_function", 0),
            (_INT, f"{place}.display", 1),
            (_INT, f"{place}.history", 1),
            (_INT, f"{place}.decimal_places", 0),
        ]
    table += [(_INT, "column", 0), (_INT, "order", 2)]
    return [*table, *((_HOST, f"hostids.{number}", node) for number, node in enumerate(nodes))]


def _value(
    title: str, place: tuple[int, int, int, int], item: str, colour: str, *, size: int = 40
) -> Widget:
    """Make a tile with one large value on a coloured ground; `size` is in per cent of the tile."""
    fields = [
        (_ITEM, "itemid.0", item),
        (_INT, "show.0", 2),
        (_STR, "value_color", "FFFFFF"),
        (_INT, "value_size", size),
        (_INT, "decimal_places", 0),
        (_STR, "bg_color", colour),
    ]
    if title == "Service answers":
        fields += [
            (_STR, "thresholds.0.color", RED),
            (_STR, "thresholds.0.threshold", "0"),
            (_STR, "thresholds.1.color", colour),
            (_STR, "thresholds.1.threshold", "1"),
        ]
    return _widget("item", title, *place, fields)


def _graph(cluster: str) -> list[tuple[int, str, object]]:
    return [
        (_STR, "ds.0.hosts.0", cluster),
        (_STR, "ds.0.items.0", "Service answers"),
        (_STR, "ds.0.color", GREEN),
        (_INT, "ds.0.type", 2),
        (_INT, "ds.0.fill", 5),
        (_STR, "lefty_min", "0"),
        (_STR, "lefty_max", "1"),
        (_INT, "righty", 0),
        (_INT, "legend", 0),
        (_INT, "show_problems", 1),
        (_INT, "graph_item_problems", 0),
        (_STR, "problemhosts.0", cluster),
        (_STR, "time_period.from", "now-30m"),
        (_STR, "time_period.to", "now"),
    ]


def _widget(
    kind: str,
    title: str,
    x: int,
    y: int,
    width: int,
    height: int,
    fields: list[tuple[int, str, Any]],
) -> Widget:
    return {
        "type": kind,
        "name": title,
        "x": x,
        "y": y,
        "width": width,
        "height": height,
        "fields": [{"type": type_, "name": name, "value": value} for type_, name, value in fields],
    }


def essence(dashboard: Mapping[str, Any]) -> Any:
    """Reduce a dashboard, as wanted or as the API returns it, to what can be compared."""
    return [
        sorted(
            (
                widget["type"],
                widget["name"],
                *(int(widget[key]) for key in ("x", "y", "width", "height")),
                tuple(sorted((f["name"], str(f["value"])) for f in widget["fields"])),
            )
            for widget in page["widgets"]
        )
        for page in dashboard["pages"]
    ]
