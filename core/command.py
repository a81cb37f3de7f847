"""Run a command on this machine and fail with everything that is needed to repeat it."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from core.errors import CommandError, HalabError


def run(
    command: Sequence[str | Path],
    *,
    timeout: float = 60.0,
    check: bool = True,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
    hint: str | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run `command` without a shell and return its captured text output.

    `env` is added to this process's environment; `timeout` is in seconds.
    Raises CommandError when it fails (unless `check` is False) or takes too long, and HalabError
    when the program is not there.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            env={**os.environ, **env} if env else None,
            cwd=cwd,
            check=False,
        )
    except OSError as error:
        if cwd is not None and not cwd.is_dir():
            raise HalabError(f"folder not found: {cwd}") from error
        if not isinstance(error, FileNotFoundError):
            raise HalabError(f"cannot run {words[0]}: {error.strerror}") from error
        raise HalabError(
            f"program not found: {words[0]}", hint=hint or "run `./halab doctor`"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise CommandError(
            shlex.join(words),
            status=None,
            stdout=_text(error.stdout),
            stderr=_text(error.stderr),
            hint=hint,
        ) from error
    if check and done.returncode != 0:
        raise CommandError(
            shlex.join(words),
            status=done.returncode,
            stdout=done.stdout,
            stderr=done.stderr,
            hint=hint,
        )
    return done


def _text(output: str | bytes | None) -> str:
    if output is None:
        return ""
    return output if isinstance(output, str) else output.decode(errors="replace")
