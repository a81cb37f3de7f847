"""terraform-provider-aws cut down to the services that halab's labs use.

Each of its 250 services brings a client of its own: all of it takes half an hour to build and
makes a program of 900 MB. It lists services in generated files, which are edited here; what a
version does not have as it is expected ends the build, instead of making another program.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Collection
from pathlib import Path

from core.errors import HalabError

TOP = frozenset(
    {
        *("website", "docs", "examples", "infrastructure", "main.go", "CHANGELOG.md"),
        *(".ci", ".github", ".changelog", "META.d"),
    }
)
INTERNAL = frozenset({"acctest", "generate"})
TESTING = ("*_test.go", "testdata", "test-fixtures")
"""What no build needs of the whole folder, of internal/, and anywhere."""

CLIENTS = "github.com/aws/aws-sdk-go-v2/service"

HELPERS = ("S3ExpressClient", "APIGatewayV2InvokeURL")
"""Methods of the provider's client that need clients of further services."""
HELPERS_IMPORTS = rf'\t\w* ?"{CLIENTS}/(apigatewayv2/types|s3)"\n'

FOREIGN = "IPAMOrganizationAdminAccount"
"""The resource of EC2 that needs another service's client."""
FOREIGN_FILE = "vpc_ipam_organization_admin_account.go"


def trim(source: Path, target: Path, services: Collection[str]) -> None:
    """Copy the provider's module from `source` to `target` with these services and no other.

    Raises HalabError where the module is not as it is expected.
    """
    _copy(source, target, services)
    internal = target / "internal"
    _register(internal / "provider/sdkv2/service_packages_gen.go", services)
    _drop_helpers(internal / "conns/awsclient.go")
    _drop_foreign(internal / "service/ec2")
    _keep_clients(internal)
    if not list((internal / "service").glob("*/smarterr.hcl")):
        # Go refuses to embed what does not exist.
        _edit(internal / "embed.go", r"//go:embed service/\*/smarterr\.hcl\n")


def _copy(source: Path, target: Path, services: Collection[str]) -> None:
    testing = shutil.ignore_patterns(*TESTING)

    def ignored(folder: str, names: list[str]) -> set[str]:
        here = Path(folder).relative_to(source)
        left_out = set(testing(folder, names))
        if here == Path():
            left_out |= TOP
        elif here == Path("internal"):
            left_out |= INTERNAL
        elif here == Path("internal/service"):
            left_out |= {name for name in names if Path(folder, name).is_dir()} - set(services)
        return left_out

    shutil.copytree(source, target, ignore=ignored)
    # Go keeps its modules read-only.
    for path in (target, *target.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _register(path: Path, services: Collection[str]) -> None:
    """Let the provider know of the services that are there."""

    def kept(match: re.Match[str]) -> str:
        return match[0] if match[1] in services else ""

    _edit(path, r'\t"[\w./-]+/internal/service/(\w+)"\n', kept, several=True)
    _edit(path, r"\t\t(\w+)\.ServicePackage\(ctx\),\n", kept, several=True)


def _drop_helpers(path: Path) -> None:
    for name in HELPERS:
        _edit(path, rf"(?://[^\n]*\n)*func \(c \*AWSClient\) {name}\((?s:.*?)\n}}\n")
    _edit(path, HELPERS_IMPORTS, several=True)
    _edit(path, r"\ts3ExpressClient .*\n")
    if "errs." not in path.read_text():
        _edit(path, r'\t"[\w./-]+/internal/errs"\n')


def _drop_foreign(folder: Path) -> None:
    entry = rf"\t\t\{{\n\t\t\tFactory:\s+resource{FOREIGN},(?s:.*?)\n\t\t\}},\n"
    _edit(folder / "service_package_gen.go", entry)
    (folder / FOREIGN_FILE).unlink()


def _keep_clients(internal: Path) -> None:
    """Keep the methods that make clients which some code asks for, and what they import."""
    path = internal / "conns/awsclient_gen.go"
    asked: set[str] = set()
    for each in internal.rglob("*.go"):
        if each != path:
            asked |= set(re.findall(r"\.(\w+Client)\(", each.read_text()))

    def called(match: re.Match[str]) -> str:
        return match[0] if match[1] in asked else ""

    _edit(path, r"func \(c \*AWSClient\) (\w+Client)\(ctx(?s:.*?)\n}\n\n?", called, several=True)
    code = path.read_text().partition(")\n")[2]

    def used(match: re.Match[str]) -> str:
        return match[0] if re.search(rf"\b{match[1] or match[2]}\.Client", code) else ""

    _edit(path, rf'\t(?:(\w+) )?"{CLIENTS}/(\w+)"\n', used, several=True)


def _edit(
    path: Path,
    pattern: str,
    by: str | Callable[[re.Match[str]], str] = "",
    *,
    several: bool = False,
) -> None:
    """Replace the one place that matches, or all of `several`; raises HalabError without any."""
    text, count = re.subn(pattern, by, path.read_text())
    if not (count == 1 or (several and count)):
        raise HalabError(
            f"{path.name} of terraform-provider-aws is not as expected: "
            f"{count} places are like {pattern!r}",
            hint="hypervisor/trimming.py knows the version that hypervisor/awsbuild.py names",
        )
    path.write_text(text)
