"""The one environment of halab and of everything that it starts.

A person's shell carries much that was meant for somebody else: another project's PULUMI_* and
PYTHONPATH, a language in which virsh then answers, a proxy that knows no way into a lab. What is
not known to be wanted here does not get in.
"""

from __future__ import annotations

import os
import pwd
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from core.errors import HalabError

TERMINAL = frozenset(
    {
        *("TERM", "COLORTERM", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"),
        *("CI", "PYTEST_CURRENT_TEST"),
    }
)
"""What is kept and tells of the terminal, or of what else halab was called from."""

EXTENTS = ("COLUMNS", "LINES")
EXTENT = re.compile(r"[1-9][0-9]{1,3}")
"""What a terminal's size may be. Some say 0, in which nothing could be shown: then it is found out,
or guessed."""

KEPT = TERMINAL | frozenset(
    {
        *("USER", "LOGNAME", "TZ"),
        # How this machine reaches the world, and whom it trusts there.
        *("http_proxy", "https_proxy", "ftp_proxy", "all_proxy"),
        *("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"),
        # Where Go's modules come from, and where it keeps them.
        *("GOPROXY", "GONOPROXY", "GOPRIVATE", "GOSUMDB", "GONOSUMDB", "GOINSECURE", "GOAUTH"),
        *("GOPATH", "GOMODCACHE", "GOCACHE"),
        # Where Python's packages come from, and how patiently, as the launcher has it (`halab`);
        # what else pip is told is not meant for halab.
        *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"),
        *("PIP_CERT", "PIP_CLIENT_CERT", "PIP_TRUSTED_HOST", "PIP_PROXY"),
        *("PIP_RETRIES", "PIP_TIMEOUT", "PIP_DEFAULT_TIMEOUT"),
        *("PIP_CONFIG_FILE", "PIP_CACHE_DIR", "PIP_NO_CACHE_DIR"),
        # Where a person's own Pulumi has its plugins.
        "PULUMI_HOME",
        # A Python in a place of its own may not start without them.
        *("LD_LIBRARY_PATH", "LD_PRELOAD"),
    }
)

OWN = "HALAB_"
"""How halab's own variables begin."""

FOLDERS = (
    *("XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"),
    "XDG_RUNTIME_DIR",
)
"""Kept when absolute: the XDG Base Directory Specification has relative ones ignored."""

LANGUAGE = {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
"""halab reads what programs print, so they print it in one language."""

NOT_PROXIED = ("127.0.0.1", "localhost", "::1")
"""Pulumi's parts talk to each other there, and halab to a lab through ports of this machine."""

SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where Debian keeps daemons and mke2fs; not on the PATH of an ordinary user."""

AWS = (
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    *("AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CA_BUNDLE"),
    *("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_SESSION_NAME"),
    *("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
    *("AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_EC2_METADATA_DISABLED"),
)
"""What says who a person is at AWS (its SDKs' reference guide), but not which region or server."""

AWS_PLACES = (
    *("AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CA_BUNDLE"),
    *("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_SESSION_NAME"),
    "AWS_EC2_METADATA_DISABLED",
)
"""What of that is no secret, and says where one is."""

KEPT_AWS = {name: f"HALAB_KEPT_{name}" for name in AWS}
"""Under which names that waits in halab itself for its one use: `aws_access`."""

AGENT, KEPT_AGENT = "SSH_AUTH_SOCK", "HALAB_SSH_AGENT"
"""A person's ssh agent, and where it waits for the one use that it has: `libvirt_access`."""


def clean(found: Mapping[str, str]) -> dict[str, str]:
    """Return what of an environment halab gets. What is clean stays as it is."""
    # Another thread may be adopting one: a name that was there may be gone when it is looked up.
    found = {name: value for name in list(found) if (value := found.get(name)) is not None}
    kept = {name: value for name, value in found.items() if name in KEPT or name.startswith(OWN)}
    kept |= {name: found[name] for name in FOLDERS if os.path.isabs(found.get(name, ""))}
    for name in EXTENTS:
        if not EXTENT.fullmatch(kept.get(name, "")):
            kept.pop(name, None)
    exempt = ",".join((found.get("no_proxy", ""), found.get("NO_PROXY", ""), *NOT_PROXIED))
    hosts = ",".join(dict.fromkeys(filter(None, map(str.strip, exempt.split(",")))))
    if AGENT in found:
        kept[KEPT_AGENT] = found[AGENT]
    kept |= {KEPT_AWS[name]: found[name] for name in AWS if name in found}
    if _is_usable(found.get("TMPDIR", "")):
        kept["TMPDIR"] = found["TMPDIR"]
    home_folder = _home(found)
    if home_folder is not None:
        kept["HOME"] = home_folder
    if _user() is None:
        # What only wants something to show takes the number.
        kept |= {"USER": str(os.getuid()), "LOGNAME": str(os.getuid())}
    return {**kept, **LANGUAGE, "PATH": _path(found), "no_proxy": hosts, "NO_PROXY": hosts}


def for_program(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment in which a program is started, with `extra` on top.

    A person's credentials are not in it: some programs live for days. Who asks AWS is given
    `aws_access`, and another halab `for_halab`.
    """
    waiting = KEPT_AWS.values()
    kept = {name: value for name, value in clean(os.environ).items() if name not in waiting}
    return {**kept, **(extra or {})}


def lasting() -> dict[str, str]:
    """Return what counts for a program that starts some day, away from this terminal.

    No secret is in it.
    """
    passing = {*TERMINAL, "XDG_RUNTIME_DIR", KEPT_AGENT}
    places = {name: value for name, value in aws_access().items() if name in AWS_PLACES}
    return {name: value for name, value in for_program(places).items() if name not in passing}


def libvirt_access(uri: str) -> dict[str, str]:
    """Return what a program needs besides to reach this libvirt.

    A libvirt over ssh that a lab's definition names is the person's own: his agent opens it.
    """
    agent = clean(os.environ).get(KEPT_AGENT)
    return {AGENT: agent} if agent and "+ssh:" in uri else {}


def aws_access() -> dict[str, str]:
    """Return what a program needs besides to ask AWS as the person who called halab."""
    kept = clean(os.environ)
    return {name: kept[waiting] for name, waiting in KEPT_AWS.items() if waiting in kept}


def for_halab() -> dict[str, str]:
    """Return what halab itself needs besides: whatever it does, it may come to ask AWS."""
    return {KEPT_AWS[name]: value for name, value in aws_access().items()}


@contextmanager
def adopted(extra: Mapping[str, str] | None = None) -> Iterator[None]:
    """Let this process itself live in the clean environment: libraries in it look there too."""
    before = dict(os.environ)
    _become(for_program(extra))
    try:
        yield
    finally:
        _become(before)


def home() -> Path:
    """Return the home folder; raises HalabError when nothing says where it is."""
    found = _home(os.environ)
    if found is None:
        raise HalabError(
            f"HOME is not set, and user id {os.getuid()} has no name and no home on this machine",
            hint="set HOME, or both XDG_STATE_HOME and XDG_CACHE_HOME, to a folder of your own",
        )
    return Path(found)


def user_name() -> str:
    """Return this user's name; raises HalabError where the user id has none."""
    found = _user()
    if found is None:
        raise HalabError(
            f"user id {os.getuid()} has no name on this machine: ssh and user namespaces need one",
            hint="run halab as a user that /etc/passwd knows (`getent passwd` lists them)",
        )
    return found.pw_name


def _become(wanted: Mapping[str, str]) -> None:
    # Only what differs: other threads may be looking.
    for name in os.environ.keys() - wanted.keys():
        del os.environ[name]
    for name, value in wanted.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


def _user() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(os.getuid())
    except KeyError:
        return None


def _home(found: Mapping[str, str]) -> str | None:
    user, said = _user(), found.get("HOME", "")
    if os.path.isabs(said):
        return said
    return user.pw_dir if user else None


def _path(found: Mapping[str, str]) -> str:
    # A relative entry would run what lies in the current folder.
    entries = found.get("PATH", os.defpath).split(os.pathsep)
    folders = (entry for entry in (*entries, *SYSTEM_FOLDERS) if os.path.isabs(entry))
    return os.pathsep.join(dict.fromkeys(folders))


def _is_usable(folder: str) -> bool:
    # The test that Python makes; mktemp, Go and mmdebstrap take a bad one as it is.
    if not os.path.isabs(folder):
        return False
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
