"""What is done to the packages of a node: the words that it gets, and scripts run for real."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from core.errors import CommandError, HalabError
from machines.remote import Result
from parts.host import Entry, File
from provisioning.files import run_script, script
from tests.unit.provisioned_lab import this_machine
from tests.unit.updated_lab import Node
from updates import worker
from updates.apt import Change, parse_removals, parse_simulation
from updates.note import PATH, Note
from updates.worker import Wanted

FIXTURES = Path(__file__).parent / "fixtures" / "updates"
AGENTS = Change(name="resource-agents", old="1:4", new="1:5")
EXTRA = Change(name="libextra", old=None, new="1")

needs_dpkg = pytest.mark.skipif(
    shutil.which("dpkg-deb") is None or shutil.which("apt-get") is None,
    reason="this machine has no dpkg and apt",
)


@pytest.fixture(autouse=True)
def paper(monkeypatch: pytest.MonkeyPatch) -> None:
    def write(node: Node, entries: tuple[Entry, ...]) -> None:
        for entry in entries:
            assert isinstance(entry, File)
            node.files[entry.path] = entry.data

    def run(node: Node, name: str, *words: str, timeout: float) -> None:
        node.told.append(" ".join((name, *words)))

    monkeypatch.setattr(worker, "ensure_files", write)
    monkeypatch.setattr(worker, "run_script", run)


UPGRADE = (FIXTURES / "upgrade.txt").read_text()
OWN_SOURCES = {"indextargets": "http://deb.debian.org/...", "upgrade": UPGRADE}


def test_a_node_whose_apt_has_no_source_says_what_to_do() -> None:
    with pytest.raises(HalabError, match="apt on node1 has no package sources") as caught:
        worker.offered(Node({}).remote, Wanted())
    assert "--from FOLDER" in str(caught.value.hint)


def test_a_node_that_reaches_no_mirror_says_so() -> None:
    node = Node({"indextargets": "http://deb.debian.org/...", "-q update": 100})
    with pytest.raises(HalabError, match="does not reach its package sources") as caught:
        worker.offered(node.remote, Wanted())
    assert "--from FOLDER" in str(caught.value.hint)
    assert "E: no" in str(caught.value.detail)


def test_another_apt_is_not_taken_for_a_missing_mirror() -> None:
    node = Node({"-q update": "", "indextargets": "x"})

    def locked(*_: object, **__: object) -> Result:
        said = "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 7 (apt-get)"
        raise CommandError("apt-get update", status=100, stderr=said, host="node1")

    node.run = locked  # type: ignore[method-assign]
    with pytest.raises(HalabError, match="another apt is at work on node1"):
        worker.offered(node.remote, Wanted())


def test_which_versions_a_node_has_of_what_it_noted() -> None:
    node = Node({"dpkg-query": "resource-agents 1:5 installed\nlibextra 1 config-files\n"})
    assert worker.present(node.remote, Note(changes=(AGENTS, EXTRA))) == {"resource-agents": "1:5"}


def test_all_that_apt_offers_and_nothing_that_removes_packages() -> None:
    node = Node(OWN_SOURCES)
    assert len(worker.offered(node.remote, Wanted())) == 6
    assert all("--no-remove" in said for said in node.told if "--simulate" in said)


def test_security_is_found_first_and_then_asked_for_by_name() -> None:
    node = Node(OWN_SOURCES)
    worker.offered(node.remote, Wanted(security=True))
    assert "--only-upgrade install libpng16-16t64 linux-image-cloud-amd64" in node.told[-1]


def test_no_security_update_is_no_update() -> None:
    text = (FIXTURES / "folder.txt").read_text()
    node = Node({"indextargets": "file:/x", "upgrade": text})
    assert worker.offered(node.remote, Wanted(security=True)) == ()


def test_what_apt_cannot_do_is_named() -> None:
    node = Node({"indextargets": "x", "--simulate": 100})
    with pytest.raises(HalabError, match="apt on node1 cannot update nosuch") as caught:
        worker.offered(node.remote, Wanted(packages=("nosuch",)))
    assert "nothing was changed" in str(caught.value.hint)


def test_packages_of_a_folder_are_all_that_apt_sees(tmp_path: Path) -> None:
    (tmp_path / "a.deb").write_bytes(b"package")
    node = Node({"indextargets": "file:/x"})
    worker.offered(node.remote, Wanted(folder=tmp_path))
    assert node.files[f"{worker.GIVEN}/a.deb"] == b"package"
    assert b'SourceParts "/dev/null"' in node.files[f"{worker.GIVEN}/apt.conf"]
    asked = [said for said in node.told if "apt-get" in said]
    assert asked
    assert all(said.startswith(f"APT_CONFIG={worker.GIVEN}/apt.conf ") for said in asked)


def test_a_folder_without_packages_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HalabError, match="holds no package"):
        worker.offered(Node({}).remote, Wanted(folder=tmp_path))


def test_nothing_goes_but_what_had_come() -> None:
    note = Note(changes=(AGENTS, EXTRA)).back(reboot=False)
    harmless = Node({"indextargets": "file:/x", "--simulate": "Remv libextra [1]\n"})
    worker.fetch(harmless.remote, note, worker.KEPT)
    assert harmless.told[-1].endswith("--allow-downgrades resource-agents=1:4 libextra-")

    more = Node({"indextargets": "file:/x", "--simulate": "Remv nginx [5]\nRemv libextra [1]\n"})
    with pytest.raises(HalabError, match="apt on node1 would remove nginx as well"):
        worker.fetch(more.remote, note, worker.KEPT)
    assert not any("--download-only" in said for said in more.told)


def test_exactly_the_noted_versions_are_installed() -> None:
    node = Node({"showauto": "libextra\n"})
    worker.install(node.remote, Note(changes=(EXTRA, AGENTS)), worker.GIVEN)
    installs = node.told[node.place("systemd-run")]
    assert installs.endswith("--no-remove --allow-downgrades libextra=1 resource-agents=1:5")
    assert f"--setenv=APT_CONFIG={worker.GIVEN}/apt.conf" in installs
    # What came as a dependency is not made a wish of a person's.
    assert node.told[-1] == "apt-mark auto libextra"


def test_what_is_fetched_is_looked_up_first_also_on_the_way_back() -> None:
    """Apt knows a folder that a node has just made only after it has read it."""
    node = Node({"indextargets": "file:/x"})
    worker.fetch(node.remote, Note(changes=(AGENTS,)).back(reboot=False), worker.KEPT)
    assert node.place("install.sh") < node.place("-q update") < node.place("--download-only")
    assert node.told[-1].startswith(f"APT_CONFIG={worker.KEPT}/apt.conf ")
    assert node.told[-1].endswith("resource-agents=1:4")


def test_a_failed_install_shows_what_apt_said() -> None:
    node = Node({"systemd-run": 100, "tail": "dpkg: error processing archive"})
    with pytest.raises(CommandError) as caught:
        worker.install(node.remote, Note(changes=(AGENTS,)), None)
    assert "dpkg: error processing archive" in str(caught.value.detail)
    assert "resource-agents=1:5" in caught.value.message


def test_old_packages_are_kept_once() -> None:
    fresh = Node({})
    worker.keep(fresh.remote, Note(changes=(AGENTS, EXTRA)))
    assert fresh.told[fresh.place("repack.sh")] == f"repack.sh {worker.KEPT} resource-agents"
    kept = fresh.files[f"{worker.KEPT}/versions"].decode()

    again = Node({"versions": kept})
    worker.keep(again.remote, Note(changes=(AGENTS, EXTRA)))
    assert not any("repack" in said for said in again.told)


def test_what_is_added_on_the_way_is_kept_beside_the_rest() -> None:
    node = Node({"versions": "resource-agents=1:4\n"})
    worker.keep(node.remote, Note(changes=(AGENTS, Change(name="nginx", old="5", new="6"))))
    assert node.told[node.place("repack.sh")] == f"repack.sh {worker.KEPT} nginx"
    assert not any("rm -rf" in said for said in node.told)


def test_what_an_older_update_kept_is_taken_away() -> None:
    node = Node({"versions": "resource-agents=1:3\n"})
    worker.keep(node.remote, Note(changes=(AGENTS,)))
    # With the note that promised the way back.
    gone = f"rm -rf {PATH} {worker.KEPT}"
    assert node.place(gone) < node.place("repack.sh")


class TestScripts:
    """The programs for nodes, run on this machine."""

    @needs_dpkg
    @pytest.mark.skipif(os.geteuid() != 0, reason="files keep their owner, which takes root")
    def test_an_installed_package_is_packed_as_it_is(self, tmp_path: Path) -> None:
        kept = tmp_path / "kept"
        run_script(this_machine(), "repack.sh", str(kept), "passwd", timeout=60)

        [package] = kept.glob("passwd_*.deb")
        fields = shown("dpkg-deb", "--field", package)
        version = shown("dpkg-query", "--show", "--showformat", "${Version}", "passwd")
        assert f"Version: {version}" in fields
        assert "Status:" not in fields
        assert "Conffiles:" not in fields
        unpacked = tmp_path / "unpacked"
        shown("dpkg-deb", "--raw-extract", package, unpacked)
        assert "/etc/default/useradd" in (unpacked / "DEBIAN/conffiles").read_text()
        assert (unpacked / "DEBIAN/postinst").stat().st_mode & 0o111
        there = Path("/usr/bin/passwd").stat()
        packed = (unpacked / "usr/bin/passwd").stat()
        assert (packed.st_size, packed.st_mode) == (there.st_size, there.st_mode)

    @needs_dpkg
    def test_apt_takes_a_folder_for_a_source(self, tmp_path: Path) -> None:
        depot = depot_of(tmp_path, "halab-story", "1.0+halab1")
        environment = apt_with(tmp_path, depot, {"halab-story": "1.0"})
        text = shown(
            *("apt-get", "--simulate", "--only-upgrade", "install", "halab-story"),
            environment=environment,
        )
        assert parse_simulation(text) == (Change(name="halab-story", old="1.0", new="1.0+halab1"),)

    @needs_dpkg
    def test_what_came_goes_with_what_it_needs(self, tmp_path: Path) -> None:
        """A kernel of the backports refuses the base that the others have: both, or neither."""
        depot = depot_of(tmp_path, "story-base", "4")
        image = "7\nPre-Depends: story-base (>= 5)"
        has = {"story-base": "5", "story-image": image, "bystander": "1"}
        environment = apt_with(tmp_path, depot, has)
        note = Note(
            changes=(
                Change(name="story-base", old="4", new="5"),
                Change(name="story-image", old=None, new="7"),
            )
        ).back(reboot=False)

        def simulated(*words: str) -> str:
            return shown("apt-get", "--simulate", "install", *words, environment=environment)

        text = simulated("--allow-downgrades", *(step.word for step in note.steps))
        assert parse_removals(text) == note.removals == {"story-image"}
        assert parse_simulation(text) == (Change(name="story-base", old="5", new="4"),)
        with pytest.raises(AssertionError, match="remove is disabled"):
            simulated("--allow-downgrades", "--no-remove", "story-base=4")

    def test_nothing_starts_while_apt_works_and_everything_may_afterwards(
        self, tmp_path: Path
    ) -> None:
        guard = tmp_path / "policy-rc.d"
        programs = tmp_path / "programs"
        programs.mkdir()
        apt = programs / "apt-get"
        apt.write_text(
            "#!/bin/sh\n"
            f'case "$*" in *check) [ -e {tmp_path}/works ] && rm {tmp_path}/journal/*; exit; esac\n'
            f'cat {guard} >>{tmp_path}/seen\ncase "$*" in *bad*) exit 1; esac\n'
        )
        apt.chmod(0o755)
        journal, dpkg = tmp_path / "journal", programs / "dpkg"
        journal.mkdir()
        dpkg.write_text(f"#!/bin/sh\ncat {guard} >>{tmp_path}/ended\nrm -f {journal}/*\n")
        dpkg.chmod(0o755)
        text = script("install.sh").replace("/usr/sbin/policy-rc.d", str(guard))
        text = text.replace("/var/lib/dpkg/updates", str(journal))

        def install(*words: str) -> int:
            environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
            return subprocess.run(
                ["/bin/sh", "-euc", text, "install.sh", *words], env=environment
            ).returncode

        assert install("good") == 0
        assert "exit 101" in (tmp_path / "seen").read_text()
        assert not guard.exists()
        # Whatever happens, also where a machine lost its power in the middle before.
        guard.write_text("#!/bin/sh\n# halab\nexit 101\n")
        assert install("bad") == 1
        assert not guard.exists()
        # What somebody else put there comes back.
        guard.write_text("#!/bin/sh\nexit 0\n")
        assert install("good") == 0
        assert guard.read_text() == "#!/bin/sh\nexit 0\n"
        # What dpkg was at when the power went is ended, under the guard, and once.
        assert not (tmp_path / "ended").exists()
        (tmp_path / "seen").unlink()
        (journal / "0001").touch()
        assert install() == install() == 0
        assert (tmp_path / "ended").read_text().count("exit 101") == 1
        assert not (tmp_path / "seen").exists()
        # What another dpkg is at is waited for, and is none of ours.
        (tmp_path / "works").touch()
        (journal / "0001").touch()
        assert install() == 0
        assert (tmp_path / "ended").read_text().count("exit 101") == 1


def depot_of(folder: Path, name: str, version: str) -> Path:
    """Return a folder that apt takes for a source, of one package."""
    depot = folder / "depot"
    depot.mkdir()
    package(folder, name, version)
    shutil.move(folder / f"{name}.deb", depot)
    run_script(this_machine(), "index_packages.sh", str(depot))
    return depot


def apt_with(folder: Path, depot: Path, has: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which apt knows a depot, and a machine that has these packages."""
    state = folder / "state"
    (state / "lists" / "partial").mkdir(parents=True)
    status = state / "status"
    status.write_text(
        "".join(
            f"Package: {name}\nStatus: install ok installed\nArchitecture: all\n"
            f"Version: {version}\nMaintainer: x\nDescription: x\n\n"
            for name, version in has.items()
        )
    )
    (depot / "sources.list").write_text(f"deb [trusted=yes] file:{depot} ./\n")
    configuration = folder / "apt.conf"
    configuration.write_text(
        f'Dir::Etc::SourceList "{depot}/sources.list";\nDir::Etc::SourceParts "/dev/null";\n'
        f'Dir::State "{state}";\nDir::State::status "{status}";\n'
        f'Dir::Cache "{state}";\nAPT::Sandbox::User "{os.environ.get("USER", "root")}";\n'
    )
    environment = {**os.environ, "APT_CONFIG": str(configuration), "LC_ALL": "C"}
    shown("apt-get", "-q", "update", "--error-on=any", environment=environment)
    return environment


def package(folder: Path, name: str, version: str) -> None:
    """Make a package without files."""
    root = folder / "root" / "DEBIAN"
    root.mkdir(parents=True)
    (root / "control").write_text(
        f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: x\nDescription: x\n"
    )
    shown("dpkg-deb", "--build", root.parent, folder / f"{name}.deb")


def shown(*words: object, environment: Mapping[str, str] | None = None) -> str:
    """Return what a program prints; fail with its errors when it fails."""
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
