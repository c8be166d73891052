#!/usr/bin/env bash
# Says how to get cargo where it is missing.
set -euo pipefail

if ! command -v cargo >/dev/null 2>&1; then
    cat >&2 <<'MESSAGE'
cargo, Rust's build tool, is missing. Install Rust with rustup (see "Install Rust" on rust-lang.org), for instance

    apt-get install rustup && rustup default stable     (Debian 13, Ubuntu 24.04 and newer)
    dnf install rustup && rustup-init                   (Fedora)
    brew install rustup && rustup default stable        (macOS)

then run this command again.
MESSAGE
    exit 1
fi
if ! command -v cc >/dev/null 2>&1; then
    # shellcheck source=scripts/packages.sh
    . "$(dirname "$0")/packages.sh"
    install_packages "a C compiler (the linker that cargo uses)" "gcc libc6-dev" "gcc" "build-base" "gcc"
fi
