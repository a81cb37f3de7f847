"""Timers of systemd that examine labs: the user's own, or the system's for root."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from core import environment
from core.command import run
from core.errors import CommandError, HalabError
from core.files import READABLE, write_file
from core.folders import PROJECT, state_folder

PREFIX = "halab-exam-"

EVERY = {"hour": "hourly", "day": "daily", "week": "weekly", "month": "monthly"}
"""Words of a person, and what systemd.time(7) calls them. Its own expressions will do as well."""

CRON = {
    "hourly": "17 * * * *",
    "daily": "17 2 * * *",
    "weekly": "17 2 * * 1",
    "monthly": "17 2 1 * *",
}
"""When that is to cron (crontab(5)), which knows none of systemd's other expressions."""

STOPPING_S = 1800
"""Seconds that an exam which is stopped may take to heal its lab, or to remove it."""


@dataclass(frozen=True)
class Timer:
    """The regular exam of one lab. `results` is where its reports and their history gather."""

    lab: str

    @property
    def unit(self) -> str:
        """The name of its units, without their suffix."""
        return PREFIX + self.lab

    @property
    def results(self) -> Path:
        """The folder of its reports."""
        return state_folder() / "exams" / self.lab

    @property
    def files(self) -> tuple[Path, Path]:
        """Where its service and its timer stand."""
        folder = _folder()
        return folder / f"{self.unit}.service", folder / f"{self.unit}.timer"

    def install(self, definition: str, when: str) -> None:
        """Have this definition examined whenever systemd's calendar says so.

        Raises HalabError, and leaves what was there before, where systemd does not take it.
        """
        by_cron = _by_cron(self, definition, when)
        calendar = _calendar(when, by_cron)
        service, timer = self.files
        try:
            with self._or_as_before():
                # A proxy's address may hold a password.
                write_file(service, _service(self, definition))
                write_file(timer, _timer(self, calendar), mode=READABLE)
                systemctl("daemon-reload")
                systemctl("enable", "--now", timer.name)
        except HalabError as error:
            raise HalabError(
                f"systemd does not take a timer for lab {self.lab}: {error.message}",
                detail=error.detail,
                hint=by_cron,
            ) from error

    @contextmanager
    def _or_as_before(self) -> Iterator[None]:
        """Unless the block ends well, leave its files and what systemd knows as they were."""
        before = {
            path: (path.read_bytes(), path.stat().st_mode & 0o777)
            for path in self.files
            if path.exists()
        }
        try:
            yield
        except BaseException:
            timer = self.files[1]
            # Where there is no systemd that could forget, it knows nothing either.
            with suppress(HalabError):
                if timer not in before:
                    # While the file is there, which says where links to it are.
                    systemctl("disable", "--now", timer.name)
            for path in self.files:
                path.unlink(missing_ok=True)
            for path, (text, mode) in before.items():
                write_file(path, text, mode=mode)
            with suppress(HalabError):
                systemctl("daemon-reload")
            raise

    def remove(self) -> None:
        """End the regular exams; their results stay. Raises HalabError when there are none."""
        if not any(path.exists() for path in self.files):
            known = ", ".join(timer.lab for timer in installed()) or "none"
            raise HalabError(f"lab {self.lab!r} is not examined regularly (labs that are: {known})")
        systemctl("disable", "--now", self.files[1].name)
        for path in self.files:
            path.unlink(missing_ok=True)
        systemctl("daemon-reload")

    def said(self, suffix: str, *properties: str) -> dict[str, str]:
        """Return what systemd says about the timer or the service."""
        names = [f"--property={name}" for name in properties]
        told = systemctl("show", f"{self.unit}.{suffix}", *names)
        return dict(line.split("=", 1) for line in told.splitlines() if "=" in line)


def installed() -> Iterator[Timer]:
    """Yield the timers that there are, by the names of labs."""
    for path in sorted(_folder().glob(f"{PREFIX}*.timer")):
        yield Timer(path.stem.removeprefix(PREFIX))


def systemctl(*words: str) -> str:
    """Ask the systemd whose timers these are; raises HalabError when it is not there or refuses."""
    return run(["systemctl", *([] if _is_system() else ["--user"]), *words]).stdout


def lingers() -> bool:
    """Tell whether this user's timers run while he is not logged in."""
    if _is_system():
        return True
    asked = ["loginctl", "show-user", environment.user_name(), "--property=Linger", "--value"]
    return run(asked, check=False).stdout.strip() == "yes"


def _is_system() -> bool:
    return os.geteuid() == 0


def _folder() -> Path:
    if _is_system():
        return Path("/etc/systemd/system")
    said = os.environ.get("XDG_CONFIG_HOME", "")
    base = Path(said) if os.path.isabs(said) else environment.home() / ".config"
    return base / "systemd" / "user"


def _calendar(when: str, otherwise: str) -> str:
    """Return a calendar expression; raises HalabError for words that are none.

    `otherwise` says what to do where there is no systemd that could tell.
    """
    expression = EVERY.get(when, when)
    try:
        run(["systemd-analyze", "calendar", "--", expression])
    except CommandError as error:
        raise HalabError(
            f"{when!r} is no time that systemd knows",
            detail=error.stderr.strip() or None,
            hint=f"say {', '.join(EVERY)}, or as systemd.time(7) has it: 'Sat 03:30'",
        ) from error
    except HalabError as error:
        raise HalabError("there is no systemd here", hint=otherwise) from error
    return expression


def _by_cron(timer: Timer, definition: str, when: str) -> str:
    """Say how an exam is repeated without systemd; `%` is a new line to cron (crontab(5))."""
    words = ("./halab", "exam", definition, "--reports", str(timer.results))
    command = f"cd {shlex.quote(str(PROJECT))} && {shlex.join(words)}".replace("%", r"\%")
    fields = CRON.get(EVERY.get(when, when))
    said = "" if fields else f", here for each week instead of {when!r} (crontab(5))"
    line = f"{fields or CRON['weekly']}  {command}"
    return f"where no systemd runs, cron does it; a line of `crontab -e`{said}:\n{line}"


def _service(timer: Timer, definition: str) -> str:
    command = (PROJECT / "halab", "exam", definition, "--reports", timer.results)
    given = (f"{name}={value}" for name, value in sorted(environment.lasting().items()))
    return "\n".join(
        (
            "[Unit]",
            f"Description=halab examines the lab {timer.lab}",
            "",
            "[Service]",
            "Type=oneshot",
            # A path is taken as it is, blanks and quotes too.
            f"WorkingDirectory={str(PROJECT).replace('%', '%%')}",
            *(f"Environment={_quoted(pair, dollar='$')}" for pair in given),
            f"ExecStart={' '.join(_quoted(str(word)) for word in command)}",
            "# Only halab is told to end: it heals the lab, and removes what it has built.",
            "KillMode=mixed",
            f"TimeoutStopSec={STOPPING_S}",
            "",
        )
    )


def _timer(timer: Timer, calendar: str) -> str:
    return "\n".join(
        (
            "[Unit]",
            f"Description=halab examines the lab {timer.lab} regularly",
            "",
            "[Timer]",
            f"OnCalendar={calendar}",
            "# One that was missed is made up for.",
            "Persistent=true",
            "",
            "[Install]",
            "WantedBy=timers.target",
            "",
        )
    )


def _quoted(word: str, dollar: str = "$$") -> str:
    """Quote a word as systemd.syntax(7) reads it; `dollar` is how it takes a dollar sign there."""
    told = {"\\": "\\\\", '"': '\\"', "%": "%%", "$": dollar, "\n": "\\n"}
    return '"' + re.sub(r'[\\"%$\n]', lambda found: told[found[0]], word) + '"'
