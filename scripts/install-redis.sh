#!/usr/bin/env bash
# Makes sure that a redis-server or valkey-server is there; with --tools also redis-cli and redis-benchmark.
set -euo pipefail
# shellcheck source=scripts/packages.sh
. "$(dirname "$0")/packages.sh"

have() {
    command -v "$1" >/dev/null 2>&1
}

missing() {
    if [ "${1:-}" = --tools ]; then
        # The tests drive these programs by name.
        ! have redis-server || ! have redis-cli || ! have redis-benchmark
    else
        ! have redis-server && ! have valkey-server
    fi
}

if missing "$@"; then
    install_packages "Redis" "redis-server redis-tools" "redis" "redis" "redis"
fi
if missing "$@"; then
    say "redis-server is still missing after its installation; please install Redis 6.2 or newer by hand"
    exit 1
fi
