# Makes an empty database with one user, who comes from one address without a password, and a ledger
# for what it writes. Arguments: where, the server's configuration, the user, the database, the address.
place=$1 configuration=$2 user=$3 database=$4 client=$5
# Whoever looked before the filesystem was there saw none of the data that are in it.
mountpoint -q "${place%/*}" || {
    echo "${place%/*} is not mounted: there may be data in it" >&2
    exit 1
}
[ ! -d "$place/mysql" ] || exit 0
new=$place.new
rm -rf "$new"
install -d -m 0750 -o mysql -g mysql "$new"
rights=$(mktemp)
trap 'rm -f "$rights"' EXIT
# Without the first line nobody's rights are known, and none can be given.
cat >"$rights" <<END
FLUSH PRIVILEGES;
CREATE DATABASE $database;
CREATE USER $user@'$client';
GRANT ALL ON $database.* TO $user@'$client';
CREATE TABLE $database.ledger (
    entry VARCHAR(40) PRIMARY KEY,
    body TEXT NOT NULL,
    at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)
);
END
chmod 0644 "$rights"
mariadb-install-db --defaults-file="$configuration" --wsrep-on=OFF --datadir="$new" --user=mysql \
    --force --skip-test-db --auth-root-authentication-method=socket --extra-file="$rights" >/dev/null
sync -f "$new"
rm -rf "$place"
mv "$new" "$place"
