# Makes Zabbix's database with its schema, once; also in an image that is being built, where no
# systemd runs. Argument: the file that notes that it was done.
note=$1
if [ -e "$note" ]; then exit 0; fi
# The frontend complains on every page about a language that the system does not know.
localedef -i en_US -f UTF-8 en_US.UTF-8
version=$(find /usr/lib/postgresql -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -n | tail -n 1)
programs=/usr/lib/postgresql/$version/bin
data=/var/lib/postgresql/$version/main
share=/usr/share/zabbix-server-pgsql

as_postgres() { setpriv --reuid postgres --regid postgres --init-groups --reset-env "$@"; }
if [ ! -d "$data" ]; then pg_createcluster --locale C.UTF-8 --encoding UTF8 "$version" main; fi
if [ -d /run/systemd/system ]; then systemctl stop "postgresql@$version-main"; fi

# A server of its own, on a private socket: nobody else sees a half-made database, and without
# fsync the import takes seconds. What it leaves is synced below.
socket=$(mktemp -d)
chown postgres: "$socket"
options="-k $socket -c listen_addresses= -c ssl=off -c fsync=off -c full_page_writes=off"
options="$options -c wal_level=minimal -c max_wal_senders=0 -c max_wal_size=64MB"
options="$options -c config_file=/etc/postgresql/$version/main/postgresql.conf"
options="$options -c dynamic_shared_memory_type=mmap"
control() { as_postgres "$programs/pg_ctl" -s -w -t 120 -D "$data" "$@"; }
finish() {
    control stop -m fast 2>/dev/null || :
    rm -rf "$socket"
}
trap finish EXIT
control start -o "$options" -l "$socket/log" || { cat "$socket/log" >&2; exit 1; }

query() { as_postgres "$programs/psql" -h "$socket" -X -q -v ON_ERROR_STOP=1 "$@"; }
query -d postgres <<SQL
DROP DATABASE IF EXISTS zabbix;
DROP ROLE IF EXISTS zabbix;
CREATE ROLE zabbix LOGIN;
CREATE DATABASE zabbix OWNER zabbix ENCODING 'UTF8' LOCALE 'C.UTF-8' TEMPLATE template0;
SQL
{
    echo "SET ROLE zabbix; BEGIN;"
    zcat "$share/schema.sql.gz" "$share/images.sql.gz" "$share/data.sql.gz" |
        grep -v -x -e 'START TRANSACTION;' -e 'COMMIT;'
    # Everybody knows the passwords that Zabbix comes with; no hash is ever "*".
    echo "UPDATE users SET passwd = '*';"
    # Its own idea of a host to watch has no agent here. Its API takes half a minute of an emulated
    # monitor's first configuration to forget it; this is what the API leaves, but for its logs.
    cat <<SQL
CREATE TEMP VIEW its_hosts AS SELECT hostid FROM hosts WHERE host = 'Zabbix server';
CREATE TEMP VIEW its_items AS SELECT itemid FROM items NATURAL JOIN its_hosts;
CREATE TEMP TABLE its_triggers AS SELECT triggerid FROM functions NATURAL JOIN its_items;
CREATE TEMP TABLE its_sets AS SELECT hgsetid FROM host_hgset NATURAL JOIN its_hosts;
DELETE FROM functions WHERE triggerid IN (SELECT triggerid FROM its_triggers);
DELETE FROM trigger_tag WHERE triggerid IN (SELECT triggerid FROM its_triggers);
DELETE FROM triggers WHERE triggerid IN (SELECT triggerid FROM its_triggers);
DELETE FROM graphs WHERE graphid IN (SELECT graphid FROM graphs_items NATURAL JOIN its_items);
DELETE FROM item_preproc WHERE itemid IN (SELECT itemid FROM its_items);
DELETE FROM item_tag WHERE itemid IN (SELECT itemid FROM its_items);
DELETE FROM items WHERE itemid IN (SELECT itemid FROM its_items);
DELETE FROM sysmaps_elements WHERE elementtype = 0 AND elementid IN (SELECT hostid FROM its_hosts);
DELETE FROM hosts WHERE hostid IN (SELECT hostid FROM its_hosts);
DELETE FROM hgset WHERE hgsetid IN (SELECT hgsetid FROM its_sets);
SQL
    echo "COMMIT; RESET ROLE; ANALYZE;"
} | query -d zabbix >/dev/null

control stop -m fast
trap - EXIT
rm -rf "$socket"
mkdir -p "$(dirname "$note")"
echo "PostgreSQL $version" >"$note"
sync
