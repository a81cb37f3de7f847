# Makes all members of a running cluster take over the corosync.conf that each of them has. Arguments:
# numbers of the nodes that it names. A member that it does not name would go on with the old one.
for number in $(corosync-cmapctl runtime.members. |
    sed -n 's/^runtime\.members\.\([0-9]*\)\.status .* = joined$/\1/p'); do
    case " $* " in
    *" $number "*) ;;
    *)
        echo "node $number is a member, and corosync.conf does not name it" >&2
        exit 1
        ;;
    esac
done
corosync-cfgtool -R
