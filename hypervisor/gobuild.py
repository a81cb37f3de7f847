"""The Pulumi toolchain from Go modules: slow, but it needs nothing except a module proxy.

Three programs come from three of the modules in toolchain/; the Python side of dynamic providers
is a pair of scripts in the folder of Pulumi's SDK module.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import time
from pathlib import Path

from core.command import run
from core.folders import PROJECT
from core.saying import Say
from hypervisor.packages import Need, ensure_packages, find_program, parse_version, version_of
from hypervisor.streaming import follow

SOURCES = PROJECT / "toolchain"
MODULES = ("language-python", "provider-libvirt", "pulumi")
"""The folders there that every lab's toolchain is made from."""
GENERATED = "schema.json"
"""Made from the provider itself during the build, in a copy of the sources."""

SDK_MODULE = "github.com/pulumi/pulumi/sdk/v3"
SDK_SCRIPTS = (
    "python/cmd/pulumi-language-python-exec",
    "python/dist/pulumi-resource-pulumi-python",
)

GO_WANTED = (1, 26)
"""What the go.mod files ask for."""
GO_ABLE = (1, 21)
"""The first Go that fetches a newer one as a module (https://go.dev/doc/toolchain)."""
GO_RELEASE = "go1.26.8"
"""What an older Go fetches. Named with its patch number: there is no release "go1.26"."""
GO_NEED = Need("golang-go", "go", GO_ABLE, "builds the Pulumi toolchain", version_word="version")
GO_FOLDERS = (Path("/usr/local/go/bin"), Path("/usr/lib/go/bin"))

STEP_TIMEOUT_S = 3600
"""Seconds for one of the steps; the longest takes 6 minutes on two cores with everything cold."""
REPORT_EVERY_S = 15.0

HINT = (
    "with cold caches this needs a Go module proxy (`go env GOPROXY`) and 7 GB "
    "(`go env GOMODCACHE GOCACHE`)"
)


def find_go() -> Path | None:
    """Return a Go that can build the toolchain, if need be by fetching a newer one."""
    on_path = find_program("go")
    places = [on_path] if on_path else []
    places += [folder / "go" for folder in GO_FOLDERS if (folder / "go").exists()]
    able = [go for go in places if version_of(go, "version") >= GO_ABLE]
    return able[0] if able else None


def ensure_go(report: Say) -> Path:
    """Return a Go that can build the toolchain; installs Debian's if there is none.

    Raises HalabError like `packages.ensure_packages`.
    """
    found = find_go()
    if found is None:
        ensure_packages(report, [GO_NEED])
        found = find_go()
    assert found is not None
    return found


def build(pulumi: str, provider: Path, bin_folder: Path, scratch: Path, report: Say) -> None:
    """Build Pulumi `pulumi` (its version) into `bin_folder` and the libvirt provider as `provider`.

    `scratch` receives a copy of the sources. Go's own caches are the user's, so that an
    interrupted build goes on where it stopped.
    Raises CommandError with the end of Go's output when a step fails.
    """
    go = ensure_go(report)
    for module in MODULES:
        copy_sources(module, scratch)
    environment = go_environment(go, scratch / "tmp")
    bin_folder.mkdir(parents=True)
    provider.parent.mkdir(parents=True)

    def install(what: str, module: str, target: str, into: Path) -> None:
        follow_go(
            [go, "install", "-v", *flags(pulumi), target],
            what,
            report,
            cwd=scratch / module,
            env={**environment, "GOBIN": str(into)},
        )

    install("Python language host (1 of 3)", "language-python", "tool", bin_folder)
    command = f"./cmd/{provider.name}"
    follow_go(
        [go, "run", *flags(pulumi), "./cmd/schema", "schema", "--skip-docs", "--out", command],
        "libvirt provider's schema (2 of 3)",
        report,
        cwd=scratch / "provider-libvirt",
        env=environment,
    )
    install("libvirt provider (2 of 3)", "provider-libvirt", command, provider.parent)
    install("Pulumi itself (3 of 3)", "pulumi", "tool", bin_folder)
    listed = run(
        [go, "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", SDK_MODULE],
        cwd=scratch / "pulumi",
        env=environment,
    )
    for script in SDK_SCRIPTS:
        copied = shutil.copyfile(
            Path(listed.stdout.strip()) / script, bin_folder / Path(script).name
        )
        copied.chmod(0o755)


def flags(pulumi: str) -> list[str]:
    """Return the options of every build, for this version of Pulumi."""
    stamp = f"-X {SDK_MODULE}/go/common/version.Version=v{pulumi}"
    # Explicit flags win over the user's GOFLAGS. osusergo: static programs, no C compiler.
    return [
        "-trimpath",
        "-mod=readonly",
        "-buildvcs=false",
        "-tags=osusergo,grpcnotrace",
        f"-ldflags=-s -w {stamp}",
    ]


def copy_sources(module: str, scratch: Path) -> None:
    """Copy a module's folder into `scratch`."""
    ignored = shutil.ignore_patterns(GENERATED)
    shutil.copytree(SOURCES / module, scratch / module, ignore=ignored)


def digest_sources(module: str, digest: hashlib._Hash) -> None:
    """Add to a digest what a build from this module's folder depends on."""
    for path in sorted((SOURCES / module).rglob("*")):
        if path.is_file() and path.name != GENERATED and path.suffix != ".md":
            digest.update(str(path.relative_to(SOURCES)).encode() + b"\0")
            digest.update(path.read_bytes())


def go_environment(go: Path, scratch: Path) -> dict[str, str]:
    """Return what Go is started with, whatever the user has set for it; makes `scratch`."""
    # `go run` runs what it has built there; /tmp may be mounted noexec, or be small.
    scratch.mkdir()
    environment = {"CGO_ENABLED": "0", "GOWORK": "off", "GOOS": "", "GOARCH": ""}
    # A value of its own stands before what `go env -w` has set.
    environment |= {"GOFLAGS": "-mod=readonly", "GOTMPDIR": str(scratch)}
    version = parse_version(
        run([go, "version"], env={"GOTOOLCHAIN": "local"}, cwd=Path("/")).stdout
    )
    if version < GO_WANTED:
        environment["GOTOOLCHAIN"] = GO_RELEASE
    return environment


def follow_go(
    command: list[str | Path], what: str, report: Say, *, cwd: Path, env: dict[str, str]
) -> None:
    """Run a step of a build and report how far it is, about every 15 seconds.

    Raises CommandError with the end of Go's output.
    """
    report(f"building {what}")
    counts = {"fetched": 0, "compiled": 0}
    said = time.monotonic()

    def hear(line: str) -> None:
        nonlocal said
        if line.startswith("go: downloading"):
            counts["fetched"] += 1
        elif re.fullmatch(r"[\w./~+-]+", line):
            counts["compiled"] += 1
        if time.monotonic() - said >= REPORT_EVERY_S:
            said = time.monotonic()
            report(
                f"building {what}: {counts['fetched']} modules fetched, "
                f"{counts['compiled']} packages compiled"
            )

    follow(command, hear, timeout=STEP_TIMEOUT_S, cwd=cwd, env=env, hint=HINT)
