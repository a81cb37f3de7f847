#!/bin/sh
# Written by halab. Pacemaker's agent for nginx, and an end to workers that outlive their master:
# they keep the port, so that a start fails where the server was, and the service has to move.
agent=/usr/lib/ocf/resource.d/heartbeat/nginx

end_orphans() {
    # Whoever is init's child has lost its master. It is killed: a stopped one hears nothing else.
    while pkill -KILL --parent 1 --full '^nginx: (worker|cache)'; do sleep 0.1; done
}

case $1 in
start)
    end_orphans
    exec "$agent" start
    ;;
stop)
    "$agent" stop
    status=$?
    end_orphans
    exit "$status"
    ;;
*) exec "$agent" "$@" ;;
esac
