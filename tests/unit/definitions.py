"""Definitions of labs as a person writes them, and what halab says is wrong with them."""

from __future__ import annotations

from typing import Any

import pytest

from labs.checking import check
from labs.loading import DefinitionError, Problem
from labs.model import Lab

GOOD: dict[str, Any] = {"version": 1, "name": "small"}


def problems(**tables: Any) -> dict[str, Problem]:
    """Return what is wrong with a definition, by key."""
    with pytest.raises(DefinitionError) as caught:
        check("my.toml", {**GOOD, **tables}, Lab)
    assert {problem.file for problem in caught.value.problems} == {"my.toml"}
    assert all(problem.allowed and problem.hint for problem in caught.value.problems)
    return {problem.key: problem for problem in caught.value.problems}


def the_problem(**tables: Any) -> Problem:
    """Return the only thing that is wrong with a definition."""
    (problem,) = problems(**tables).values()
    return problem
