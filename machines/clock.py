"""The machines' time of day. They agree among themselves; the caller's clock is another one."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from core.saying import Say
from core.wait import retry
from labs.roles import MachineRole
from machines.remote import Remote, RemoteUnreachable

RIGHT_WITHIN_S = 0.3
"""A measurement over ssh is as uncertain in an emulated guest; less is not worth a step."""

SAMPLES, MORE_SAMPLES = 3, 10
"""More only while the best is no better than what is worth a step, as on a guest just resumed."""

ANSWER_TIMEOUT_S = 15.0
"""A resumed machine in emulation answers after 3 s; a broken one must not hold up the rest."""

STEP = "date -u -s '{seconds:+.6f} seconds'"
"""Reckoned and set by one program, so that no time is lost between the two; Python would need a
second until it runs in an emulated guest whose memory was just loaded."""

FORGET = "[ ! -e /run/chrony/chronyd.sock ] || chronyc -m 'reset sources' 'makestep 0.1 1'"
"""Chrony forgets by itself only where it noticed the jump (chronyc(1), "reset sources"). By how far
it was led astray it steps back, once: to creep there takes twelve seconds for each of them."""


@dataclass(frozen=True, order=True)
class Offset:
    """How far a machine's clock is ahead of ours; both in seconds."""

    uncertainty: float
    ahead: float


def measure(remote: Remote) -> Offset:
    """Compare a machine's clock with ours and return the sample with the shortest round trip.

    Raises WaitTimeout for a machine that does not answer, CommandError.
    """
    _connect(remote)
    return _sample(remote)


def set_clocks(remotes: Sequence[Remote], report: Say = lambda _: None) -> float:
    """Have a lab's machines, all of them, show this machine's time; return the step in seconds.

    All are stepped by the same amount: the monitor, which gives the time to the others, and they
    with it. On a busy host that takes seconds, and who asked the monitor meanwhile has learned that
    it is wrong: so all of them forget what they had heard.
    Raises WaitTimeout for a machine that does not answer, RemoteUnreachable, CommandError.
    """
    [monitor] = [remote for remote in remotes if remote.machine.role is MachineRole.MONITOR]
    with ThreadPoolExecutor(len(remotes)) as pool:

        def run_on_all(command: str) -> None:
            list(pool.map(lambda remote: remote.run(command), remotes))

        # Connecting takes seconds in an emulated guest and must not come between the steps.
        list(pool.map(_connect, remotes))
        behind = -_sample(monitor).ahead
        if abs(behind) < RIGHT_WITHIN_S:
            return 0.0
        report(f"setting all clocks by {behind:+.1f} s")
        run_on_all(STEP.format(seconds=behind))
        run_on_all(FORGET)
        return behind


def _connect(remote: Remote) -> None:
    # A machine that was suspended needs a moment until it answers again.
    retry(
        lambda: remote.run("true"),
        RemoteUnreachable,
        what=f"{remote.name} to answer",
        timeout=ANSWER_TIMEOUT_S,
        interval=0.5,
    )


def _sample(remote: Remote) -> Offset:
    best = min(_ask(remote) for _ in range(SAMPLES))
    for _ in range(MORE_SAMPLES):
        if best.uncertainty <= RIGHT_WITHIN_S:
            break
        best = min(best, _ask(remote))
    return best


def _ask(remote: Remote) -> Offset:
    before = time.time()
    told = float(remote.run("date +%s.%N").stdout)
    after = time.time()
    return Offset((after - before) / 2, told - (before + after) / 2)
