"""The templates of one lab: what its parts let Zabbix watch, put together.

Zabbix lets a value depend only on one of the same template, and what a node or a cluster tells of
itself is one value. So parts do not bring templates of their own: each adds to the templates of a
machine, of a cluster node and of a cluster what the lab has by it, and nothing else is watched.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

import yaml

from parts.all import Parts
from parts.watched import Watched, watched

MACHINE, NODE, CLUSTER = "halab machine", "halab cluster node", "halab cluster"
"""The templates, as parts/templates/watched calls them."""

LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
"""In C it takes a tenth of the time; not every build of PyYAML has that."""

FORMAT = "json"
"""What `source` is in."""


def source(parts: Parts) -> str:
    """Return the templates as Zabbix imports them."""
    return json.dumps({"zabbix_export": {"version": "7.0", **compose(parts)}})


def compose(parts: Parts) -> dict[str, Any]:
    """Return what Zabbix would export of the lab's templates."""
    return merge(_read(each) for each in _wanted(parts))


def triggers(parts: Parts) -> list[dict[str, Any]]:
    """Return all triggers of the lab's templates."""
    return [entry for entry in named(compose(parts)) if "expression" in entry]


def named(entry: Any) -> Iterator[dict[str, Any]]:
    """Yield everything in an entry that Zabbix knows by a UUID, the entry itself too."""
    if isinstance(entry, dict) and "uuid" in entry:
        yield entry
    for value in entry.values() if isinstance(entry, dict) else entry:
        if isinstance(value, (dict, list)):
            yield from named(value)


def merge(documents: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Put documents together: what several say of one template stands in that template."""
    templates: dict[str, dict[str, Any]] = {}
    whole: dict[str, Any] = {}
    for document in documents:
        for template in document.pop("templates"):
            _add(templates.setdefault(template["template"], {}), template)
        _add(whole, document)
    for template in templates.values():
        # In any other order Zabbix finds that they differ, every time.
        template.get("macros", []).sort(key=lambda macro: macro["macro"])
    return {**whole, "templates": list(templates.values())}


def _wanted(parts: Parts) -> Iterator[Watched]:
    for part in parts.every:
        yield from part.monitored()
    answers = [check.answers for part in parts.services.values() for check in part.checks]
    yield watched("answers", formula=" and ".join(answers))


def _add(kept: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        kept[key] = [*kept.get(key, []), *value] if isinstance(value, list) else value


def _read(wanted: Watched) -> dict[str, Any]:
    document: dict[str, Any] = yaml.load(wanted.text, Loader=LOADER)
    if wanted.apart:
        _set_apart(document, wanted.apart)
    return document


def _set_apart(entry: Any, word: str) -> None:
    """Give everything in an entry another UUID, always the same for the same word."""
    for each in named(entry):
        each["uuid"] = _uuid(f"{each['uuid']} {word}")


def _uuid(seed: str) -> str:
    """Make a UUID of a text, of the version that Zabbix insists on: 4 (RFC 9562)."""
    digest = hashlib.sha256(seed.encode()).hexdigest()
    return f"{digest[:12]}4{digest[13:16]}8{digest[17:32]}"
