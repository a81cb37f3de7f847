#!/bin/sh
# Written by halab. Gives a cluster node room on its root disk that nobody else can fill, for what it
# must write to go on: the number of corosync's ring, without which corosync ends, and the cluster's
# configuration, which Pacemaker writes no more after a single failure. Argument: the node's number.
set -eu
number=$1
image=/var/lib/halab/reserve.img place=/var/lib/halab/reserve

# A hundred old configurations of 50 KiB, their digests, and a journal.
size_mib=16

make() {
    mkdir -p "$place"
    rm -f "$image.new"
    # Written out, not merely allocated: no block has to be found later.
    dd if=/dev/zero of="$image.new" bs=1M count="$size_mib" conv=fsync status=none
    mke2fs -q -t ext4 -m 0 -J size=4 \
        -E nodiscard,lazy_itable_init=0,lazy_journal_init=0 "$image.new"
    mount -o loop,noatime "$image.new" "$place"
    install -d -o hacluster -g haclient -m 0750 "$place/cib"
    mv "$image.new" "$image"
}

keep_in_reserve() {
    inside=$place/${1##*/}
    if [ -e "$1" ]; then
        cp -a "$1" "$place"
        sync
        ln -sfn "$inside" "$1.halab-new"
        # In one step: daemons may be at work.
        mv --exchange --no-target-directory "$1.halab-new" "$1"
        rm -r "$1.halab-new"
    else
        ln -s "$inside" "$1"
    fi
}

if [ -e "$image" ]; then mount -o loop,noatime "$image" "$place"; else make; fi
for loop in /sys/block/loop*/loop/backing_file; do
    # Who trims filesystems would give the room away; no reason to keep a node from its cluster.
    if read -r file <"$loop" && [ "${file%.new}" = "$image" ]; then
        echo 0 >"${loop%/loop/backing_file}/queue/discard_max_bytes" || :
    fi
done
for path in /var/lib/pacemaker/cib "/var/lib/corosync/ringid_$number"; do
    [ -L "$path" ] || keep_in_reserve "$path"
done
