#!/usr/bin/env bash
# Brings what the tests need: Redis with its tools, Node with npm, Python, and the client libraries in pinned
# versions inside this folder (.tools and tests/clients/node/node_modules). Runs again without harm.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/packages.sh
. scripts/packages.sh

scripts/install-redis.sh --tools

if ! command -v node >/dev/null 2>&1 || ! command -v npm >/dev/null 2>&1; then
    install_packages "Node.js" "nodejs npm" "nodejs npm" "nodejs npm" "node"
fi
if ! node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 18 ? 0 : 1)'; then
    say "the tests need Node.js 18 or newer, this is $(node --version); please update it"
    exit 1
fi

if ! command -v python3 >/dev/null 2>&1 || ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
    install_packages "Python" "python3 python3-venv" "python3 python3-pip" "python3 py3-pip" "python"
fi

if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
    say "the tests need Python 3.10 or newer, this is $(python3 --version); please update it"
    exit 1
fi

requirements=tests/clients/python/requirements.txt
if ! cmp -s "$requirements" .tools/python-installed; then
    say "installing the Python clients into .tools/venv"
    python3 -m venv .tools/venv
    .tools/venv/bin/python -m pip install --quiet --disable-pip-version-check -r "$requirements"
    cp "$requirements" .tools/python-installed
fi

lock=tests/clients/node/package-lock.json
if ! cmp -s "$lock" .tools/node-installed || [ ! -d tests/clients/node/node_modules ]; then
    say "installing the Node clients into tests/clients/node/node_modules"
    (cd tests/clients/node && npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund --loglevel=error)
    mkdir -p .tools
    cp "$lock" .tools/node-installed
fi
