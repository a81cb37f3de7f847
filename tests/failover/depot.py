"""A folder of packages for an update: an installed one in a higher version, whole or broken."""

from __future__ import annotations

import base64
from pathlib import Path

from machines.remote import Remote
from provisioning.files import run_script

PACKAGE = "resource-agents"
"""Tied to no other package's version, so it can be replaced alone."""

AGENT = "usr/lib/ocf/resource.d/heartbeat/ethmonitor"
"""Of a resource that runs on every node: it fails where it was updated, and takes nobody's service
from where it is."""

_PLACE = "/var/tmp/halab-depot"

BROKEN = f"""cat >line <<'END'
[ "$1" = monitor ] && [ "${{OCF_RESKEY_CRM_meta_interval:-0}}" != 0 ] && exit 1
END
sed -i 1rline {AGENT}
rm line"""
"""It starts, and every look at it afterwards fails. The first one, by which Pacemaker finds what
runs where, is told by its interval of 0."""


def make_depot(remote: Remote, folder: Path, suffix: str, change: str = ":") -> str:
    """Fill a folder with the package as a machine has it, with `suffix` behind its version.

    `change` is shell text that runs in the unpacked package. Returns the version.
    """
    run_script(remote, "repack.sh", _PLACE, PACKAGE, timeout=600)
    made = remote.run(
        f"set -e; cd {_PLACE}; rm -rf root made; dpkg-deb --raw-extract {PACKAGE}_*.deb root; "
        f"sed -i '/^Version:/s/$/{suffix}/' root/DEBIAN/control; (cd root; {change}\n); "
        "mkdir made; dpkg-deb --build -Znone root made >/dev/null; base64 -w 0 made/*.deb",
        timeout=600,
    ).stdout
    remote.run(f"rm -rf {_PLACE}")
    folder.mkdir(parents=True)
    (folder / f"{PACKAGE}.deb").write_bytes(base64.b64decode(made))
    return installed(remote) + suffix


def installed(remote: Remote) -> str:
    """Return the version of the package that a machine has."""
    words = f"dpkg-query --show --showformat '${{Version}}' {PACKAGE}"
    return remote.run(words).stdout.strip()
