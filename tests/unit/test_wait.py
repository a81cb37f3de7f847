"""Waiting ends on success, on known bad news, or in time; it tells what it saw last."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from core import wait
from core.errors import HalabError
from core.wait import WaitTimeout, retry, wait_until


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.naps: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Replace the real time inside `core.wait`."""
    fake = Clock()
    monkeypatch.setattr(wait, "time", fake)
    return fake


def reads(*states: str | Exception) -> Callable[[], str]:
    """Return a reader that sees these states one after the other, and the last one for ever."""

    def each() -> Iterator[str | Exception]:
        yield from states
        while True:
            yield states[-1]

    source = each()

    def read() -> str:
        state = next(source)
        if isinstance(state, Exception):
            raise state
        return state

    return read


def is_up(state: str) -> bool:
    return state == "up"


def test_what_is_ready_already_costs_no_time(clock: Clock) -> None:
    assert wait_until(reads("up"), is_up, what="node", timeout=5) == "up"
    assert clock.naps == []


def test_it_looks_again_every_interval(clock: Clock) -> None:
    states = reads("down", "starting", "up")
    assert wait_until(states, is_up, what="node", timeout=5, interval=0.5) == "up"
    assert clock.naps == [0.5, 0.5]


def test_too_late_names_the_thing_the_time_and_the_last_state(clock: Clock) -> None:
    with pytest.raises(WaitTimeout) as caught:
        wait_until(
            reads("down", "starting"), is_up, what="node1 online", timeout=3, hint="look there"
        )
    assert str(caught.value) == (
        "node1 online: not reached within 3 s\nlast state: starting\nhint: look there"
    )
    assert sum(clock.naps) == 3


def test_even_without_time_it_looks_once(clock: Clock) -> None:
    assert wait_until(reads("up"), is_up, what="node", timeout=0) == "up"
    with pytest.raises(WaitTimeout):
        wait_until(reads("down"), is_up, what="node", timeout=0)


def test_bad_news_ends_it_at_once(clock: Clock) -> None:
    with pytest.raises(HalabError) as caught:
        wait_until(
            reads("starting", "dead"),
            is_up,
            what="node",
            timeout=100,
            failed=lambda state: "it died" if state == "dead" else None,
        )
    assert caught.value.message == "node failed: it died"
    assert not isinstance(caught.value, WaitTimeout)
    assert clock.naps == [1.0]


def test_a_state_that_is_ready_is_not_asked_for_bad_news(clock: Clock) -> None:
    found = wait_until(reads("up"), is_up, what="node", timeout=1, failed=lambda _: "never")
    assert found == "up"


def test_success_may_have_to_last(clock: Clock) -> None:
    flapping = reads("up", "down", "up", "up", "up")
    wait_until(flapping, is_up, what="node", timeout=60, successes=3)
    assert len(clock.naps) == 4


def test_an_expected_error_is_not_ready_yet_and_breaks_a_row(clock: Clock) -> None:
    shaky = reads("up", ConnectionError("refused"), "up", "up")
    wait_until(shaky, is_up, what="node", timeout=60, successes=2, retry_on=(ConnectionError,))
    assert len(clock.naps) == 3


def test_an_expected_error_is_the_last_state_of_a_timeout(clock: Clock) -> None:
    with pytest.raises(WaitTimeout, match="last state: ConnectionError: refused"):
        wait_until(
            reads(ConnectionError("refused")),
            is_up,
            what="ssh",
            timeout=2,
            retry_on=(ConnectionError,),
        )


def test_an_unexpected_error_comes_through(clock: Clock) -> None:
    with pytest.raises(KeyError):
        wait_until(reads(KeyError("x")), is_up, what="node", timeout=9, retry_on=(OSError,))


def test_only_changes_are_told(clock: Clock) -> None:
    told: list[str] = []
    wait_until(
        reads("down", "down", "starting", "starting", "up"),
        is_up,
        what="node",
        timeout=60,
        describe=str.upper,
        on_change=told.append,
    )
    assert told == ["DOWN", "STARTING"]


def test_what_may_fail_at_first_is_done_again_until_it_does_not(clock: Clock) -> None:
    act = reads(ConnectionError("refused"), ConnectionError("refused"), "done")
    assert retry(act, ConnectionError, what="it", timeout=10, interval=2) == "done"
    assert clock.naps == [2, 2]


def test_what_goes_on_failing_ends_in_time_and_anything_else_at_once(clock: Clock) -> None:
    with pytest.raises(WaitTimeout, match="it: not reached within 10 s") as caught:
        retry(reads(ConnectionError("refused")), ConnectionError, what="it", timeout=10)
    assert "ConnectionError: refused" in str(caught.value.detail)
    with pytest.raises(ValueError, match="another"):
        retry(reads(ValueError("another")), ConnectionError, what="it", timeout=10)
