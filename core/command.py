"""Programs on this machine: the one place that starts them, all in the same environment."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from core.environment import for_program
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

    `env` is added to halab's environment for programs; `timeout` is in seconds.
    Raises CommandError when it fails (unless `check` is False) or takes too long, and HalabError
    when the program is not there; both carry everything that is needed to repeat it.
    """
    words = [str(word) for word in command]
    given = subprocess.DEVNULL if stdin is None else subprocess.PIPE
    with start(
        words,
        stdin=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=env,
        cwd=cwd,
        hint=hint,
        encoding="utf-8",
        errors="replace",
    ) as process:
        try:
            stdout, stderr = process.communicate(stdin, timeout)
        except subprocess.TimeoutExpired as error:
            process.kill()
            raise CommandError(
                shlex.join(words),
                status=None,
                stdout=_text(error.stdout),
                stderr=_text(error.stderr),
                hint=hint,
            ) from error
        except BaseException:
            process.kill()
            raise
    if check and process.returncode != 0:
        raise CommandError(
            shlex.join(words), status=process.returncode, stdout=stdout, stderr=stderr, hint=hint
        )
    return subprocess.CompletedProcess(words, process.returncode, stdout, stderr)


def start(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    hint: str | None = None,
    **options: Any,
) -> subprocess.Popen[Any]:
    """Start a program and return at once; `options` are those of subprocess.Popen.

    `env` is added to halab's environment for programs. Raises HalabError when it cannot start.
    """
    words = [str(word) for word in command]
    try:
        return subprocess.Popen(words, env=for_program(env), cwd=cwd, **options)
    except OSError as error:
        raise _unusable(words[0], cwd, error, hint) from error


def become(
    command: Sequence[str | Path], *, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> NoReturn:
    """Let a program take this process's place: a person talks to it from here on.

    `env` is added to halab's environment for programs. Raises HalabError when it cannot start.
    """
    words = [str(word) for word in command]
    environment = for_program(env)
    try:
        if cwd is not None:
            os.chdir(cwd)
        os.execvpe(words[0], words, environment)
    except OSError as error:
        raise _unusable(words[0], cwd, error, None) from error


def _unusable(program: str, cwd: Path | None, error: OSError, hint: str | None) -> HalabError:
    if cwd is not None and not cwd.is_dir():
        return HalabError(f"folder not found: {cwd}")
    if not isinstance(error, FileNotFoundError):
        return HalabError(f"cannot run {program}: {error.strerror}", hint=hint)
    return HalabError(f"program not found: {program}", hint=hint or "run `./halab doctor`")


def _text(output: str | bytes | None) -> str:
    if output is None:
        return ""
    return output if isinstance(output, str) else output.decode(errors="replace")
