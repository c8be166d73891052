# Throw-away servers with their data in a folder that goes with them. To be sourced.

folder=$(mktemp -d)
members=()

# Only what was started here is ended, each by its own id.
end_members() {
    trap - EXIT
    for member in ${members[@]+"${members[@]}"}; do
        kill "$member" 2>/dev/null || true
    done
    wait
    rm -rf "$folder"
}
trap end_members EXIT
trap 'exit 0' INT TERM

# is_free PORT: whether nobody listens there.
is_free() {
    ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# start_member NAME PORT LINES [FLAG]: starts a server with these lines in its file, and waits until it answers.
start_member() {
    local name=$1 port=$2 lines=$3 directory=$folder/$1
    mkdir "$directory"
    printf 'port %s\nbind 127.0.0.1\ndir %s\nlogfile log\n%s\n' "$port" "$directory" "$lines" >"$directory/conf"
    redis-server "$directory/conf" "${@:4}" &
    local started=$!
    members+=("$started")
    until [ "$(redis-cli -p "$port" PING 2>/dev/null)" = PONG ]; do
        if ! kill -0 "$started" 2>/dev/null; then
            cat "$directory/log" >&2
            echo "$name did not start on port $port" >&2
            exit 1
        fi
        sleep 0.1
    done
}

# until_says PATTERN COMMAND...: waits until what the command says has this pattern in it.
until_says() {
    local pattern=$1
    shift
    until "$@" 2>/dev/null | grep -q -- "$pattern"; do
        sleep 0.2
    done
}
