"""One clean environment for everything that halab starts, whatever the person's shell carries."""

from __future__ import annotations

import ast
import os
import pwd
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from core import environment
from core.command import run, start
from core.environment import adopted, aws_access, clean, for_halab, home, libvirt_access, user_name
from core.errors import HalabError
from core.folders import PROJECT

FOREIGN = {
    "PULUMI_STACK": "theirs",
    "PULUMI_BACKEND_URL": "s3://theirs",
    "PULUMI_ACCESS_TOKEN": "theirs",
    "LIBVIRT_DEFAULT_URI": "qemu+ssh://theirs/system",
    "VIRSH_DEFAULT_CONNECT_URI": "qemu+ssh://theirs/system",
    "PYTHONPATH": "/theirs",
    "PYTHONHOME": "/theirs",
    "PYTHONWARNINGS": "error",
    "GIT_DIR": "/theirs/.git",
    "GIT_SSH_COMMAND": "false",
    "SSH_ASKPASS": "/bin/false",
    "SSH_AUTH_SOCK": "/run/theirs",
    "GOFLAGS": "-mod=vendor",
    "GOOS": "plan9",
    "PERL5OPT": "-Mtheirs",
    "TAR_OPTIONS": "--verbose",
    "CDPATH": "/theirs",
    "GREP_OPTIONS": "--color=always",
    "BASH_ENV": "/theirs",
    "ENV": "/theirs",
    "LANGUAGE": "de",
    "LC_MESSAGES": "de_DE.UTF-8",
    "LC_NUMERIC": "de_DE.UTF-8",
    "MPLBACKEND": "theirs",
    "grpc_proxy": "http://127.0.0.1:9",
    "no_grpc_proxy": "example.org",
    "XDG_STATE_HOME": "relative",
    "TMPDIR": "/no/such/folder",
}

WANTED = {
    "HOME": "/home/ann",
    "TERM": "xterm",
    "TZ": "Europe/Berlin",
    "https_proxy": "http://proxy.example:3128",
    "SSL_CERT_FILE": "/etc/company.pem",
    "GOPROXY": "https://go.example",
    "XDG_CACHE_HOME": "/big/disk",
    "HALAB_TOOLCHAIN": "build",
}


def test_nothing_of_another_project_gets_in() -> None:
    kept = clean({**FOREIGN, "PATH": "/bin"})
    assert not FOREIGN.items() & kept.items()


def test_what_leads_to_the_world_and_to_a_persons_own_folders_stays() -> None:
    assert clean({**FOREIGN, **WANTED}).items() >= WANTED.items()


@pytest.mark.parametrize("said", ["", "0", "1", "-80", "80.0", "wide", "9" * 5000])
def test_a_terminal_in_which_nothing_could_be_shown_is_none(said: str) -> None:
    found = clean({"COLUMNS": said, "LINES": said})
    assert not {"COLUMNS", "LINES"} & found.keys()
    usual = {"COLUMNS": "80", "LINES": "24"}
    assert clean(usual).items() >= usual.items()


def test_programs_speak_one_language() -> None:
    kept = clean({"LANG": "de_DE.ISO-8859-15", "LC_ALL": "ja_JP.UTF-8", "LANGUAGE": "fr:de"})
    assert {name: kept[name] for name in kept if name.startswith(("LC_", "LANG"))} == {
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
    }


@pytest.mark.parametrize(
    ("found", "hosts"),
    [
        ({}, "127.0.0.1,localhost,::1"),
        ({"no_proxy": "localhost, .example.org"}, "localhost,.example.org,127.0.0.1,::1"),
        ({"NO_PROXY": "a.example", "no_proxy": "b"}, "b,a.example,127.0.0.1,localhost,::1"),
        ({"no_proxy": ",,"}, "127.0.0.1,localhost,::1"),
    ],
)
def test_no_proxy_stands_between_parts_of_one_machine(found: dict[str, str], hosts: str) -> None:
    kept = clean(found)
    assert kept["no_proxy"] == kept["NO_PROXY"] == hosts


@pytest.mark.parametrize(
    ("found", "path"),
    [
        ("/bin", "/bin:/usr/local/sbin:/usr/sbin:/sbin"),
        (".:/bin::bin:/sbin", "/bin:/sbin:/usr/local/sbin:/usr/sbin"),
    ],
)
def test_programs_are_found_in_the_systems_folders_and_not_in_the_current_one(
    found: str, path: str
) -> None:
    assert clean({"PATH": found})["PATH"] == path


def test_a_clean_environment_stays_as_it_is() -> None:
    once = clean({**FOREIGN, **WANTED})
    assert clean(once) == once


def test_temporary_files_go_where_the_person_wants_if_that_is_possible(tmp_path: Path) -> None:
    place = tmp_path / "two words"
    assert "TMPDIR" not in clean({"TMPDIR": str(place)})
    place.mkdir()
    assert clean({"TMPDIR": str(place)})["TMPDIR"] == str(place)
    assert "TMPDIR" not in clean({"TMPDIR": "."})


def test_a_home_that_is_no_path_is_looked_up() -> None:
    looked_up = pwd.getpwuid(os.getuid()).pw_dir
    assert {clean(found)["HOME"] for found in ({}, {"HOME": ""}, {"HOME": "."})} == {looked_up}


def test_a_user_id_without_a_name_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_: int) -> pwd.struct_passwd:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.delenv("HOME")
    with pytest.raises(HalabError, match="no home") as nowhere:
        home()
    assert "XDG_STATE_HOME" in str(nowhere.value.hint)
    with pytest.raises(HalabError, match="has no name"):
        user_name()
    monkeypatch.setenv("HOME", "/somewhere")
    assert home() == Path("/somewhere")
    assert clean({})["USER"] == str(os.getuid())


def test_every_program_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in FOREIGN.items():
        monkeypatch.setenv(name, value)
    expected = environment.for_program({"MORE": "1"})
    told = run([sys.executable, "-c", "import os; print(dict(os.environ))"], env={"MORE": "1"})
    assert ast.literal_eval(told.stdout) == expected
    with start(["env", "-0"], stdout=subprocess.PIPE, text=True, env={"MORE": "1"}) as process:
        shown = process.communicate()[0]
    assert dict(pair.split("=", 1) for pair in shown.split("\0") if pair) == expected


def test_this_process_adopts_it_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/theirs")
    before, expected = dict(os.environ), environment.for_program({"MORE": "1"})
    with adopted({"MORE": "1"}):
        assert dict(os.environ) == expected
        assert "GIT_DIR" not in os.environ
    assert dict(os.environ) == before


def test_other_threads_never_see_it_half_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/theirs")
    missing: list[str] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            missing.extend(name for name in ("PATH", "HOME") if name not in os.environ)

    watcher = threading.Thread(target=look)
    watcher.start()
    for _ in range(50):
        with adopted():
            pass
    done.set()
    watcher.join()
    assert missing == []


def test_an_ssh_agent_opens_a_libvirt_of_the_persons_own_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/agent")
    with adopted():
        assert libvirt_access("qemu+ssh://root@server/system") == {"SSH_AUTH_SOCK": "/run/agent"}
        assert libvirt_access("qemu:///system") == {}
        assert "SSH_AUTH_SOCK" not in environment.for_program()


def test_credentials_for_aws_are_for_who_asks_aws_and_for_no_other_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    monkeypatch.setenv("AWS_REGION", "theirs")
    with adopted(for_halab()):
        assert aws_access()["AWS_SECRET_ACCESS_KEY"] == "hush"
        assert "AWS_REGION" not in aws_access()
        assert "hush" not in run(["env"]).stdout
        assert "hush" not in environment.lasting().values()
        # What libraries start, Pulumi for one, has what this process has then.
        with adopted():
            assert "hush" not in os.environ.values()
        with adopted(aws_access()):
            assert os.environ["AWS_SECRET_ACCESS_KEY"] == "hush"


def test_a_halab_that_halab_starts_finds_the_credentials_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    assert "hush" in aws_access().values()
    asks = "from core.environment import aws_access; print(aws_access())"
    with adopted(for_halab()):
        told = run([sys.executable, "-c", asks], env=for_halab(), cwd=PROJECT)
    assert ast.literal_eval(told.stdout) == aws_access()


STARTERS = {"run", "Popen", "call", "check_call", "check_output", "system", "popen", "fork"}
STARTERS |= {"execv", "execve", "execvp", "execvpe", "posix_spawn"}


def test_only_one_place_starts_programs() -> None:
    sources = [path for path in PROJECT.glob("*/**/*.py") if "tests" not in path.parts]
    # What runs inside the machines is no part of this one.
    inside = {"files", "programs", "clients"}
    sources = [path for path in sources if not inside & set(path.parts)]
    calls = [
        (path.relative_to(PROJECT), node.func)
        for path in sources
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    starting = {
        str(path)
        for path, called in calls
        if isinstance(called.value, ast.Name)
        and called.value.id in {"os", "subprocess"}
        and called.attr in STARTERS
    }
    assert starting == {"core/command.py"}
