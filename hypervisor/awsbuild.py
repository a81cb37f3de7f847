"""Pulumi's AWS provider from Go modules: the part of it that halab's labs consist of.

Its vendor's sources are served by no module proxy, so toolchain/provider-aws puts Pulumi's bridge
around a copy of terraform-provider-aws with a few of its services.
"""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
from pathlib import Path

from core.command import run
from core.saying import Say
from hypervisor import gobuild, trimming
from hypervisor.gobuild import HINT

MODULE = "provider-aws"
OVERLAY = "overlay"
"""What the copy has besides, in the module's folder: a way in, and a go.mod without the rest."""
COPY = "trimmed"
"""Where the module's go.mod looks for the copy, beside it."""

TERRAFORM = "github.com/hashicorp/terraform-provider-aws"
TERRAFORM_VERSION = "v1.60.1-0.20260602190131-5f2286d6d836"
"""6.48.0 on its way, of 2026-06-02. Proxies do not know newer versions by their names, as the
module's path lacks their major version."""
SERVICES = frozenset({"ec2", "iam", "sts", "meta"})

DOWNLOAD_TIMEOUT_S = 600
"""Seconds; 75 MB come and 308 MB are unpacked, which took 9 on a good line."""


def build_key(pulumi: str) -> str:
    """Return the digest of everything that the built provider is made from."""
    recipe = " ".join((TERRAFORM_VERSION, *sorted(SERVICES), *gobuild.flags(pulumi)))
    digest = hashlib.sha256(f"{recipe} {platform.machine()}".encode())
    digest.update(Path(trimming.__file__).read_bytes())
    gobuild.digest_sources(MODULE, digest)
    return digest.hexdigest()[:12]


def build(pulumi: str, provider: Path, scratch: Path, report: Say) -> None:
    """Build the provider as the program `provider`, for Pulumi of this version.

    `scratch` receives the sources. Takes 5 minutes on two cores with cold caches, once. May install
    Debian's Go. Raises CommandError with the end of Go's output, HalabError when the modules are
    not what is expected.
    """
    go = gobuild.ensure_go(report)
    gobuild.copy_sources(MODULE, scratch)
    environment = gobuild.go_environment(go, scratch / "tmp")
    report("fetching terraform-provider-aws")
    told = run(
        [go, "mod", "download", "-json", f"{TERRAFORM}@{TERRAFORM_VERSION}"],
        # Not in a module, whose go.mod says that this one is to be found beside it.
        cwd=scratch / "tmp",
        env=environment,
        timeout=DOWNLOAD_TIMEOUT_S,
        hint=HINT,
    )
    trimming.trim(Path(json.loads(told.stdout)["Dir"]), scratch / COPY, SERVICES)
    overlay = scratch / MODULE / OVERLAY
    shutil.copytree(overlay, scratch / COPY, dirs_exist_ok=True)
    shutil.rmtree(overlay)
    provider.parent.mkdir(parents=True)
    gobuild.follow_go(
        [go, "install", "-v", *gobuild.flags(pulumi), f"./cmd/{provider.name}"],
        "AWS provider",
        report,
        cwd=scratch / MODULE,
        env={**environment, "GOBIN": str(provider.parent)},
    )
