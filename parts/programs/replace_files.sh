# Puts the files of an archive, which comes as standard input, in the place of those of a folder.
# Arguments: the folder, and the names in it that stay. Until all has arrived nothing goes.
place=$1
shift
new=$place/.halab-import
rm -rf "$new"
mkdir "$new"
trap 'rm -rf "$new"' EXIT
tar --extract --gzip --directory "$new"
for entry in "$place"/* "$place"/.[!.]* "$place"/..?*; do
    for kept in .halab-import "$@"; do
        if [ "$entry" = "$place/$kept" ]; then continue 2; fi
    done
    rm -rf "$entry"
done
find "$new" -mindepth 1 -maxdepth 1 -exec mv --target-directory "$place" {} +
