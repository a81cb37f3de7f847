# Arguments: a file of statements, which goes away; a digest of them; the file that notes it.
statements=$1 digest=$2 note=$3
setpriv --reuid postgres --regid postgres --init-groups --reset-env \
    psql -X -q -v ON_ERROR_STOP=1 -d zabbix -f "$statements"
rm "$statements"
mkdir -p "$(dirname "$note")"
mv "$digest" "$note"
