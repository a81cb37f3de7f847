"""What the fault left behind, and whether it was there at all."""

from __future__ import annotations

from collections.abc import Mapping

from drills.findings import Findings
from drills.news import BAD_NEWS, find_bad_news
from drills.rulings.base import Ruling, names
from status.forecast import Places
from wire.controller import FOLLOWS, IDLE


def proof(found: Findings) -> Ruling:
    """Something shows that the fault was there."""
    if found.proof is None:
        return None, "nobody could tell"
    return bool(found.proof), found.proof or "nothing shows it"


def foretold(found: Findings) -> Ruling:
    """Services and addresses were where the scheduler had said, before anything was healed."""
    if found.foretold is None or found.places is None:
        return None, "nobody could tell where everything was"
    said, seen = _places(found.foretold), _places(found.places)
    wrong = [f"{name}: {seen[name]}, not {said[name]}" for name in said if seen[name] != said[name]]
    right = (f"{name}: {where}" for name, where in seen.items())
    return not wrong, "; ".join(wrong or right)


def _places(places: Places) -> dict[str, str]:
    services = {name: names(nodes) for name, nodes in places.services.items()}
    return services | {address: node or names(()) for address, node in places.holders.items()}


def healthy(found: Findings) -> Ruling:
    """The lab is healthy again."""
    if found.trouble is None:
        return None, "nobody looked"
    return not found.trouble, found.trouble or "nothing is wrong any more"


def resting(found: Findings) -> Ruling:
    """All nodes hold the same configuration and have nothing to do."""
    states = found.configurations
    if not states or any(len(state.split()) != 2 for state in states.values()):
        return None, f"not every node answered: {states or 'none did'}"
    return at_rest(states), ", ".join(f"{name}: {state}" for name, state in states.items())


def at_rest(states: Mapping[str, str]) -> bool:
    """Tell whether all nodes hold one CIB and nobody has anything to do."""
    digests = {state.split()[0] for state in states.values()}
    controllers = sorted(state.split()[1] for state in states.values())
    idle = [IDLE, *[FOLLOWS] * (len(states) - 1)]
    return len(digests) == 1 and controllers == idle


def news(found: Findings) -> Ruling:
    """No journal holds bad news that this fault does not bring."""
    silent = sorted(name for name, lines in found.journals.items() if lines is None)
    patterns = {n: p for n, p in BAD_NEWS.items() if n not in found.expected.allowed_news}
    bad = [
        f"{name} on {machine}: {message}"
        for machine, lines in found.journals.items()
        for name, message in find_bad_news(lines or (), patterns)
    ]
    if bad:
        return False, "; ".join(bad[:5])
    if silent:
        return None, f"no journal from {', '.join(silent)}"
    total = sum(len(lines or ()) for lines in found.journals.values())
    return True, f"{total} lines of {len(found.journals)} machines"
