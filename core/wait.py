"""Polling in one way: bounded, stops early on bad news, reports the last state it saw."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from core.errors import HalabError
from core.saying import Say

State = TypeVar("State")
Made = TypeVar("Made")


class WaitFailed(HalabError):
    """The awaited condition cannot come true any more; the detail is the last state."""


class WaitTimeout(HalabError):
    """The awaited condition did not come true in time; the message holds the last state."""


def wait_until(
    read: Callable[[], State],
    ready: Callable[[State], bool],
    *,
    what: str,
    timeout: float,
    failed: Callable[[State], str | None] = lambda _: None,
    describe: Callable[[State], str] = str,
    interval: float = 1.0,
    successes: int = 1,
    retry_on: tuple[type[Exception], ...] = (),
    on_change: Say = lambda _: None,
    hint: str | Callable[[State | None], str] | None = None,
) -> State:
    """Poll `read` every `interval` seconds until `ready` holds `successes` times in a row.

    `failed` returns a sentence when the state can no longer become ready; the wait then ends at
    once. Exceptions listed in `retry_on` count as "not ready yet"; all others end the wait.
    `on_change` hears every state that differs from the one before, as `describe` words it. A
    `hint` may depend on the last state, None before there was one.

    Raises WaitTimeout after `timeout` seconds, WaitFailed when `failed` speaks.
    """
    deadline = time.monotonic() + timeout
    seen = "nothing was read"
    in_a_row = 0
    last: State | None = None
    while True:
        try:
            state = last = read()
        except retry_on as error:
            now, in_a_row = f"{type(error).__name__}: {error}", 0
        else:
            now = describe(state)
            if ready(state):
                in_a_row += 1
                if in_a_row >= successes:
                    return state
            else:
                in_a_row = 0
                reason = failed(state)
                if reason:
                    raise WaitFailed(f"{what} failed: {reason}", hint=_hint(hint, last), detail=now)
        if now != seen:
            seen = now
            on_change(now)
        if time.monotonic() >= deadline:
            raise WaitTimeout(
                f"{what}: not reached within {timeout:.0f} s",
                hint=_hint(hint, last),
                detail=f"last state: {seen}",
            )
        time.sleep(interval)


def retry(
    act: Callable[[], Made],
    on: type[Exception],
    *,
    what: str,
    timeout: float,
    interval: float = 1.0,
    hint: str | None = None,
) -> Made:
    """Do something, and again every `interval` seconds while it raises `on`; return what it gives.

    Raises WaitTimeout after `timeout` seconds, and whatever else it raises at once.
    """
    return wait_until(
        act,
        lambda _: True,
        what=what,
        timeout=timeout,
        describe=lambda _: "done",
        interval=interval,
        retry_on=(on,),
        hint=hint,
    )


def _hint(hint: str | Callable[[State | None], str] | None, last: State | None) -> str | None:
    return hint(last) if callable(hint) else hint
