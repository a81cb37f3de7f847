"""Steps on a machine, bundled: an ssh round trip costs an emulated guest up to a second."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from core.errors import CommandError
from machines.remote import Remote
from parts.host import Step

_MARK = "halab-step:"


def run_steps(remote: Remote, steps: Iterable[Step], *, timeout: float) -> tuple[str, ...]:
    """Run the steps one after the other in one round trip and return what each of them did.

    `timeout` is in seconds, for all that take no longer than usual.
    Raises CommandError for the first that fails, with its command and its output.
    """
    todo = tuple(steps)
    if not todo:
        return ()
    lines = []
    for number, step in enumerate(todo):
        lines.append(f"echo {shlex.quote(f'{_MARK}{number}')}")
        # A subshell with its own `set -e`: no step inherits another's directory or variables.
        lines.append(f"/bin/sh -euc {shlex.quote(step.command)} </dev/null || exit")
    allowed_s = timeout + sum(step.extra_s for step in todo)
    done = remote.run("\n".join(lines), check=False, timeout=allowed_s)
    if done.status != 0:
        _, mark, rest = done.stdout.rpartition(_MARK)
        place, _, output = rest.partition("\n")
        failed = todo[int(place)] if mark else todo[0]
        raise CommandError(
            failed.command,
            status=done.status,
            stdout=output,
            stderr=done.stderr,
            host=remote.name,
            hint=f"this should have led to: {failed.what}",
        )
    return tuple(step.what for step in todo)
