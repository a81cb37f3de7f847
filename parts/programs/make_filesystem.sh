# Defines `make_filesystem`. Its arguments: the device, a label, shell text that fills the folder
# that it gets as $1, mke2fs's extended options.
make_filesystem() {
    tree=$(mktemp -d)
    chmod 0755 "$tree"
    /bin/sh -euc "$3" fill "$tree"
    mke2fs -q -t ext4 -d "$tree" -L "$2" -i 65536 -J size=16 -E "$4" "$1"
    rm -rf "$tree"
    # It leaves out blocks of zeros, on which a database counts when the filesystem is full. Who
    # interrupts this leaves nothing mounted.
    mkdir "$tree"
    unshare --mount /bin/sh -eu -s "$1" "$tree" <<'END'
mount -t ext4 "$1" "$2"
# A process for each of a database's thousand files takes an emulated guest minutes.
find "$2" -type f -size +0 -print0 | python3 -c '
import os, sys
for path in sys.stdin.buffer.read().split(b"\0")[:-1]:
    with open(path, "r+b") as file:
        os.posix_fallocate(file.fileno(), 0, os.stat(path).st_size)
'
END
    rmdir "$tree"
}

