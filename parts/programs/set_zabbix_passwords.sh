# Gives Zabbix's accounts their passwords. Standard input: a comment with a digest of them, then the
# statements. Argument: the file that notes the digest.
note=$1
read -r _ digest
# Debian's psql is a Perl program that looks for this one.
for psql in /usr/lib/postgresql/*/bin/psql; do :; done
setpriv --reuid postgres --regid postgres --init-groups --reset-env \
    "$psql" -X -q -v ON_ERROR_STOP=1 -d zabbix -f -
mkdir -p "$(dirname "$note")"
printf '%s\n' "$digest" >"$note"
