"""halab's fence agents say at once what they can, and leave all else to the packages' agents."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from parts.fencing import aws, sbd
from parts.fencing.agents import FenceAgent

AGENT = """#!/bin/sh
echo "$* $(cat)" >>"{log}"
case "$*" in *metadata*) echo "<resource-agent/>" ;; esac
case $(tail -n 2 "{log}") in *action=status*) exit "$STATE" ;; esac
exit "$RC"
"""


class Agent:
    """An agent, with one of paper behind it that notes what it is asked, and ends as it is told.

    `state` is how it ends when it is asked for a status, `behind` how it ends otherwise, `status`
    what the agent then has to end with.
    """

    def __init__(self, folder: Path, made: FenceAgent) -> None:
        self.made, self.behind, self.log = made, folder / "behind", folder / "log"
        self.behind.write_text(AGENT.format(log=self.log))
        self.behind.chmod(0o755)
        text = made.file().content
        assert isinstance(text, str)
        for path, here in (
            (f"={made.packaged}\n", f"={self.behind}\n"),
            ("/var/lib/halab", folder),
        ):
            assert path in text
            text = text.replace(path, str(here))
        self.text = text
        self.hurried, self.programs = folder / "hurried", folder / "bin"
        self.programs.mkdir()
        self.chrt(refuses=False)

    def chrt(self, *, refuses: bool) -> None:
        """Have the system make it as urgent as it asks to be, or refuse."""
        program = self.programs / "chrt"
        program.write_text(f'#!/bin/sh\necho "${{*% *}}" >>"{self.hurried}"\nexit {int(refuses)}\n')
        program.chmod(0o755)

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
            ["sh", "-c", self.text, self.made.path, *words],
            input=options,
            capture_output=True,
            text=True,
            env={
                **os.environ,
                "PATH": f"{self.programs}:{os.environ['PATH']}",
                "RC": str(ends),
                "STATE": str(state),
            },
        )
        assert done.returncode == status, done.stderr
        return done.stdout

    @property
    def asked(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture(params=[aws.AGENT, sbd.AGENT], ids=lambda made: made.path)
def agent(request: pytest.FixtureRequest, tmp_path: Path) -> Agent:
    return Agent(tmp_path, request.param)


@pytest.fixture
def on_aws(tmp_path: Path) -> Agent:
    return Agent(tmp_path, aws.AGENT)


def test_they_stand_where_pacemaker_looks_and_are_called_after_the_others() -> None:
    assert (sbd.AGENT.path, sbd.AGENT.type) == (
        "/usr/sbin/fence_halab_sbd",
        "stonith:fence_halab_sbd",
    )
    assert (aws.AGENT.path, aws.AGENT.type) == (
        "/usr/sbin/fence_halab_aws",
        "stonith:fence_halab_aws",
    )


def test_it_is_described_where_it_was_written() -> None:
    [step] = sbd.AGENT.describe(frozenset({sbd.AGENT.path}))
    assert step.command == "/usr/sbin/fence_halab_sbd --action=metadata >/dev/null"
    assert sbd.AGENT.describe(frozenset()) == ()


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


def test_a_node_that_is_stopped_and_not_started_again_is_fenced(on_aws: Agent) -> None:
    on_aws.ask(options="action=reboot\nplug=i-1", behind=1, state=OFF, status=0)
    assert on_aws.asked == [" action=reboot", "plug=i-1", " action=status", "plug=i-1"]


@pytest.mark.parametrize("state", [ON, UNREACHABLE])
def test_a_node_of_which_nobody_says_that_it_is_off_is_not(on_aws: Agent, state: int) -> None:
    on_aws.ask(options="action=reboot\nplug=i-1", behind=6, state=state, status=6)


def test_who_succeeds_is_asked_once(agent: Agent) -> None:
    agent.ask(options="action=reboot\nplug=i-1")
    assert agent.asked == [" action=reboot", "plug=i-1"]


def test_where_the_disk_fences_a_failure_is_one(tmp_path: Path) -> None:
    agent = Agent(tmp_path, sbd.AGENT)
    agent.ask(options="action=reboot\nplug=node2", behind=1, state=OFF, status=1)
    assert agent.asked == [" action=reboot", "plug=node2"]


@pytest.mark.parametrize("action", ["reboot", "off"])
@pytest.mark.parametrize("refuses", [False, True])
def test_it_fences_in_real_time_where_it_may(agent: Agent, action: str, refuses: bool) -> None:
    agent.chrt(refuses=refuses)
    agent.ask(options=f"action={action}\nplug=i-1")
    assert agent.hurried.read_text() == "--rr --pid 1\n"
    assert agent.asked == [f" action={action}", "plug=i-1"]


@pytest.mark.parametrize("action", ["monitor", "metadata", "on", "status", "list"])
def test_it_is_in_no_hurry_otherwise(agent: Agent, action: str) -> None:
    agent.ask(options=f"action={action}\nplug=i-1")
    assert not agent.hurried.exists()


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
