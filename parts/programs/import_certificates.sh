# Makes an NSS database from a delivered key. Arguments: folder of the delivery, folder of the
# database, the authority's nickname, group that may read the database, file for the digest.
delivery=$1 database=$2 authority=$3 group=$4 note=$5

rm -rf "$database"
install -d -m 0750 -g "$group" "$database"
certutil -N -d "sql:$database" --empty-password
certutil -A -d "sql:$database" -n "$authority" -t CT,c,c -i "$delivery/authority.pem"
pk12util -i "$delivery/own.p12" -d "sql:$database" -W ''
chgrp "$group" "$database"/*
chmod 0640 "$database"/*
mkdir -p "${note%/*}"
sha256sum "$database"/*.db | cat "$delivery/digest" - >"$note"
rm -rf "$delivery"
