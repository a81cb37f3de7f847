"""One machine over ssh: run a command, open a connection. Fabric does the talking."""

from __future__ import annotations

import fcntl
import logging
import re
import shlex
import socket
import subprocess
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fabric import Config, Connection
from fabric.runners import Remote as Runner
from invoke.exceptions import CommandTimedOut, ThreadException
from paramiko import Channel, MissingHostKeyPolicy, PKey, RejectPolicy, SSHClient, SSHException
from paramiko.hostkeys import HostKeyEntry, InvalidHostKey
from paramiko.ssh_exception import AuthenticationException, BadHostKeyException

from core.command import start
from core.errors import CommandError, HalabError
from inventory.known_hosts import known_hosts_line
from inventory.model import Machine, Ssh

# paramiko logs whole tracebacks of connections that fail while a machine boots; the errors that
# reach a person are raised below.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)

CONNECT_TIMEOUT = 30.0
"""Seconds for TCP, key exchange and login; sshd of an emulated guest under load needs up to 10."""

LOST_CONNECTION = -1
"""What paramiko gives as exit status when the connection ended before the command did."""


class RemoteUnreachable(HalabError):
    """A machine does not answer over ssh, or stopped answering while a command ran."""


@dataclass(frozen=True)
class Result:
    """What a finished command left behind."""

    stdout: str
    stderr: str
    status: int


class Remote:
    """A machine of the inventory; it connects at the first use. Threads may share one.

    Commands run as root: directly, or through `sudo -n` when the inventory names another user.
    """

    def __init__(self, machine: Machine, *, connect_timeout: float = CONNECT_TIMEOUT) -> None:
        self.machine = machine
        self._connect_timeout = connect_timeout
        self._lock = threading.Lock()
        self._connection: Connection | None = None

    def __enter__(self) -> Remote:
        """Return this machine; leaving the block closes the connection."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self.close()

    @property
    def name(self) -> str:
        """The machine's name in the inventory."""
        return self.machine.name

    def run(
        self,
        command: str,
        *,
        check: bool = True,
        timeout: float = 60.0,
        stdin: str | None = None,
        hint: str | None = None,
    ) -> Result:
        """Run shell text as root and return its output; `timeout` is in seconds.

        Raises RemoteUnreachable when ssh fails, CommandError when the command fails (unless
        `check` is False) or takes too long.
        """
        connection = self._connect()
        try:
            done = connection.run(
                self._as_root(command),
                hide=True,
                warn=True,
                in_stream=False if stdin is None else _Whole(stdin),
                timeout=timeout,
            )
        except CommandTimedOut as error:
            raise CommandError(
                command,
                status=None,
                stdout=error.result.stdout,
                stderr=error.result.stderr,
                host=self.name,
                hint=hint,
            ) from error
        except (SSHException, OSError, EOFError, ThreadException) as error:
            self.close()
            raise self._unreachable(f"the connection broke: {error}") from error
        if done.return_code == LOST_CONNECTION:
            self.close()
            raise self._unreachable(f"the connection ended while this ran: {command}")
        if check and done.return_code != 0:
            raise CommandError(
                command,
                status=done.return_code,
                stdout=done.stdout,
                stderr=done.stderr,
                host=self.name,
                hint=hint,
            )
        return Result(done.stdout, done.stderr, done.return_code)

    def open_channel(self, target: tuple[str, int], source: tuple[str, int]) -> Channel:
        """Connect through this machine to a host and port that it can reach.

        Raises RemoteUnreachable when ssh fails, SSHException when the target does not answer.
        """
        transport = self._connect().transport
        if transport is None:
            raise self._unreachable("the connection broke")
        channel: Channel = transport.open_channel(
            "direct-tcpip", target, source, timeout=self._connect_timeout
        )
        return channel

    def take_over(self, other: Remote) -> None:
        """Go on with another's connection to the same machine, which then has none.

        Who was let in by a key that the machine accepts no more stays, as long as this lasts.
        """
        with other._lock:
            connection, other._connection = other._connection, None
        self.close()
        with self._lock:
            self._connection = connection

    def close(self) -> None:
        """End the connection; the next command makes a new one."""
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _as_root(self, command: str) -> str:
        if self.machine.ssh.user == "root":
            return command
        return f"sudo -n -- /bin/sh -c {shlex.quote(command)}"

    def _connect(self) -> Connection:
        with self._lock:
            if self._connection is not None and self._connection.is_connected:
                return self._connection
            self._connection = self._open()
            return self._connection

    def _open(self) -> Connection:
        ssh = self.machine.ssh
        arguments: dict[str, object] = {
            "key_filename": str(ssh.key_file),
            "look_for_keys": False,
            "allow_agent": False,
            "banner_timeout": self._connect_timeout,
            "auth_timeout": self._connect_timeout,
            # A machine that lost its power answers nothing: paramiko would wait for an hour.
            "channel_timeout": self._connect_timeout,
        }
        if ssh.proxy_command is not None:
            arguments["sock"] = _through(ssh, ssh.proxy_command)
        connection = Connection(
            ssh.host,
            user=ssh.user,
            port=ssh.port,
            connect_timeout=self._connect_timeout,
            connect_kwargs=arguments,
            # A person's ~/.ssh/config must not change how a lab is reached.
            config=Config(overrides={"load_ssh_configs": False, "runners": {"remote": Patient}}),
        )
        _trust(connection.client, ssh)
        try:
            _log_in(connection)
        except BadHostKeyException as error:
            raise self._stranger() from error
        except AuthenticationException as error:
            raise self._unreachable(f"it does not accept the key {ssh.key_file}") from error
        except (SSHException, OSError, EOFError) as error:
            raise self._unreachable(str(error) or type(error).__name__) from error
        transport = connection.transport
        if transport is not None:
            transport.set_keepalive(5)
        return connection

    def _stranger(self) -> HalabError:
        ssh = self.machine.ssh
        if ssh.host_key is None:
            return HalabError(
                f"{self.name} shows another ssh host key than before",
                hint=f"if the machine was made anew, remove its line from {ssh.known_hosts}",
            )
        return HalabError(
            f"whoever answers as {self.name} ({ssh.host}) does not show its ssh host key",
            hint="does another machine have this address? The inventory's ssh.host_key is right",
        )

    def _unreachable(self, why: str) -> RemoteUnreachable:
        ssh = self.machine.ssh
        return RemoteUnreachable(
            f"{self.name} cannot be reached as {ssh.user}@{ssh.host}:{ssh.port}: {why}"
        )


def _log_in(connection: Connection) -> None:
    try:
        connection.open()
    except BaseException:
        # paramiko does not end a connection that it refuses, nor the program behind it.
        connection.client.close()
        raise


class Patient(Runner):  # type: ignore[misc]
    """Runs a command; what takes too long is given up, also where nobody is there any more."""

    def kill(self) -> None:
        """End the command, from a thread of its own whose errors would reach a person's screen."""
        with suppress(EOFError, OSError, SSHException):
            super().kill()


class _Whole:
    """Standard input that is handed over in one piece: Invoke reads other streams bytewise."""

    def __init__(self, text: str) -> None:
        self._text = text

    def read(self, _size: int = -1) -> str:
        text, self._text = self._text, ""
        return text


class _AcceptNew(MissingHostKeyPolicy):
    """Learn a host key at the first contact, as OpenSSH's accept-new does."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def missing_host_key(self, client: SSHClient, hostname: str, key: PKey) -> None:
        """Append the key; the lock keeps machines that are met at the same time apart."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(f"{hostname} {key.get_name()} {key.get_base64()}\n")


def _trust(client: SSHClient, ssh: Ssh) -> None:
    if ssh.host_key is not None:
        name, key = _given(ssh)
        client.get_host_keys().add(name, key.get_name(), key)
        client.set_missing_host_key_policy(RejectPolicy())
        return
    if ssh.known_hosts.exists():
        client.load_host_keys(str(ssh.known_hosts))
    client.set_missing_host_key_policy(_AcceptNew(ssh.known_hosts))


def _given(ssh: Ssh) -> tuple[str, PKey]:
    """Return the machine's name in known_hosts and its given key."""
    try:
        entry = HostKeyEntry.from_line(known_hosts_line(ssh))
    except (InvalidHostKey, SSHException):
        entry = None
    if entry is None or not entry.hostnames or entry.key is None:
        raise HalabError(
            f"the inventory's ssh.host_key for {ssh.host} is no host key: {ssh.host_key}",
            hint="take the first two words of /etc/ssh/ssh_host_ed25519_key.pub on that machine",
        )
    return entry.hostnames[0], entry.key


def expand(ssh: Ssh, proxy_command: str) -> str:
    """Replace the tokens of a ProxyCommand as ssh does (ssh_config(5), TOKENS).

    Raises HalabError for one that halab does not know.
    """
    known = {"%%": "%", "%h": ssh.host, "%n": ssh.host, "%p": str(ssh.port), "%r": ssh.user}

    def value(token: re.Match[str]) -> str:
        if token[0] in known:
            return known[token[0]]
        raise HalabError(
            f"proxy_command holds {token[0]}, which means nothing here: {proxy_command}",
            hint="%h is the host, %p the port, %r the user; a percent sign itself is %%",
        )

    return re.sub("%.?", value, proxy_command)


def _through(ssh: Ssh, proxy_command: str) -> socket.socket:
    """Start a ProxyCommand on one end of a socket pair and return the other.

    paramiko's own ProxyCommand does not notice when the program ends; a socket does.
    """
    expanded = expand(ssh, proxy_command)
    ours, theirs = socket.socketpair()
    with theirs:
        # ssh gives a ProxyCommand to a shell too (ssh_config(5)).
        program = start(
            ["/bin/sh", "-c", f"exec {expanded}"],
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=subprocess.DEVNULL,
            # What ends halab's own programs, as Ctrl-C does, must not cut the way to a machine.
            start_new_session=True,
        )
    # The program ends with the connection; someone has to collect it then.
    threading.Thread(target=program.wait, daemon=True).start()
    return ours
