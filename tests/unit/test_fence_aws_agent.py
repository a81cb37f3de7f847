"""The agent that fences through AWS says at once what it can, and leaves all else to fence_aws."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from parts.host import program

AGENT = """#!/bin/sh
echo "$* $(cat)" >>"{log}"
case "$*" in *metadata*) echo "<resource-agent/>" ;; esac
case $(tail -n 2 "{log}") in *action=status*) exit "$STATE" ;; esac
exit "$RC"
"""


class Agent:
    """The agent, with a fence_aws of paper that notes what it is asked for, and ends as it is told.

    `state` is how it ends when it is asked for a status, `behind` how it ends otherwise, `status`
    what the agent then has to end with.
    """

    def __init__(self, folder: Path) -> None:
        self.behind, self.log = folder / "fence_aws", folder / "log"
        self.behind.write_text(AGENT.format(log=self.log))
        self.behind.chmod(0o755)
        text = program("fence_aws_agent.sh")
        for path, here in (("/usr/sbin/fence_aws", self.behind), ("/var/lib/halab", folder)):
            text = text.replace(path, str(here))
        self.text = text

    def ask(
        self,
        *words: str,
        options: str = "",
        status: int = 0,
        state: int = 0,
        behind: int | None = None,
    ) -> str:
        ends = status if behind is None else behind
        done = subprocess.run(
            ["sh", "-c", self.text, "fence_halab_aws", *words],
            input=options,
            capture_output=True,
            text=True,
            env={
                **os.environ,
                "RC": str(ends),
                "STATE": str(state),
            },
        )
        assert done.returncode == status, done.stderr
        return done.stdout

    @property
    def asked(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    return Agent(tmp_path)


@pytest.mark.parametrize("words", [("--action=metadata",), ("-o", "metadata"), ()])
def test_it_describes_itself_without_asking_twice(agent: Agent, words: tuple[str, ...]) -> None:
    options = "" if words else "action=metadata\n"
    for _ in range(3):
        assert agent.ask(*words, options=options) == "<resource-agent/>\n"
    assert agent.asked == ["--action=metadata "]


def test_what_it_is_to_do_it_leaves_to_the_other_with_its_answer(agent: Agent) -> None:
    agent.ask(options="action=off\nplug=i-1", status=3)
    agent.ask("--action=list", "--region=x", status=1)
    assert agent.asked == [" action=off", "plug=i-1", "--action=list --region=x "]


OFF, ON, UNREACHABLE = 2, 0, 1


def test_a_node_that_is_stopped_and_not_started_again_is_fenced(agent: Agent) -> None:
    agent.ask(options="action=reboot\nplug=i-1", behind=1, state=OFF, status=0)
    assert agent.asked == [" action=reboot", "plug=i-1", " action=status", "plug=i-1"]


@pytest.mark.parametrize("state", [ON, UNREACHABLE])
def test_a_node_of_which_nobody_says_that_it_is_off_is_not(agent: Agent, state: int) -> None:
    agent.ask(options="action=reboot\nplug=i-1", behind=6, state=state, status=6)


def test_who_succeeds_is_asked_once(agent: Agent) -> None:
    agent.ask(options="action=reboot\nplug=i-1")
    assert agent.asked == [" action=reboot", "plug=i-1"]


def test_another_version_is_described_anew_while_nobody_waits(agent: Agent) -> None:
    agent.ask("--action=metadata")
    later = agent.behind.stat().st_mtime + 60
    os.utime(agent.behind, (later, later))

    agent.ask(options="action=metadata")
    agent.ask(options="action=off")
    assert agent.asked == ["--action=metadata ", " action=off"]
    agent.ask(options="action=monitor")
    assert agent.asked[2:] == ["--action=metadata ", " action=monitor"]


def test_a_description_that_failed_is_not_kept(agent: Agent) -> None:
    agent.ask("--action=metadata", status=1)
    assert agent.ask("--action=metadata") == "<resource-agent/>\n"
