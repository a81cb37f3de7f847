# Arguments: a file of statements, which goes away; the file that notes what was set; what to note.
statements=$1 note=$2 digest=$3
setpriv --reuid postgres --regid postgres --init-groups --reset-env \
    psql -X -q -v ON_ERROR_STOP=1 -d zabbix -f "$statements"
rm "$statements"
mkdir -p "$(dirname "$note")"
echo "$digest" >"$note"
