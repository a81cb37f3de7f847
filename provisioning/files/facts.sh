# shellcheck disable=SC2086 # Lists of words are arguments here.
# What a machine is like. Arguments: folder of notes, "node" for a node, units, packages, settings of
# the kernel (files below /proc/sys), shell text that prints what else is asked.
notes=$1 node=$2 units=$3 packages=$4 settings=$5 looks=$6

echo "== system"
# shellcheck source=/dev/null
. /etc/os-release
echo "$ID ${VERSION_ID:-}"

echo "== hostname"
cat /proc/sys/kernel/hostname

echo "== packages"
# It fails when a package was never heard of; what it prints is right all the same.
dpkg-query --show --showformat '${db:Status-Status} ${Package}\n' $packages 2>/dev/null || :

echo "== units"
systemctl show --property Id,ActiveState,UnitFileState $units

for note in "$notes"/*; do
    # Other things lie there too, among them a filesystem in a file; no note's name has a dot.
    if [ -f "$note" ] && [ "${note##*.}" = "$note" ]; then
        echo "== note ${note##*/}"
        cat "$note"
        echo
    fi
done

echo "== corosync.conf"
if [ -f /etc/corosync/corosync.conf ]; then cat /etc/corosync/corosync.conf; fi
echo

echo "== kernel"
grep --with-filename . $settings || :

echo "== digests"
# Of the firewall's rules in force (-) and of files that daemons read once, when they start.
nft --stateless list table inet halab 2>/dev/null |
    sha256sum - /etc/halab/firewall.nft /etc/corosync/authkey \
        /etc/corosync/qnetd/nssdb/*.db /etc/corosync/qdevice/net/nssdb/*.db 2>/dev/null || :

eval "$looks"

if [ -n "$node" ]; then
    # A daemon that hangs is no reason to know nothing else.
    echo "== members"
    if systemctl is-active --quiet corosync; then
        timeout 20 corosync-cmapctl runtime.members. 2>/dev/null || :
    fi

    echo "== cib"
    if systemctl is-active --quiet pacemaker; then
        timeout 20 cibadmin --query --local 2>/dev/null || :
    fi
fi
