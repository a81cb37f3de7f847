"""The server: moto's answers, each given when what it says has come true."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from moto.server import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from core.errors import HalabError

READING = ("Describe", "Get", "List")
"""How names of requests begin that change nothing."""

FAILED = """\
<?xml version="1.0" encoding="UTF-8"?>
<Response><Errors><Error><Code>RehearsalFailed</Code><Message>{message}</Message></Error></Errors>
<RequestID>00000000-0000-0000-0000-000000000000</RequestID></Response>
"""
"""How EC2 words a refusal. With another status than 400, whoever asked would ask again."""

Application = Callable[..., Iterable[bytes]]


def application() -> Application:
    """Return moto as an application of WSGI."""
    made: Application = DomainDispatcherApplication(create_backend_app)
    return made


class Settled:
    """An application whose answers wait until what was asked for is there."""

    def __init__(self, answers: Application, settle: Callable[[], None]) -> None:
        self._answers, self._settle = answers, settle
        self._one_at_a_time = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = BytesIO(body)
        action = parse_qs(body.decode(errors="replace")).get("Action", [""])[0]
        if action.startswith(READING):
            return self._answers(environ, start_response)
        said: list[Any] = []
        with self._one_at_a_time:
            answer = list(self._answers(environ, lambda *words: said.extend(words)))
            try:
                self._settle()
            except HalabError as error:
                message = f"{error.message} {error.detail or ''}".strip()
                print(f"{action}: {message}", flush=True)
                start_response("400 Bad Request", [("Content-Type", "text/xml")])
                return [FAILED.format(message=escape(message)).encode()]
        start_response(*said)
        return answer


def serve(answers: Application, host: str, port: int, listening: int | None = None) -> int:
    """Answer in a thread of its own, at an address or a socket that is there; return the port."""
    server = make_server(
        host, port, answers, threaded=True, request_handler=MotoRequestHandler, fd=listening
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return int(server.server_address[1])
