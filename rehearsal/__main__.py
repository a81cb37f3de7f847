"""`python -m rehearsal`: answer in AWS's stead. With a lab's folder, instances are guests."""

from __future__ import annotations

import argparse
import os
import sys
from ipaddress import IPv4Address
from pathlib import Path

os.environ["MOTO_AMIS_PATH"] = str(Path(__file__).with_name("images.json"))

from rehearsal.mends import mend
from rehearsal.serving import application, serve


def main() -> None:
    """Serve on a free port of the loopback, until whoever holds the other end of stdin lets go.

    The first line says where. With --folder it is what `rehearsal.keeper` starts instead.
    """
    asked = argparse.ArgumentParser(prog="rehearsal")
    asked.add_argument("--folder", type=Path, help="the lab's")
    asked.add_argument("--listening", type=int, help="a socket that is open already")
    asked.add_argument("--depot", type=int, help="a channel to who gets packages")
    asked.add_argument("--region")
    asked.add_argument("--user", type=IPv4Address, help="by which address you are seen")
    asked.add_argument("--memory-mib", type=int)
    asked.add_argument("--cpus", type=int)
    asked.add_argument("--accelerated", action="store_true")
    words = asked.parse_args()
    mend()
    if words.folder is None:
        port = serve(application(), "127.0.0.1", 0)
        print(f"http://127.0.0.1:{port}", flush=True)
        sys.stdin.read()
        return
    from core.folders import LabFolder
    from rehearsal.cloud import Cloud
    from rehearsal.domains import Size

    size = Size(words.memory_mib, words.cpus, words.accelerated)
    Cloud(LabFolder(words.folder), words.region, words.user, size).serve(
        words.listening, words.depot
    )


main()
