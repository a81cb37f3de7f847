# Puts the files of an archive, which comes as standard input, in the place of those of a folder.
# Arguments: the folder, the name in it of a draft, and the names that stay. Until all is unpacked,
# for which there has to be room beside what is there, nothing goes.
place=$1 draft=$2
shift 2
new=$place/$draft
rm -rf "$new"
mkdir "$new"
trap 'rm -rf "$new"' EXIT
tar --extract --gzip --directory "$new"
for entry in "$place"/* "$place"/.[!.]* "$place"/..?*; do
    for kept in "$draft" "$@"; do
        if [ "$entry" = "$place/$kept" ]; then continue 2; fi
    done
    rm -rf "$entry"
done
find "$new" -mindepth 1 -maxdepth 1 -exec mv --target-directory "$place" {} +
chmod --reference "$new" "$place"
chown --reference "$new" "$place"
