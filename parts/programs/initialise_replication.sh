# Makes the replicated filesystem, once. Arguments: DRBD's name of it, its minor number, a label,
# file that notes it, the lab's name, shell text that fills the folder that it gets as $1.
resource=$1 minor=$2 label=$3 note=$4 lab=$5 fill=$6
device=/dev/drbd$minor

drbdadm wait-connect "$resource"
# Both sides were just created: declare their unwritten contents equal instead of copying them.
if grep -q "^ *$minor: .* ds:Inconsistent/Inconsistent " /proc/drbd; then
    drbdadm new-current-uuid --clear-bitmap "$resource/0"
    # What the other side said of itself while it connected may arrive only now, and DRBD believes
    # it. A new connection puts that right, as long as nothing is written.
    tries=5
    while [ "$tries" -gt 0 ]; do
        tries=$((tries - 1))
        sleep 0.2
        if grep -q "^ *$minor: .* ds:UpToDate/Inconsistent " /proc/drbd; then
            drbdadm disconnect "$resource"
            drbdadm connect "$resource"
            drbdadm wait-connect "$resource"
            tries=5
        fi
    done
fi
drbdadm primary "$resource"
if ! blkid --probe "$device" >/dev/null; then
    tree=$(mktemp -d)
    chmod 0755 "$tree"
    /bin/sh -euc "$fill" fill "$tree"
    # Everything is written now: nothing is left to trickle through replication later.
    mke2fs -q -t ext4 -d "$tree" -L "$label" -i 65536 -J size=16 \
        -E lazy_itable_init=0,lazy_journal_init=0,nodiscard "$device"
    rm -rf "$tree"
    # It leaves out blocks of zeros, on which a database counts when the filesystem is full. Who
    # interrupts this leaves nothing mounted.
    mkdir "$tree"
    unshare --mount /bin/sh -eu -s "$device" "$tree" <<'END'
mount -t ext4 "$1" "$2"
find "$2" -type f -size +0 -exec sh -c 'fallocate --length "$(stat --format %s "$1")" "$1"' room {} ';'
END
    rmdir "$tree"
fi
drbdadm secondary "$resource"
mkdir -p "${note%/*}"
echo "$lab" >"$note"
sync
