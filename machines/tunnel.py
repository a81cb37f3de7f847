"""A TCP port of this machine that leads through ssh to an address that only the lab can reach."""

from __future__ import annotations

import select
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from paramiko import Channel, SSHException

from core.errors import HalabError
from machines.remote import Remote

HERE = "127.0.0.1"
_PIECE = 65536


@contextmanager
def tunnel(remote: Remote, host: str, port: int, local_port: int = 0) -> Iterator[int]:
    """Forward a port on 127.0.0.1 to `host`:`port` as `remote` sees it, and yield its number.

    `local_port` 0 takes any free one. A lost ssh connection is made anew for the next client.
    Raises HalabError when the port is taken.
    """
    try:
        server = _Server((HERE, local_port), _Client)
    except OSError as error:
        raise HalabError(
            f"port {local_port} on {HERE} cannot be opened: {error.strerror}",
            hint="choose another port, or leave the choice to halab",
        ) from error
    server.remote, server.target = remote, (host, port)
    serving = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
    serving.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    remote: Remote
    target: tuple[str, int]


class _Client(socketserver.BaseRequestHandler):
    """One connection: bytes go both ways until both ends have said that they are done."""

    server: _Server

    def handle(self) -> None:
        # A client whose connection cannot be made sees it closed, as with any dead server.
        with suppress(HalabError, SSHException, OSError, EOFError):
            channel = self.server.remote.open_channel(self.server.target, self.client_address)
            try:
                _pump(self.request, channel)
            finally:
                channel.close()


def _pump(client: socket.socket, channel: Channel) -> None:
    talking: set[socket.socket | Channel] = {client, channel}
    while talking:
        ready, _, _ = select.select(list(talking), [], [])
        for source in ready:
            data = source.recv(_PIECE)
            target = channel if source is client else client
            if data:
                target.sendall(data)
                continue
            talking.discard(source)
            if source is channel:
                # HTTP's servers speak last: nobody waits for what the client might still say.
                return
            channel.shutdown_write()
