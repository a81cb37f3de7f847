"""A folder of packages for an update: installed ones in a higher version, whole or broken."""

from __future__ import annotations

import base64
import io
import shlex
import tarfile
from collections.abc import Collection
from pathlib import Path

from machines.remote import Remote
from provisioning.files import run_script

PACKAGE = "resource-agents"
"""Tied to no other package's version, so it can be replaced alone."""

STACK = frozenset({PACKAGE, "corosync", "nginx", "pacemaker", "sbd"})
"""Source packages of what a cluster consists of; of each are several, tied to one another."""

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

_RAISE = """set -e
cd {place}
mkdir made
for package in *.deb; do
    rm -rf root
    dpkg-deb --raw-extract "$package" root
    sed -i -e '/^Version:/s/$/{suffix}/' {relations} root/DEBIAN/control
    (cd root; {change}
    )
    dpkg-deb --build -Znone root made >/dev/null
done
tar --create --gzip --directory made . | base64 -w 0
"""


def make_depot(
    remote: Remote,
    folder: Path,
    suffix: str,
    change: str = ":",
    sources: Collection[str] = (PACKAGE,),
) -> dict[str, str]:
    """Fill a folder with packages as a machine has them, with `suffix` behind their versions.

    They are all that it has of these source packages. `change` is shell text that runs in each of
    them, unpacked. Returns the versions by name.
    """
    found = installed(remote, sources)
    remote.run(f"rm -rf {_PLACE}")
    run_script(remote, "repack.sh", _PLACE, *found, timeout=600)
    relations = " ".join(
        f"-e {shlex.quote(f's/(= {version})/(= {version}{suffix})/g')}"
        for version in sorted(set(found.values()))
    )
    text = _RAISE.format(place=_PLACE, suffix=suffix, change=change, relations=relations)
    made = base64.b64decode(remote.run(text, timeout=600).stdout)
    remote.run(f"rm -rf {_PLACE}")
    with tarfile.open(fileobj=io.BytesIO(made)) as packed:
        packed.extractall(folder, filter="data")
    return {name: version + suffix for name, version in found.items()}


def installed(remote: Remote, sources: Collection[str]) -> dict[str, str]:
    """Return the versions of the packages that a machine has of these sources, by their names."""
    shown = "${db:Status-Status} ${source:Package} ${Package} ${Version}\\n"
    told = remote.run(f"dpkg-query --show --showformat {shlex.quote(shown)}").stdout
    rows = (line.split() for line in told.splitlines())
    return {row[2]: row[3] for row in rows if row[0] == "installed" and row[1] in sources}
