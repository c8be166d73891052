# Installs packages with whatever package manager the machine has. To be sourced.

# say MESSAGE: tells what is about to happen.
say() {
    printf '==> %s\n' "$*" >&2
}

# as_root COMMAND...: runs a command as root, with sudo where needed.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        say "not root and no sudo here; please run as root: $*"
        return 1
    fi
}

# package_manager: the name of the one this machine has.
package_manager() {
    for manager in apt-get dnf apk brew; do
        if command -v "$manager" >/dev/null 2>&1; then
            echo "$manager"
            return
        fi
    done
}

# install_packages WHAT APT DNF APK BREW: installs WHAT; the other arguments are the names that it has
# with each package manager, several separated by spaces.
install_packages() {
    local what=$1 apt=$2 dnf=$3 apk=$4 brew=$5
    # Names are separated by spaces on purpose.
    # shellcheck disable=SC2086
    case "$(package_manager)" in
        apt-get)
            say "installing $what: apt-get install $apt"
            as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q </dev/null
            without_starting_services as_root env DEBIAN_FRONTEND=noninteractive \
                apt-get install -y -q --no-install-recommends $apt </dev/null
            ;;
        dnf)
            say "installing $what: dnf install $dnf"
            as_root dnf install -y $dnf </dev/null
            ;;
        apk)
            say "installing $what: apk add $apk"
            as_root apk add $apk </dev/null
            ;;
        brew)
            say "installing $what: brew install $brew"
            brew install $brew </dev/null
            ;;
        *)
            say "$what is missing, and none of apt-get, dnf, apk, brew is here to install it; please install it by hand"
            return 1
            ;;
    esac
}

# without_starting_services COMMAND...: Debian starts a service on installation (a Redis on port 6379, which
# nobody asked for); a policy file holds it back for the time of the command. An existing policy stays.
without_starting_services() {
    local policy=/usr/sbin/policy-rc.d status=0
    if [ -e "$policy" ]; then
        "$@"
        return
    fi
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
    "$@" || status=$?
    as_root rm -f "$policy"
    return "$status"
}
