"""Other people's machines: what halab did not make it never touches, whatever it is called.

A real libvirtd, halab's private one, plays the libvirt that several people share.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.down import down
from core.errors import HalabError
from core.folders import LabFolder
from drills.power import Power
from hypervisor import placing
from hypervisor.namespaces import check_namespaces
from hypervisor.objects import Virsh, find, remove_orphans, running_domains, start_stopped
from hypervisor.placing import has_anything, remove
from hypervisor.private import PrivateHypervisor
from hypervisor.taken import check_free, is_this_machine
from inventory.mark import NAMESPACE, mark_of, pool_uuid, volume_name
from inventory.place import Place
from inventory.record import Boot, LabRecord
from labs.loading import load
from labs.model import Lab
from labs.roles import MachineRole, NetworkRole


def why_not() -> str | None:
    """Return why no libvirtd can run here, None when one can."""
    if shutil.which("libvirtd") is None:
        return "libvirtd is not there; the first `up` installs it"
    try:
        check_namespaces()
    except HalabError as error:
        return str(error)
    return None


REASON = why_not()
with_libvirtd = pytest.mark.skipif(REASON is not None, reason=str(REASON))

STRANGE = ("web-shop-db01", "web-test-node1", "web-dmz", "web-pool-backup", "customers.qcow2")
"""Somebody's objects, whose names begin as the lab's do."""


@pytest.fixture(scope="module")
def virsh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Virsh]:
    hypervisor = PrivateHypervisor(LabFolder(tmp_path_factory.mktemp("shared") / "libvirt"))
    hypervisor.start()
    yield Virsh(hypervisor.uri)
    hypervisor.stop()


@pytest.fixture(autouse=True)
def _empty(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "virsh" in request.fixturenames:
        shared: Virsh = request.getfixturevalue("virsh")
        for words, verbs in (
            ("list", ("destroy", "undefine")),
            ("net-list", ("net-destroy", "net-undefine")),
            ("pool-list", ("pool-destroy", "pool-undefine")),
        ):
            there = shared(words, "--all", "--uuid").split()
            shared("; ".join(f"{verb} {one}" for one in there for verb in verbs), check=False)


class Libvirt:
    """What people make in the shared libvirt."""

    def __init__(self, virsh: Virsh, folder: Path) -> None:
        self._virsh = virsh
        self._folder = folder

    def _define(self, verb: str, xml: str, *then: str) -> None:
        file = self._folder / "object.xml"
        file.write_text(xml)
        self._virsh("; ".join((f"{verb} '{file}'", *then)))

    def domain(self, name: str, metadata: str = "") -> None:
        """Make a machine without disks, that is off."""
        self._define(
            "define",
            f"<domain type='qemu'><name>{name}</name>{metadata}<memory unit='MiB'>16</memory>"
            "<os><type arch='x86_64'>hvm</type></os></domain>",
        )

    def network(self, name: str, rest: str = "", metadata: str = "") -> None:
        """Make a network, that is off."""
        self._define("net-define", f"<network><name>{name}</name>{metadata}{rest}</network>")

    def pool(self, name: str, folder: Path, uuid: str | None = None, *volumes: str) -> None:
        """Make a pool for a folder, start it and put small disks into it."""
        folder.mkdir(exist_ok=True)
        given = f"<uuid>{uuid}</uuid>" if uuid else ""
        self._define(
            "pool-define",
            f"<pool type='dir'><name>{name}</name>{given}"
            f"<target><path>{folder}</path></target></pool>",
            f"pool-start {name}",
            *(f"vol-create-as {name} '{volume}' 1M" for volume in volumes),
        )

    def names(self) -> set[str]:
        """Return what there is."""
        pools = [one.name for one in find(self._virsh, "pool")]
        volumes = [line.split("  ")[0].strip() for p in pools for line in self._lines(p)]
        others = [one.name for kind in ("domain", "network") for one in find(self._virsh, kind)]
        return {*pools, *volumes, *others}

    def _lines(self, pool: str) -> list[str]:
        return [line for line in self._virsh("vol-list", pool).splitlines() if line.strip()]


@pytest.fixture
def libvirt(virsh: Virsh, tmp_path: Path) -> Libvirt:
    return Libvirt(virsh, tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> LabFolder:
    return LabFolder(tmp_path / "labs" / "web")


@pytest.fixture
def lab(virsh: Virsh, tmp_path: Path) -> Lab:
    definition = tmp_path / "web.toml"
    definition.write_text(f'version = 1\nname = "web"\n[platform]\nuri = "{virsh.uri}"\n')
    return load(str(definition))


@pytest.fixture
def place(lab: Lab, folder: LabFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr(placing, "LIBVIRT_IMAGES", tmp_path)
    return placing.place_of(lab, folder)


def marked(mark: str, subnet: str = "") -> str:
    return (
        f"<metadata><h:lab xmlns:h='{NAMESPACE}'><h:mark>{mark}</h:mark>"
        f"<h:folder>/home/ann/labs/web</h:folder><h:subnet>{subnet}</h:subnet></h:lab></metadata>"
    )


def build(libvirt: Libvirt, place: Place, *extra: str) -> None:
    """Make what Pulumi makes for a lab, as far as libvirt is concerned; `extra` are other disks."""
    for domain in place.domains.values():
        libvirt.domain(domain, marked(place.mark))
    for role in (NetworkRole.MANAGEMENT, NetworkRole.CLUSTER_A):
        libvirt.network(
            place.network(role), f"<bridge name='{place.bridge(role)}'/>", marked(place.mark)
        )
    root = volume_name(place.mark, "node1-root.qcow2")
    libvirt.pool(place.pool_name, place.pool, pool_uuid(place.mark), root, *extra)


def move_in(libvirt: Libvirt, folder: Path) -> None:
    """Let somebody make things whose names begin with the lab's."""
    libvirt.domain("web-shop-db01")
    libvirt.domain("web-test-node1", marked(mark_of(LabFolder(folder / "labs" / "web-test"))))
    libvirt.network("web-dmz", "<ip address='192.168.77.1' prefix='24'/>")
    libvirt.pool("web-pool-backup", folder / "backup", None, "customers.qcow2")


@with_libvirtd
def test_down_takes_the_lab_and_leaves_everybody_else(
    virsh: Virsh, libvirt: Libvirt, place: Place, tmp_path: Path
) -> None:
    move_in(libvirt, tmp_path)
    build(libvirt, place)

    remove(virsh, place, lambda _: None)

    assert libvirt.names() == set(STRANGE)
    assert not has_anything(virsh, place)
    assert not place.pool.exists()


@with_libvirtd
def test_down_finds_by_its_definition_what_a_lost_lab_has(
    virsh: Virsh,
    libvirt: Libvirt,
    place: Place,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("cli.sites.place_of", lambda *_: place)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    libvirt.domain("web-shop-db01")
    build(libvirt, place)

    down(str(tmp_path / "web.toml"))
    assert libvirt.names() == {"web-shop-db01"}

    down(str(tmp_path / "web.toml"))
    assert "nothing to remove" in capsys.readouterr().err


@with_libvirtd
def test_a_fault_hits_no_machine_that_only_has_the_name(
    virsh: Virsh, libvirt: Libvirt, place: Place
) -> None:
    boot: dict[MachineRole, Boot] = {}
    record = LabRecord(
        **dict(place),
        source="web.toml",
        accelerated=False,
        proxy_command=None,
        boot=boot,
    )
    libvirt.domain("web-node1")
    virsh("start", "web-node1")

    with pytest.raises(HalabError, match="that is this lab's"):
        Power(record).cut("node1")

    assert virsh("list", "--name").split() == ["web-node1"]


@with_libvirtd
def test_up_clears_only_what_an_interrupted_run_of_its_own_left(
    virsh: Virsh, libvirt: Libvirt, place: Place, tmp_path: Path
) -> None:
    move_in(libvirt, tmp_path)
    build(libvirt, place)
    known = {("domain", "web-node1"), ("network", "web-mgmt"), ("pool", "web-pool")}

    remove_orphans(virsh, place.mark, known)

    assert libvirt.names() == {*STRANGE, "web-node1", "web-mgmt", "web-pool"}


@with_libvirtd
def test_a_disk_that_somebody_put_into_the_labs_pool_stays_and_is_named(
    virsh: Virsh, libvirt: Libvirt, place: Place
) -> None:
    build(libvirt, place, "my thesis.img")

    with pytest.raises(HalabError) as error:
        remove(virsh, place, lambda _: None)

    assert error.value.detail is not None
    assert "in it: my thesis.img" in error.value.detail
    assert libvirt.names() == {"web-pool", "my thesis.img"}


@with_libvirtd
def test_what_has_the_labs_name_and_not_its_mark_is_left_alone_and_named(
    virsh: Virsh, libvirt: Libvirt, place: Place
) -> None:
    libvirt.domain("web-node1")

    with pytest.raises(HalabError, match="not all of the lab is removed") as error:
        remove(virsh, place, lambda _: None)

    assert error.value.detail is not None
    assert "domain web-node1" in error.value.detail
    assert error.value.hint is not None
    assert f"virsh -c '{virsh.uri}' 'list --all" in error.value.hint
    assert libvirt.names() == {"web-node1"}


def test_nothing_is_called_removed_where_nobody_could_look(tmp_path: Path) -> None:
    place = Place(
        uri=f"qemu:///system?socket={tmp_path}/nobody",
        private=False,
        mark=mark_of(LabFolder(tmp_path / "labs" / "web")),
        prefix="web-",
        pool=tmp_path / "pool",
        domains={"node1": "web-node1"},
    )
    with pytest.raises(HalabError, match="does not answer") as error:
        remove(Virsh(place.uri), place, lambda _: None)
    assert error.value.detail is not None
    assert "domains: web-node1; networks: web-mgmt" in error.value.detail


@with_libvirtd
def test_every_name_and_subnet_that_is_taken_is_said_at_once(
    virsh: Virsh, libvirt: Libvirt, lab: Lab, place: Place, tmp_path: Path
) -> None:
    libvirt.domain("web-node2")
    libvirt.network("web-mgmt")
    libvirt.network("office", "<ip address='10.0.0.1' netmask='255.0.0.0'/>")
    libvirt.network("bridged", f"<bridge name='{place.bridge(NetworkRole.SERVICE)}'/>")
    libvirt.pool("web-pool", tmp_path / "theirs")
    libvirt.pool("images", place.pool)

    with pytest.raises(HalabError) as error:
        check_free(virsh, lab, place)

    found = error.value.detail
    assert found is not None
    for words in (
        "domain web-node2 exists",
        "network web-mgmt exists",
        "bridge h9161755a-svc belongs to the network bridged",
        "pool web-pool exists",
        f"folder {place.pool} is the pool images",
        "subnet 10.10.0.0/24 (management) overlaps 10.0.0.0/8, which network office uses",
        "subnet 10.30.0.0/24 (service) overlaps 10.0.0.0/8",
    ):
        assert words in found


@with_libvirtd
def test_two_labs_with_the_default_subnets_cannot_share_a_libvirt(
    virsh: Virsh, libvirt: Libvirt, lab: Lab, place: Place, tmp_path: Path
) -> None:
    other = mark_of(LabFolder(tmp_path / "labs" / "other"))
    libvirt.network("other-cla", metadata=marked(other, "10.20.1.0/24"))

    with pytest.raises(HalabError, match="nothing was made") as error:
        check_free(virsh, lab, place)

    assert error.value.detail == (
        "subnet 10.20.1.0/24 (cluster-a) overlaps 10.20.1.0/24, which network other-cla uses"
        " (it belongs to the lab in /home/ann/labs/web)"
    )


@with_libvirtd
def test_neighbours_with_other_names_and_subnets_are_no_obstacle(
    virsh: Virsh, libvirt: Libvirt, lab: Lab, place: Place, tmp_path: Path
) -> None:
    move_in(libvirt, tmp_path)
    libvirt.network("v6", "<ip family='ipv6' address='fd00::1' prefix='64'/>")
    check_free(virsh, lab, place)


@with_libvirtd
def test_what_is_the_labs_own_is_no_obstacle(
    virsh: Virsh, libvirt: Libvirt, lab: Lab, place: Place
) -> None:
    build(libvirt, place)
    check_free(virsh, lab, place)


@with_libvirtd
def test_only_the_labs_own_things_are_started(
    virsh: Virsh, libvirt: Libvirt, place: Place, tmp_path: Path
) -> None:
    move_in(libvirt, tmp_path)
    libvirt.domain("web-monitor", marked(place.mark))
    libvirt.domain("web-node9", marked(place.mark))
    libvirt.network("web-mgmt", metadata=marked(place.mark))

    # The lab of the definition has no such node any more.
    assert start_stopped(virsh, place.mark, place.domains.values()) == ["web-monitor"]

    assert running_domains(virsh, place.mark) == ["web-monitor"]
    assert virsh("list", "--name").split() == ["web-monitor"]
    assert virsh("net-list", "--name").split() == ["web-mgmt"]


def test_a_lab_knows_its_own_again_when_its_folder_is_lost(folder: LabFolder) -> None:
    mark = mark_of(folder)
    assert mark_of(LabFolder(folder.path)) == mark
    assert mark_of(LabFolder(folder.path.with_name("web-test"))) != mark


def test_nobody_elses_lab_of_the_same_name_has_the_mark(tmp_path: Path) -> None:
    ann, ben = (LabFolder(tmp_path / who / "labs" / "web") for who in ("ann", "ben"))
    assert mark_of(ann) != mark_of(ben)


@pytest.mark.parametrize(
    ("uri", "here"),
    [
        ("qemu:///system", True),
        ("qemu:///system?socket=/somewhere/libvirt-sock", False),
        ("qemu+ssh://root@server.example/system", False),
    ],
)
def test_routes_of_this_machine_count_where_the_libvirt_is_this_machines(
    uri: str, here: bool
) -> None:
    assert is_this_machine(uri) is here
