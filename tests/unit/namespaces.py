"""Network namespaces of one's own: a machine with all its networks, and the world around it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from core.errors import CommandError
from inventory.model import Machine
from labs.roles import NetworkRole
from machines.remote import Remote, Result

PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"

_OWN_USER = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]


def missing() -> str | None:
    """Return why namespaces with firewalls cannot be made here, None when they can."""
    for program in ("nft", "ip", "unshare", "nsenter"):
        if shutil.which(program, path=PATH) is None:
            return f"{program} is not there; `./halab test` installs it"
    command = ["unshare", *_OWN_USER, "--net", "nft", "list", "ruleset"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": PATH})
    return f"namespaces cannot be made: {done.stderr.strip()}" if done.returncode else None


class Namespace:
    """A network namespace that stands in for a machine: commands run inside it."""

    name = "here"

    def __init__(self, pid: int, tools: Path | None = None) -> None:
        self.pid = pid
        self.path = f"{tools}:{PATH}" if tools else PATH

    def words(self, *command: str) -> list[str]:
        """Return the command that runs another one inside."""
        user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        return ["nsenter", "--target", str(self.pid), *user, "--net", *command]

    def run(
        self,
        command: str,
        *,
        check: bool = True,
        timeout: float = 60.0,
        stdin: str | None = None,
    ) -> Result:
        """Run shell text inside."""
        done = subprocess.run(
            self.words("/bin/sh", "-c", command),
            input=stdin or "",
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env={"PATH": self.path},
        )
        if check and done.returncode:
            raise CommandError(command, status=done.returncode, stderr=done.stderr, host=self.name)
        return Result(done.stdout, done.stderr, done.returncode)

    @property
    def remote(self) -> Remote:
        """This namespace under the type that provisioning expects."""
        return cast(Remote, self)


@contextmanager
def holder(inside: Namespace | None = None) -> Iterator[int]:
    """Keep a new network namespace; yield the process that it lives with."""
    command = ["unshare", "--net", "sh", "-c", "echo up; exec sleep 600"]
    if inside is None:
        command[1:1] = _OWN_USER
    elif _OWN_USER:
        keep = ["nsenter", "--target", str(inside.pid), "--user", "--preserve-credentials"]
        command = [*keep, *command]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={"PATH": PATH})
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        yield process.pid
    finally:
        process.kill()
        process.wait()


@contextmanager
def machine_and_world(
    machine: Machine, world: dict[NetworkRole, tuple[str, ...]], tools: Path | None = None
) -> Iterator[tuple[Namespace, Namespace]]:
    """Make a machine's networks as cables to a world that has other addresses on each of them."""
    with holder() as first:
        here = Namespace(first, tools)
        with holder(here) as second:
            there = Namespace(second)
            here.run("ip link set lo up")
            there.run("ip link set lo up")
            for role, interface in machine.interfaces.items():
                name = interface.name
                here.run(
                    f"ip link add {name} type veth peer name {name} netns {second} &&"
                    f" ip address add {interface.address} dev {name} && ip link set {name} up"
                )
                prefix = interface.address.network.prefixlen
                for address in world[role]:
                    there.run(f"ip address add {address}/{prefix} dev {name}")
                there.run(f"ip link set {name} up")
            yield here, there
