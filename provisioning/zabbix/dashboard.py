"""The dashboard "HA cluster": what a lecturer projects. Types and names of fields are the API's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NAME = "HA cluster"

Widget = dict[str, Any]

_INT, _STR, _GROUP, _HOST, _ITEM = 0, 1, 2, 3, 4
"""Kinds of a widget's fields."""

GREEN, RED, BLUE = "2E7D32", "C62828", "1E6FBA"

COLUMNS = (
    ("State", "State in the cluster"),
    ("Replication", "Replication"),
    ("Role", "Replication role"),
    ("Disk", "Replicated disk"),
    ("Quorate", "Quorate"),
    ("Quorum device", "Quorum device"),
    ("Link 0", "Link 0"),
    ("Link 1", "Link 1"),
    ("Address", "Holds the service address"),
)
"""Of the table of nodes: heading, and name of the template's item."""


def layout(cluster: str, group: str, nodes: list[str], items: Mapping[str, str]) -> Widget:
    """Describe the dashboard; `items` maps keys of the cluster's items to their ids.

    `cluster` is the visible name of the cluster's host; `group` and `nodes` are ids.
    """
    big = 24
    table: list[tuple[int, str, object]] = [
        (_INT, "columns.0.data", 2),
        (_STR, "columns.0.name", "Node"),
        (_STR, "columns.0.base_color", ""),
    ]
    for number, (heading, item) in enumerate(COLUMNS, start=1):
        place = f"columns.{number}"
        table += [
            (_INT, f"{place}.data", 1),
            (_STR, f"{place}.name", heading),
            (_STR, f"{place}.item", item),
            (_STR, f"{place}.base_color", ""),
            (_INT, f"{place}.aggregate_function", 0),
            (_INT, f"{place}.display", 1),
            (_INT, f"{place}.history", 1),
            (_INT, f"{place}.decimal_places", 0),
        ]
    table += [(_INT, "column", 0), (_INT, "order", 2)]
    table += [(_HOST, f"hostids.{number}", node) for number, node in enumerate(nodes)]
    return {
        "name": NAME,
        "display_period": 30,
        "auto_start": 1,
        "pages": [
            {
                "widgets": [
                    _value("Active node", 0, big, items["cluster.active"], BLUE),
                    _value("Service answers", big, big, items["service.answers"], GREEN),
                    _value("Votes", 2 * big, big, items["cluster.votes"], BLUE),
                    _widget("tophosts", "Nodes", 0, 4, 72, 3, table),
                    _widget(
                        "problems",
                        "Open problems",
                        0,
                        7,
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
                        7,
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
                    _widget("svggraph", "Outage history", 0, 13, 72, 5, _graph(cluster)),
                ]
            }
        ],
    }


def _value(title: str, x: int, width: int, item: str, colour: str) -> Widget:
    """Make a tile with one large value on a coloured ground."""
    fields = [
        (_ITEM, "itemid.0", item),
        (_INT, "show.0", 2),
        (_STR, "value_color", "FFFFFF"),
        (_INT, "value_size", 40),
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
    return _widget("item", title, x, 0, width, 4, fields)


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
