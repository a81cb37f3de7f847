# Lets programs wait. `await MOST PAUSE CONDITION...` asks a function every PAUSE seconds until it is
# true, and ends the program after MOST seconds, with what the function left in $missing.
missing=
await() {
    most=$1 pause=$2
    shift 2
    # Clocks may jump; the time since boot does not.
    read -r now _ </proc/uptime
    end=$((${now%.*} + most))
    until "$@"; do
        read -r now _ </proc/uptime
        if [ "${now%.*}" -ge "$end" ]; then
            echo "$missing within $most s" >&2
            exit 1
        fi
        sleep "$pause"
    done
}
