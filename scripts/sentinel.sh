#!/usr/bin/env bash
# Starts a Sentinel group for trying out, a primary with two replicas and three Sentinels, and ends it with Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")"
./install-redis.sh --tools
# shellcheck source=scripts/throw-away.sh
. ./throw-away.sh

# free_ports FIRST COUNT: so many free ports, from FIRST on.
free_ports() {
    local port=$1 count=$2
    while [ "$count" -gt 0 ]; do
        if is_free "$port"; then
            echo "$port"
            count=$((count - 1))
        fi
        port=$((port + 1))
    done
}

# One word each.
# shellcheck disable=SC2207
nodes=($(free_ports 7100 3)) sentinels=($(free_ports 27100 3))
primary=${nodes[0]}

start_member primary "$primary" 'save ""
repl-diskless-sync-delay 0'
for port in "${nodes[@]:1}"; do
    start_member "$port" "$port" "save \"\"
repl-diskless-sync-delay 0
replicaof 127.0.0.1 $primary"
done
# A Sentinel that starts later knows the replicas at once.
until_says "connected_slaves:2" redis-cli -p "$primary" INFO replication
for port in "${sentinels[@]}"; do
    start_member "sentinel-$port" "$port" "sentinel monitor main 127.0.0.1 $primary 2
sentinel down-after-milliseconds main 2000
sentinel failover-timeout main 10000
sentinel parallel-syncs main 1" --sentinel
done
for port in "${sentinels[@]}"; do
    until_says "sentinels=3" redis-cli -p "$port" INFO sentinel
done

hosts=$(printf ',127.0.0.1:%s' "${sentinels[@]}")
cat <<TEXT
A Sentinel group is running, and goes with Ctrl-C:
  servers    127.0.0.1:${nodes[0]} (primary) 127.0.0.1:${nodes[1]} 127.0.0.1:${nodes[2]}
  fail over  redis-cli -p ${sentinels[0]} SENTINEL FAILOVER main
  URL        redis+sentinel://${hosts#,}/main
TEXT
wait
