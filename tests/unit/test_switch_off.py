"""A machine in a cloud that looks whether it has come to its end."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from infra.aws_tags import UNTIL, ending
from infra.first_boot import LEAVING_S, user_data
from infra.programs import switch_off
from labs.addressing import machines
from tests.unit.aws_labs import aws_lab

TAGS: dict[str, str] = {}


class Metadata(BaseHTTPRequestHandler):
    """Tells of tags, and only to who shows a token."""

    def do_PUT(self) -> None:
        self._say(200, "token")

    def do_GET(self) -> None:
        tag = self.path.removeprefix("/meta-data/tags/instance/")
        if self.headers["X-aws-ec2-metadata-token"] != "token":
            self._say(401, "")
        elif tag in TAGS:
            self._say(200, TAGS[tag])
        else:
            self._say(404, "")

    def _say(self, code: int, text: str) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Metadata) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(switch_off, "SERVICE", f"http://127.0.0.1:{server.server_port}")
        TAGS.clear()
        yield
        server.shutdown()


@pytest.fixture
def orders(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    given: list[str] = []
    monkeypatch.setattr(
        "infra.programs.switch_off.subprocess.run",
        lambda words, check: given.append(" ".join(words)),
    )
    return given


def look(monkeypatch: pytest.MonkeyPatch, later_s: int = 0) -> None:
    monkeypatch.setattr(sys, "argv", ["switch_off", UNTIL, str(later_s)])
    switch_off.main()


@pytest.mark.usefixtures("service")
def test_it_powers_off_once_its_end_is_over(
    monkeypatch: pytest.MonkeyPatch, orders: list[str]
) -> None:
    now = datetime.now(UTC)
    TAGS.update(ending(now + timedelta(minutes=1)))
    look(monkeypatch)
    assert orders == []

    TAGS.update(ending(now - timedelta(seconds=2)))
    look(monkeypatch)
    assert orders == ["systemctl poweroff"]


@pytest.mark.usefixtures("service")
def test_the_monitor_waits_until_nodes_have_left(
    monkeypatch: pytest.MonkeyPatch, orders: list[str]
) -> None:
    TAGS.update(ending(datetime.now(UTC) - timedelta(seconds=LEAVING_S - 60)))
    look(monkeypatch, LEAVING_S)
    assert orders == []

    TAGS.update(ending(datetime.now(UTC) - timedelta(seconds=LEAVING_S + 2)))
    look(monkeypatch, LEAVING_S)
    assert orders == ["systemctl poweroff"]


@pytest.mark.usefixtures("service")
def test_without_an_end_it_goes_on(monkeypatch: pytest.MonkeyPatch, orders: list[str]) -> None:
    assert ending(None) == {}
    look(monkeypatch)
    assert orders == []


def test_a_service_that_is_silent_for_long_is_a_failure_and_no_end(
    monkeypatch: pytest.MonkeyPatch, orders: list[str]
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(switch_off, "SERVICE", "http://127.0.0.1:9")
    monkeypatch.setattr("infra.programs.switch_off.time.monotonic", lambda: float(len(waits)))
    monkeypatch.setattr("infra.programs.switch_off.time.sleep", waits.append)

    with pytest.raises(OSError):
        look(monkeypatch)
    assert (orders, len(waits)) == ([], switch_off.PATIENCE_S + 1)


def test_a_machine_has_it_from_its_first_boot_on_and_looks_before_it_joins_a_cluster() -> None:
    lab = aws_lab()
    for plan, later_s in zip(machines(lab), (0, 0, LEAVING_S), strict=True):
        told = json.loads(user_data(lab, plan, {}).partition("\n")[2])
        files = {each["path"]: each["content"] for each in told["write_files"]}

        program = f"/usr/bin/python3 /usr/local/lib/halab-until.py {UNTIL} {later_s}\n"
        service = files["/etc/systemd/system/halab-until.service"]
        assert f"ExecStart={program}" in service
        assert "Before=corosync.service pacemaker.service" in service
        source = Path(switch_off.__file__).read_text()
        assert files["/usr/local/lib/halab-until.py"] == source
        command, *_ = told["runcmd"]
        assert set(command[3:]) <= {Path(path).name for path in files}
        # AWS takes no more of it.
        assert len(user_data(lab, plan, {})) < 16384
