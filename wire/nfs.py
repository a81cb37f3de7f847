"""What a node serves by NFS: its kernel's threads, the daemons beside them, who may mount what."""

from __future__ import annotations

from wire.record import Record

DAEMONS = ("rpc.mountd", "nfsdcld")
"""Beside the kernel's threads: who may mount what, and the records of clients."""

KERNEL = "/proc/fs/nfsd"
"""Where the kernel tells of its NFS server. It is empty where none has run since the boot."""


class Served(Record):
    """What one node says. `versions` are those that are on, as "4.2".

    `daemons` are those that run, and `exports` pairs of a path and who may mount it. `graceful`
    tells whether clients of before may still claim what they had, and others have to wait.
    """

    threads: int
    versions: frozenset[str]
    daemons: frozenset[str]
    exports: frozenset[tuple[str, str]]
    graceful: bool


def command(table: str) -> str:
    """Return shell text that shows it; `table` is the file in which exportfs keeps the exports."""
    files = " ".join(f"{KERNEL}/{name}" for name in ("threads", "versions", "v4_end_grace"))
    return (
        f"grep -H . {files} 2>/dev/null; "
        f"for each in {' '.join(DAEMONS)}; do pidof $each >/dev/null && echo daemon $each; done; "
        f"sed 's/^/export\\t/' {table} 2>/dev/null"
    )


def parse_served(text: str) -> Served:
    """Read what `command` prints; of a node without a server it is nothing.

    A line of the table is a path, white space, and a client with its options in brackets.
    """
    told: dict[str, str] = {}
    daemons, exports = set(), set()
    for line in filter(str.strip, text.splitlines()):
        first, *rest = line.split()
        if first == "export" and len(rest) == 2:
            exports.add((rest[0], rest[1].partition("(")[0]))
        elif first == "daemon":
            daemons |= set(rest)
        elif first.startswith(f"{KERNEL}/"):
            name, _, value = line.removeprefix(f"{KERNEL}/").partition(":")
            told[name] = value
    versions = told.get("versions", "").split()
    return Served(
        threads=int(told.get("threads", "0")),
        versions=frozenset(each[1:] for each in versions if each.startswith("+")),
        daemons=frozenset(daemons),
        exports=frozenset(exports),
        graceful=told.get("v4_end_grace") == "N",
    )
