#!/bin/sh
# Makes a folder of packages, the argument, a source for apt.
cd "$1" || exit
for deb in ./*.deb; do
    dpkg-deb --field "$deb"
    printf 'Filename: %s\nSize: %s\nSHA256: %s\n\n' "$deb" "$(stat --format %s "$deb")" \
        "$(sha256sum "$deb" | cut -d ' ' -f 1)"
done >Packages
printf 'Origin: halab\nSuite: halab\nDate: %s\nSHA256:\n %s %s Packages\n' "$(LC_ALL=C date -u -R)" \
    "$(sha256sum Packages | cut -d ' ' -f 1)" "$(stat --format %s Packages)" >Release
