#!/bin/sh
# Installs packages of Debian, Ubuntu and their kin for halab, as root:
# install-packages.sh BACKPORTS PACKAGE...
# BACKPORTS is the suite to take the hypervisor and Go from, or empty.
#
# The host stays as it is: no other package is upgraded for the sake of these, and a libvirt that
# was not here before is neither started nor enabled, because halab runs one of its own.
set -eu

backports=$1
shift

export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 LANGUAGE=
# needrestart would restart services of the host.
export NEEDRESTART_SUSPEND=1

# What libvirt's packages start or enable, from Debian's 9.0 (whose daemons Ubuntu 24.04 has, too)
# to 12.8.
LIBVIRT_UNITS="libvirtd.service libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket
    virtlogd.service virtlogd.socket virtlogd-admin.socket
    virtlockd.service virtlockd.socket virtlockd-admin.socket libvirt-guests.service"

# apt waits for dpkg's lock by itself, but not for that of its lists.
LOCK_TIMEOUT_S=300

# What backports are for. A pin keeps apt from taking anything else from there, unlike
# --target-release, which upgrades the host's systemd on the way.
BACKPORTED="src:qemu src:libvirt src:seabios src:golang-defaults src:golang-1.23"

scratch=$(mktemp -d)
new_libvirt=yes
for folder in /lib /usr/lib /etc; do
    for unit in libvirtd.service virtqemud.service; do
        [ ! -e "$folder/systemd/system/$unit" ] || new_libvirt=no
    done
done

# Masks below /run do not outlive a reboot, should this script be killed.
mask() {
    [ -d /run/systemd/system ] || return 0
    # shellcheck disable=SC2086
    systemctl --quiet --runtime mask $LIBVIRT_UNITS
}

disable() {
    command -v systemctl >/dev/null || return 0
    if [ -d /run/systemd/system ]; then
        # shellcheck disable=SC2086
        systemctl --quiet --runtime unmask $LIBVIRT_UNITS || true
    fi
    for unit in $LIBVIRT_UNITS; do
        [ ! -e "/lib/systemd/system/$unit" ] || systemctl --quiet disable "$unit" || true
    done
}

clean_up() {
    rm -rf "$scratch"
    [ "$new_libvirt" = no ] || disable
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

cp /etc/apt/preferences "$scratch/preferences" 2>/dev/null || : >"$scratch/preferences"
if [ -n "$backports" ]; then
    if ! apt-cache policy | grep -q "n=$backports,"; then
        release=${backports%-backports}
        # shellcheck disable=SC2016
        mirror=$(apt-get indextargets --format '$(REPO_URI)' \
            'Created-By: Packages' 'Origin: Debian' "Codename: $release" | head -n 1)
        echo "Adding $backports to the package sources"
        cat >/etc/apt/sources.list.d/halab-backports.sources <<SOURCE
# Made by halab: Debian $release's own QEMU is too old for its labs.
Types: deb
URIs: ${mirror:-http://deb.debian.org/debian}
Suites: $backports
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
SOURCE
    fi
    {
        printf 'Package: %s\nPin: release n=%s\nPin-Priority: 990\n\n' "$BACKPORTED" "$backports"
        cat "$scratch/preferences"
    } >"$scratch/pinned"
    mv "$scratch/pinned" "$scratch/preferences"
fi
# The _apt user reads it.
chmod 755 "$scratch"

apt() {
    apt-get --quiet --yes -o DPkg::Lock::Timeout="$LOCK_TIMEOUT_S" \
        -o "Dir::Etc::Preferences=$scratch/preferences" -o Dpkg::Use-Pty=0 "$@" </dev/null
}

# An earlier run that was killed in the middle of dpkg leaves a journal, and apt then refuses.
[ -z "$(ls /var/lib/dpkg/updates 2>/dev/null)" ] || dpkg --configure -a

# A system that has just been started updates its lists by itself, and holds their lock meanwhile.
update() {
    deadline=$(($(date +%s) + LOCK_TIMEOUT_S))
    while ! apt update >"$scratch/update" 2>&1; do
        if ! grep -q 'lists/lock' "$scratch/update" || [ "$(date +%s)" -ge "$deadline" ]; then
            cat "$scratch/update"
            return 1
        fi
        echo "Waiting for another program that updates the package lists"
        sleep 3
    done
    cat "$scratch/update"
}

# A broken third-party source is none of our business while the system's own are fine.
update || echo "Some package sources could not be read"
unknown=
for package; do
    apt-cache show "$package" >/dev/null 2>&1 || unknown="$unknown $package"
done
if [ -n "$unknown" ]; then
    echo "No package source of this system has:$unknown"
    echo "(much of what halab needs is in Ubuntu's part universe: sudo add-apt-repository universe)"
    exit 100
fi
[ "$new_libvirt" = no ] || mask
apt install --no-install-recommends "$@"
