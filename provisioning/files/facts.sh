# What a machine is like. Arguments: folder of notes, fencing disk (empty: none), units, packages.
notes=$1 disk=$2 units=$3 packages=$4

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
    if [ -f "$note" ]; then
        echo "== note ${note##*/}"
        cat "$note"
        echo
    fi
done

echo "== corosync.conf"
if [ -f /etc/corosync/corosync.conf ]; then cat /etc/corosync/corosync.conf; fi
echo

echo "== firewall"
# In force, then what the next boot loads.
nft --stateless list table inet halab 2>/dev/null | sha256sum - /etc/halab/firewall.nft 2>/dev/null || :

if [ -n "$disk" ]; then
    echo "== fencing disk"
    if command -v sbd >/dev/null; then sbd -d "$disk" dump 2>/dev/null || :; fi
fi
