"""What clients saw while a node was updated, against what two planned moves may cost."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import cast

import pytest

from core.errors import HalabError
from drills.expectations import stall_s
from drills.ledger import Books
from drills.probes import Attempt, Probe
from drills.site import Site
from parts.all import Parts
from parts.budget import budget
from tests.unit.sketched import STORY, TRIO
from updates import outage
from updates.outage import Account, Silence, Stretch, silence
from updates.rolling import allowed

PART = STORY.first_service
ADDRESS = str(PART.service.addresses[0].ip)
SERVED = Stretch("node1", 100.0, 200.0, allowed(STORY, {PART.service.name}))
BYSTANDER = Stretch("node2", 100.0, 200.0, allowed(STORY, ()))


def answers(*spans: tuple[float, float], address: str = ADDRESS) -> list[Attempt]:
    """Return an answer each second of these spans."""
    return [
        Attempt("probe", address, True, float(at), float(at), float(at), "")
        for began, ended in spans
        for at in range(int(began), int(ended) + 1)
    ]


def seconds(attempts: Iterable[Attempt], stretch: Stretch = SERVED) -> float:
    [found] = silence(PART, tuple(attempts), stretch)
    return found.seconds


def test_a_service_that_always_answers_was_never_silent() -> None:
    assert seconds(answers((90, 210))) == 0


def test_two_moves_are_added_up() -> None:
    assert seconds(answers((90, 120), (130, 150), (170, 210))) == 30


def test_a_short_gap_is_no_outage() -> None:
    calm = int(stall_s(PART.timing))
    assert seconds(answers((90, 120), (120 + calm, 210))) == 0


def test_a_service_that_never_came_back_was_silent_to_the_end() -> None:
    assert seconds(answers((90, 150))) == 50
    assert seconds([]) == 100


def test_what_was_before_and_after_is_not_the_nodes() -> None:
    assert seconds(answers((10, 20), (99, 201), (250, 260))) == 0


def test_who_serves_may_be_silent_for_two_moves_and_nobody_else() -> None:
    attempts = answers((90, 120), (140, 210))
    [served, bystander] = (
        found for each in (SERVED, BYSTANDER) for found in silence(PART, attempts, each)
    )
    assert served.allowed_s == 2 * budget(PART).move_s
    assert served.kept
    assert bystander.allowed_s == stall_s(PART.timing)
    assert not bystander.kept
    assert f"node1: web at {ADDRESS} was silent for 20.0 s of" in str(served)


@pytest.mark.parametrize("parts", [STORY, TRIO])
def test_a_planned_move_is_allowed_neither_detection_nor_fencing(parts: Parts) -> None:
    steps = budget(parts.first_service)
    assert budget(parts.first_service).move_s < steps.total_s + steps.start_s
    assert budget(parts.first_service).move_s == pytest.approx(
        steps.total_s - steps.detection_s - steps.fencing_s + steps.start_s
    )


def test_the_worst_address_counts() -> None:
    part = TRIO.first_service
    first, second, third = (str(address.ip) for address in part.service.addresses)
    attempts = [
        *answers((90, 210), address=first),
        *answers((90, 120), (150, 210), address=second),
        *answers((90, 210), address=third),
    ]
    stretch = Stretch("node1", 100.0, 200.0, allowed(TRIO, {part.service.name}))
    [worst] = silence(part, attempts, stretch)
    assert (worst.address, worst.seconds) == (second, 30)


def test_the_worst_is_who_waited_longest_beyond_what_it_may() -> None:
    part = TRIO.first_service
    first, second, _ = (str(address.ip) for address in part.service.addresses)
    attempts = [
        *answers((90, 120), (150, 210), address=first),
        *answers((90, 120), (145, 210), address=second),
    ]
    [worst] = silence(part, attempts, Stretch("all", 100.0, 200.0, {first: 40.0, second: 5.0}))
    # Nobody looks at the third, which never answered.
    assert (worst.address, worst.seconds, worst.kept) == (second, 25, False)
    assert silence(part, attempts, Stretch("all", 100.0, 200.0, {})) == ()


def test_an_account_is_as_good_as_its_worst() -> None:
    good = Silence("node1", "web", ADDRESS, 3.0, 20.0)
    late = Silence("node2", "web", ADDRESS, 30.0, 20.0)
    whole = Books(9, (), (), (), (), 0)
    torn = Books(9, ("a",), (), (), (), 0)
    assert Account((good,), {"web": whole}).kept
    assert not Account((good, late), {"web": whole}).kept
    assert not Account((good,), {"web": torn}).kept
    assert list(Account((good,), {"web": whole}).lines())[-1].startswith("web: all 9 acknowledged")


def test_a_service_that_is_nowhere_just_then_has_lost_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The node that holds it may not have answered in time."""
    nowhere = SimpleNamespace(service=lambda _: SimpleNamespace(nodes=()))
    monkeypatch.setattr(outage, "collect", lambda _: nowhere)
    site = SimpleNamespace(parts=STORY, inventory=STORY.inventory)
    clients = outage.Clients(cast(Site, site), ())
    with pytest.raises(HalabError, match="web is at no node"):
        clients._entries(PART, cast(Probe, SimpleNamespace(run="run")))
