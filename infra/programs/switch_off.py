"""Runs on a machine in a cloud as root, at boot and every minute: switches it off at its end.

The end is a tag of its instance, of which the metadata service tells; without the tag there is
none. A system that powers off has Pacemaker stop everything and leave first, which the cluster
takes for an order and not for a failure.
"""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from urllib.error import HTTPError
from urllib.request import Request, urlopen

SERVICE = "http://169.254.169.254/latest"
TOKEN = "X-aws-ec2-metadata-token"
ANSWER_S = 2.0

PATIENCE_S = 20.0
"""Seconds in which the network comes up at boot, before there is a cluster that would be told of
nothing but a node that joins and leaves."""


def said(path: str, method: str, headers: dict[str, str]) -> str | None:
    """Ask the metadata service; None for what is not there. Raises OSError when it is silent."""
    request = Request(f"{SERVICE}/{path}", method=method, headers=headers)
    try:
        with urlopen(request, timeout=ANSWER_S) as answer:
            return str(answer.read().decode())
    except HTTPError as error:
        if error.code == 404:
            return None
        raise


def end(tag: str) -> datetime | None:
    """Return the end that a tag names; raises OSError when the metadata service is silent."""
    token = said("api/token", "PUT", {f"{TOKEN}-ttl-seconds": "60"})
    told = said(f"meta-data/tags/instance/{tag}", "GET", {TOKEN: token or ""})
    return datetime.fromisoformat(told.strip()) if told else None


def main() -> None:
    """Power off when the end that the first word's tag names is over by the second's seconds."""
    tag, later_s = sys.argv[1], float(sys.argv[2])
    patient_until = time.monotonic() + PATIENCE_S
    while True:
        try:
            until = end(tag)
            break
        except OSError:
            if time.monotonic() > patient_until:
                raise
            time.sleep(1)
    if until is not None and datetime.now(UTC) >= until + timedelta(seconds=later_s):
        subprocess.run(["systemctl", "poweroff"], check=True)


if __name__ == "__main__":
    main()
