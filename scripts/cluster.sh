#!/usr/bin/env bash
# Starts a Redis cluster for trying out, three primaries with a replica each, and ends it with Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")"
./install-redis.sh --tools
# shellcheck source=scripts/throw-away.sh
. ./throw-away.sh

ports=()
port=7000
while [ "${#ports[@]}" -lt 6 ]; do
    # The nodes speak with each other on a port of their own.
    if is_free "$port" && is_free "$((port + 10000))"; then
        ports+=("$port")
    fi
    port=$((port + 1))
done

addresses=()
for port in "${ports[@]}"; do
    start_member "$port" "$port" "cluster-enabled yes
cluster-node-timeout 2000
save \"\""
    addresses+=("127.0.0.1:$port")
done
redis-cli --cluster create "${addresses[@]}" --cluster-replicas 1 --cluster-yes >/dev/null
for port in "${ports[@]}"; do
    until_says "cluster_state:ok" redis-cli -p "$port" CLUSTER INFO
done

hosts=$(IFS=, && echo "${addresses[*]}")
cat <<TEXT
A cluster of six nodes is running, and goes with Ctrl-C:
  nodes    ${addresses[*]}
  look     redis-cli -c -p ${ports[0]} CLUSTER NODES
  URL      redis+cluster://$hosts
TEXT
wait
