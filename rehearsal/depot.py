"""A way to packages for instances: a proxy at 169.254.169.254 that lets through Debian's mirrors.

Instances are in namespaces from which nothing leads outside. The address is there, and a process
of this machine's own network answers at it: a socket belongs to the networks in which it was made,
whoever holds it. It ends when the server does, which holds the other end of its channel.
"""

from __future__ import annotations

import argparse
import os
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener, getproxies

from hypervisor.image import MAIN_MIRROR, apt_proxy, mirrors

ADDRESS = ("169.254.169.254", 3128)
"""Where an instance's apt looks, as its image says (recipe/90-depot.conf)."""

ASKED = ("If-Modified-Since", "If-Range", "Range")
TOLD = ("Content-Length", "Content-Range", "Content-Type", "ETag", "Last-Modified")
"""What of requests and answers apt means (apt's methods/http.cc)."""

Application = Callable[..., Iterable[bytes]]

PIECE = 1 << 16
TIMEOUT_S = 60.0
"""Seconds in which a mirror has to say something."""


def lend(channel: int) -> None:
    """Open the address for who serves it; `channel` stays open until this process ends."""
    with socket.create_server(ADDRESS) as listening, _end(channel) as end:
        socket.send_fds(end, [b"."], [listening.fileno()])


def application(hosts: Iterable[str], fetch: Callable[..., Any]) -> Application:
    """Return the proxy as an application of WSGI; `fetch` asks for a request of urllib's.

    What is not on one of the hosts is refused: this machine's own services are none of a guest's.
    """
    allowed = frozenset(hosts)

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        url = environ["REQUEST_URI"]
        asked = urlsplit(url)
        if asked.scheme != "http" or asked.hostname not in allowed:
            start_response("403 Forbidden", [])
            return [f"only from {', '.join(sorted(allowed))}\n".encode()]
        names = {each: f"HTTP_{each.upper().replace('-', '_')}" for each in ASKED}
        headers = {each: environ[name] for each, name in names.items() if name in environ}
        try:
            found = fetch(Request(url, headers=headers, method=environ["REQUEST_METHOD"]))
        except HTTPError as error:
            # Also one that only says that nothing is newer.
            found = error
        except OSError as error:
            start_response("502 Bad Gateway", [])
            return [f"{error}\n".encode()]
        told = [(name, found.headers[name]) for name in TOLD if name in found.headers]
        start_response(f"{found.status} {found.reason}", told)
        return _pieces(found)

    return answer


def main() -> None:
    """Answer at the address that comes over the channel, until its other end is gone."""
    # Only who runs it has the packages for AWS.
    from werkzeug.serving import make_server

    asked = argparse.ArgumentParser(prog="rehearsal.depot")
    asked.add_argument("channel", type=int)
    with socket.socket(fileno=asked.parse_args().channel) as end:
        _, (listening,), _, _ = socket.recv_fds(end, 1, 1)
        proxy = apt_proxy()
        ways = {**getproxies(), **({"http": proxy} if proxy else {})}
        opener = build_opener(ProxyHandler(ways))
        hosts = {str(urlsplit(each).hostname) for each in (MAIN_MIRROR, *mirrors())}
        answers = application(hosts, lambda request: opener.open(request, timeout=TIMEOUT_S))
        server = make_server(*ADDRESS, answers, threaded=True, fd=listening)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        end.recv(1)


def _end(channel: int) -> socket.socket:
    return socket.socket(fileno=os.dup(channel))


def _pieces(found: Any) -> Iterator[bytes]:
    with found:
        while piece := found.read(PIECE):
            yield piece


if __name__ == "__main__":
    main()
