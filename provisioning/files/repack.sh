#!/bin/sh
# Packs installed packages as they are on this machine, so that they can be installed again. Arguments:
# the folder for them, their names. What the machine has deleted of them, as documentation, is left out.
folder=$1
shift
mkdir -p "$folder"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for name; do
    root=$work/root
    rm -rf "$root"
    mkdir -m 0755 "$root" "$root/DEBIAN"
    # A diverted path is followed by a line of words; /bin, /sbin and /lib lead into /usr in Debian 13.
    dpkg-query --listfiles "$name" |
        sed -nE -e 's#^/(s?bin|lib[^/]*)(/|$)#/usr/\1\2#' -e 's#^/([^.].*)#\1#p' |
        while read -r path; do
            if [ -e "/$path" ] || [ -L "/$path" ]; then printf '%s\n' "$path"; fi
        done >"$work/files"
    tar --create --directory / --no-recursion --verbatim-files-from --files-from "$work/files" |
        tar --extract --directory "$root" --preserve-permissions --same-owner
    dpkg-query --status "$name" | awk '
        /^(Status|Conffiles|Config-Version):/ { skip = 1; next }
        /^[^ ]/ { skip = 0 }
        !skip' >"$root/DEBIAN/control"
    dpkg-query --show --showformat '${Conffiles}\n' "$name" | while read -r path _ obsolete; do
        if [ -z "$obsolete" ] && [ -n "$path" ] && [ -e "$root$path" ]; then printf '%s\n' "$path"; fi
    done >"$root/DEBIAN/conffiles"
    dpkg-query --control-path "$name" | while read -r path; do
        case $path in *.md5sums | *.conffiles | *.list) continue ;; esac
        cp -p "$path" "$root/DEBIAN/${path##*.}"
    done
    # Packed to be unpacked on the same machine: nothing is gained by compression.
    dpkg-deb --build -Znone "$root" "$folder" >/dev/null
done
