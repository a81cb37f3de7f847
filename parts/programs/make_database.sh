# Makes an empty database cluster with one user and one database. Arguments: where, PostgreSQL's
# programs, the user, the database.
place=$1 programs=$2 user=$3 database=$4
install -d -m 0700 -o postgres -g postgres "$place"
as_postgres() {
    setpriv --reuid postgres --regid postgres --init-groups --reset-env "$@"
}
cd /
# What is made here is copied into the filesystem and synced there.
as_postgres "$programs/initdb" --pgdata="$place" --encoding=UTF8 --locale=C.UTF-8 --no-sync \
    --data-checksums --auth-local=peer --auth-host=reject >/dev/null
# Without a server: one statement a line, and no semicolon.
as_postgres "$programs/postgres" --single -D "$place" template1 >/dev/null <<END
CREATE ROLE $user LOGIN
CREATE DATABASE $database OWNER $user
END
