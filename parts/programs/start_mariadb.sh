#!/bin/sh
# Written by halab. Stands for mysqld_safe, which would start a server that was killed again beside
# Pacemaker. Like it, it looks first how far the server had come: who knows that can be sent what it
# has missed, and else needs a whole copy. Arguments: the server's.
set -eu
server=/usr/sbin/mariadbd
# Just that is asked.
case " $* " in *" --wsrep-recover "*) exec "$server" "$@" ;; esac
told=$("$server" "$@" --wsrep-recover --disable-log-error 2>&1) || :
position=$(printf '%s\n' "$told" | sed -n 's/.*WSREP: Recovered position: *//p' | tail -n 1)
exec "$server" "$@" ${position:+"--wsrep-start-position=$position"}
