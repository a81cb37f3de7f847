"""A timer of systemd examines a lab again and again, or nothing of it is left behind."""

from __future__ import annotations

import errno
import shlex
import subprocess
from collections.abc import Sequence
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli import timers
from cli.app import app
from cli.timers import Timer, installed
from core import environment
from core.errors import CommandError, HalabError
from core.files import write_file
from core.folders import PROJECT


class Systemd:
    """Answers what is asked of systemd; `refuses` says why it does not."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.refuses = ""
        self.lingers = "no"
        self.there_at_disable = False

    def run(self, command: Sequence[str], **_: object) -> subprocess.CompletedProcess[str]:
        words = [str(word) for word in command]
        self.asked.append(words)
        if words[0] == "systemd-analyze":
            # The real one: it needs no systemd that runs.
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            if done.returncode:
                raise CommandError(" ".join(words), status=1, stderr=done.stderr)
            return done
        if words[0] == "loginctl":
            return subprocess.CompletedProcess(words, 0, f"{self.lingers}\n", "")
        if "disable" in words:
            self.there_at_disable = Timer("active-passive").files[1].exists()
        if self.refuses:
            raise CommandError(" ".join(words), status=1, stderr=self.refuses)
        told = {
            "NextElapseUSecRealtime": "Mon 2026-11-30 00:00:00 UTC",
            "Result": "exit-code",
            "ExecMainExitTimestamp": "Mon 2026-11-23 01:10:00 UTC",
        }
        asked = (word.removeprefix("--property=") for word in words)
        lines = [f"{name}={told[name]}" for name in asked if name in told]
        return subprocess.CompletedProcess(words, 0, "\n".join(lines), "")

    @property
    def ordered(self) -> list[str]:
        return [" ".join(words[1:]) for words in self.asked if words[0] == "systemctl"]


@pytest.fixture(autouse=True)
def systemd(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Systemd:
    """Be an ordinary user with a folder of his own."""
    made = Systemd()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(timers, "run", made.run)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    return made


def call(*words: str) -> Result:
    return CliRunner().invoke(app, ["schedule", *words])


def refused(*words: str) -> HalabError:
    done = call(*words)
    assert isinstance(done.exception, HalabError), done.output
    return done.exception


def value(path: Path, section: str, key: str) -> str:
    parser = RawConfigParser(strict=False)
    parser.read(path)
    return parser[section][key]


def test_a_lab_is_examined_every_week(systemd: Systemd) -> None:
    done = call("active-passive")
    assert done.exit_code == 0, done.output
    service, timer = Timer("active-passive").files
    assert value(timer, "Timer", "OnCalendar") == "weekly"
    results = Timer("active-passive").results
    command = f'"{PROJECT}/halab" "exam" "active-passive" "--reports" "{results}"'
    assert value(service, "Service", "ExecStart") == command
    assert systemd.ordered[:2] == [
        "--user daemon-reload",
        "--user enable --now halab-exam-active-passive.timer",
    ]
    assert "next Mon 2026-11-30" in done.stdout
    assert f"./halab history {results}/history" in done.stdout


def test_it_says_when_a_user_has_to_be_logged_in(systemd: Systemd) -> None:
    assert "sudo loginctl enable-linger" in call("active-passive").stdout
    systemd.lingers = "yes"
    assert "linger" not in call("active-passive").stdout


def test_root_has_timers_of_the_system(
    systemd: Systemd, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(timers, "_folder", lambda: tmp_path)
    assert call("active-passive", "--every", "day").exit_code == 0
    assert systemd.ordered[0] == "daemon-reload"
    timer = tmp_path / "halab-exam-active-passive.timer"
    assert value(timer, "Timer", "OnCalendar") == "daily"


def test_it_lives_without_the_terminal_that_asked_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1000")
    lasting = environment.lasting()
    assert lasting["https_proxy"] == "http://proxy.example:3128"
    assert {"HOME", "PATH", "XDG_STATE_HOME"} <= lasting.keys()
    assert not {"TERM", "XDG_RUNTIME_DIR", "CI", "PYTEST_CURRENT_TEST"} & lasting.keys()


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("/home/ann b", '"/home/ann b"'),
        ("50%", '"50%%"'),
        ("a$b", '"a$$b"'),
        ('say "x"', r'"say \"x\""'),
        (r"back\slash", r'"back\\slash"'),
    ],
)
def test_words_are_quoted_as_systemd_reads_them(word: str, written: str) -> None:
    assert timers._quoted(word) == written


def test_a_wrong_time_changes_nothing() -> None:
    error = refused("active-passive", "--every", "Sat 25:00")
    assert error.message == "'Sat 25:00' is no time that systemd knows"
    assert "hour, day, week, month" in (error.hint or "")
    assert list(installed()) == []


@pytest.mark.parametrize("word", ["--help", "--version", "--iterations=3"])
def test_an_option_is_no_time(word: str) -> None:
    """systemd-analyze would do something else, and do that well."""
    assert "is no time that systemd knows" in refused("active-passive", f"--every={word}").message
    assert list(installed()) == []


def test_a_timer_that_is_not_taken_leaves_no_link_and_is_forgotten(systemd: Systemd) -> None:
    """`enable --now` makes the link before it starts what it leads to."""
    systemd.refuses = "Failed to start"
    refused("active-passive")
    unit = "halab-exam-active-passive.timer"
    assert systemd.ordered[-2:] == [f"--user disable --now {unit}", "--user daemon-reload"]
    assert systemd.there_at_disable


def test_a_disk_that_is_full_half_way_leaves_no_half_of_a_timer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(path: Path, *words: Any, **names: Any) -> None:
        if path.suffix == ".timer":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        write_file(path, *words, **names)

    monkeypatch.setattr(timers, "write_file", full)
    assert isinstance(call("active-passive").exception, OSError)
    assert not any(path.exists() for path in Timer("active-passive").files)


@pytest.mark.parametrize(
    ("every", "fields", "said"),
    [
        ("hour", "17 * * * *", "`crontab -e`:"),
        ("day", "17 2 * * *", "`crontab -e`:"),
        ("week", "17 2 * * 1", "`crontab -e`:"),
        ("month", "17 2 1 * *", "`crontab -e`:"),
        ("monthly", "17 2 1 * *", "`crontab -e`:"),
        ("Sat 03:30", "17 2 * * 1", "here for each week instead of 'Sat 03:30'"),
    ],
)
def test_cron_is_told_the_same_time_or_that_it_is_another(
    systemd: Systemd, every: str, fields: str, said: str
) -> None:
    systemd.refuses = "System has not been booted with systemd"
    hint, line = (refused("active-passive", "--every", every).hint or "").splitlines()
    assert said in hint
    assert line.startswith(f"{fields}  cd ")


def test_where_no_systemd_runs_nothing_is_left_and_cron_is_named(systemd: Systemd) -> None:
    systemd.refuses = "System has not been booted with systemd"
    assert "crontab" in (refused("active-passive").hint or "")
    assert not any(path.exists() for path in Timer("active-passive").files)


def test_a_timer_that_was_there_outlives_one_that_is_not_taken(systemd: Systemd) -> None:
    assert call("active-passive", "--every", "day").exit_code == 0
    before = [path.read_text() for path in Timer("active-passive").files]
    systemd.refuses = "it does not answer"
    refused("active-passive", "--every", "hour")
    assert not any("disable" in order for order in systemd.ordered)
    assert systemd.ordered[-1] == "--user daemon-reload"
    assert [path.read_text() for path in Timer("active-passive").files] == before


def test_where_there_is_no_systemd_at_all_cron_is_named_for_any_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def missing(*_: object) -> None:
        raise HalabError("program not found: systemd-analyze")

    place = tmp_path / "100% my labs"
    monkeypatch.setattr(timers, "run", missing)
    monkeypatch.setattr(timers, "PROJECT", place)
    error = refused("active-passive")
    assert error.message == "there is no systemd here"
    line = (error.hint or "").splitlines()[1]
    command = line.split("  ", 1)[1].replace("\\%", "%")
    assert "%" not in line.replace("\\%", "")
    assert shlex.split(command)[:3] == ["cd", str(place), "&&"]


def test_an_unknown_lab_is_refused_before_anything(systemd: Systemd) -> None:
    refused("nonesuch")
    assert systemd.asked == []


def test_it_ends_and_its_results_stay(systemd: Systemd) -> None:
    call("active-passive")
    results = Timer("active-passive").results
    results.mkdir(parents=True)
    done = call("active-passive", "--stop")
    assert done.exit_code == 0
    assert f"its results stay in {results}" in done.stdout
    assert results.is_dir()
    assert systemd.ordered[-2:] == [
        "--user disable --now halab-exam-active-passive.timer",
        "--user daemon-reload",
    ]
    assert list(installed()) == []


def test_what_was_never_begun_cannot_end() -> None:
    error = refused("active-passive", "--stop")
    assert "is not examined regularly (labs that are: none)" in error.message


def test_they_are_shown_with_what_came_of_them() -> None:
    assert "no lab is examined regularly" in call().stdout
    call("active-passive")
    shown = " ".join(call().stdout.split())
    assert "active-passive Mon 2026-11-30 00:00:00 UTC not passed, Mon 2026-11-23" in shown


AWS_LAB = """version = 1
name = "far"
[platform]
kind = "aws"
region = "eu-central-1"
management_from = "203.0.113.7/32"
"""


def test_where_aws_credentials_are_outlasts_the_terminal_and_a_key_does_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Else the timer would ask whose account is the default one."""
    mine = tmp_path / "far.toml"
    mine.write_text(AWS_LAB)
    monkeypatch.setenv("AWS_PROFILE", "course")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    assert environment.lasting()["AWS_PROFILE"] == "course"
    assert "hush" not in environment.lasting().values()
    done = call(str(mine))
    assert done.exit_code == 0, done.output
    service, _ = Timer("far").files
    assert '"AWS_PROFILE=course"' in service.read_text()

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    assert "only this terminal knows" in refused(str(mine)).message
    assert call("active-passive").exit_code == 0
