#!/bin/sh
# Written by halab. Has the kernel hand its records of clients to nfsdcld, which keeps them on the
# storage that moves. A server that starts gives nfsdcld a second to connect, and else keeps them in
# a folder of this node, where no other one finds them: then all locks are lost with the node.
tries=0
until find /proc/"$(pidof nfsdcld)"/fd -lname '*/nfsd/cld' 2>/dev/null | grep -q .; do
    tries=$((tries + 1))
    if [ "$tries" -gt 5 ]; then
        echo "the NFS server does not keep its records of clients with nfsdcld" >&2
        exit 1
    fi
    rpc.nfsd 0
    rpc.nfsd
done
