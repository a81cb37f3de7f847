"""How what goes on reaches a person."""

from __future__ import annotations

from collections.abc import Callable

Say = Callable[[str], None]
"""Hears a sentence about what begins now, or how it stands; shows it where the person looks."""
