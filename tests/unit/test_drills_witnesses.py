"""A report names the versions of what its lab is made of, and of nothing else."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from drills import witnesses
from parts.all import Parts
from tests.unit.sketched import BOOKS, STORY


class Node:
    """A machine that has every package, in a version of its own."""

    def __init__(self, _: object) -> None:
        pass

    def __enter__(self) -> Node:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def run(self, command: str, **_: object) -> SimpleNamespace:
        asked = command.partition("\\n' ")[2].partition(" 2>")[0].split()
        lines = [*(f"{name}\t{name}-1.0" for name in asked), "kernel\t6.12", ""]
        return SimpleNamespace(stdout="\n".join(lines))


@pytest.mark.parametrize(("parts", "own"), [(STORY, "nginx"), (BOOKS, "postgresql-17")])
def test_versions_are_those_of_the_labs_parts(
    monkeypatch: pytest.MonkeyPatch, parts: Parts, own: str
) -> None:
    monkeypatch.setattr(witnesses, "Remote", Node)
    told = witnesses.environment(parts)
    assert told[own] == f"{own}-1.0"
    assert {"pacemaker", "corosync", "sbd", "drbd-utils", "kernel", "token"} <= told.keys()
    assert len({"nginx", "postgresql-17"} & told.keys()) == 1
