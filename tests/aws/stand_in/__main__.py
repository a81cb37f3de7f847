"""Serve on a free port of the loopback; the first line says which. Ends when stdin does."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

os.environ["MOTO_AMIS_PATH"] = str(Path(__file__).with_name("images.json"))

from moto.server import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from tests.aws.stand_in.mends import mend


def serve() -> None:
    """Answer until whoever holds the other end of stdin lets go of it or is gone."""
    mend()
    server = make_server(
        "127.0.0.1",
        0,
        DomainDispatcherApplication(create_backend_app),
        threaded=True,
        request_handler=MotoRequestHandler,
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    sys.stdin.read()


serve()
