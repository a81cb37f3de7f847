# What a machine is like. Arguments: folder of notes, fencing disk and replicated disk (empty: no
# node), units, packages, settings of the kernel (files below /proc/sys).
notes=$1 disk=$2 data=$3 units=$4 packages=$5 settings=$6

echo "== system"
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

if [ -n "$disk" ]; then
    echo "== fencing disk"
    if command -v sbd >/dev/null; then sbd -d "$disk" dump 2>/dev/null || :; fi

    echo "== replication"
    grep '^ *0: ' /proc/drbd 2>/dev/null || :

    echo "== sizes"
    if grep -q '^ *0: .* ro:Primary/' /proc/drbd 2>/dev/null; then
        echo "disk $(blockdev --getsize64 "$data")"
        # In sectors of 512 bytes, whatever the disk's own are.
        echo "device $(cat /sys/block/drbd0/size)"
        # From s_blocks_count_lo to s_log_block_size in the superblock of ext4.
        echo "filesystem $(od -An -tu4 -j1028 -N24 /dev/drbd0 | tr '\n' ' ')"
    fi

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
