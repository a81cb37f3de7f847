"""What somebody meant who wrote a word that nobody knows."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def meant(word: str, known: Iterable[str]) -> list[str]:
    """Return the known word that is spelt most like this one, in whatever case; none may be."""
    spelt = {each.casefold(): each for each in known}
    return [spelt[each] for each in get_close_matches(word.casefold(), spelt, n=1)]
