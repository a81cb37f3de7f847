#!/bin/sh
# Written by halab. Gives a node's database room on the root disk that nobody else can fill, and that it
# cannot outgrow: a server that finds no room refuses what the others have accepted, and has to leave
# them. Arguments: where, and its size in MiB.
set -eu
place=$1 size_mib=$2
image=$place.img

make() {
    mkdir -p "$place"
    rm -f "$image.new"
    # To write where it was allocated alone needs next to no room, and ext4 keeps that back.
    fallocate -l "${size_mib}M" "$image.new"
    mke2fs -q -t ext4 -m 0 -J size=8 -E nodiscard "$image.new"
    sync -f "$image.new"
    mv "$image.new" "$image"
}

[ -e "$image" ] || make
mount -o loop,noatime "$image" "$place"
for loop in /sys/block/loop*/loop/backing_file; do
    # Who trims filesystems would give the room away; no reason to keep a node from its cluster.
    if read -r file <"$loop" && [ "$file" = "$image" ]; then
        echo 0 >"${loop%/loop/backing_file}/queue/discard_max_bytes" || :
    fi
done
