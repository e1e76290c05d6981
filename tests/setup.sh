#!/usr/bin/env bash
# Makes sure that what a make target needs is there: says what it is about to install and installs it, with apt where
# there is apt. With SCRY_NO_INSTALL=1 it installs nothing, says what is missing, and fails.
#
#   tests/setup.sh build       what compiling needs
#   tests/setup.sh nodejs      what the tests against the official Socket.IO client and over TLS need
#   tests/setup.sh servers     what the tests of several nodes need: Postgres, Redis and nginx
#   tests/setup.sh shells      what the tests of completion need: fish and zsh
#   tests/setup.sh cargo-deny  the checker of licenses and sources
#   tests/setup.sh typos       the spell checker
set -euo pipefail

has() { command -v "$1" >/dev/null 2>&1; }

# announce DESCRIPTION HOW : says what is about to be installed; stops where nothing may be.
announce() {
    if [ "${SCRY_NO_INSTALL:-}" = 1 ]; then
        echo "missing: $1. SCRY_NO_INSTALL is set, so it is not installed; install it with: $2" >&2
        exit 1
    fi
    echo "installing $1: $2" >&2
}

# need DESCRIPTION PACKAGES... : installs Debian packages, or names what is missing and stops.
need() {
    local what=$1
    shift
    if ! has apt-get; then
        echo "missing: $what. Install it with your package manager (on Debian: apt-get install $*)." >&2
        exit 1
    fi
    announce "$what" "apt-get install $*"
    local sudo=()
    if [ "$(id -u)" != 0 ]; then
        has sudo || { echo "missing: $what. Run as root: apt-get install $*" >&2; exit 1; }
        sudo=(sudo)
    fi
    "${sudo[@]}" apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq "$@" >&2
}

case "${1:-}" in
build)
    has cargo || { echo "missing: Rust. See https://rustup.rs (the version is in Cargo.toml)." >&2; exit 1; }
    has cc || need "a C compiler" build-essential
    { has pkg-config && pkg-config --exists openssl; } || need "OpenSSL's headers" pkg-config libssl-dev
    ;;
nodejs)
    { has node && has npm; } || need "Node.js with npm" nodejs npm
    has openssl || need "OpenSSL's program, which makes certificates for the tests" openssl
    ;;
servers)
    { has postgres || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; } || need "Postgres" postgresql
    { has nginx || [ -x /usr/sbin/nginx ]; } || need "nginx" nginx-light
    { has redis-server && has redis-cli; } || need "Redis, version 7 or later" redis-server
    ;;
shells)
    { has fish && has zsh; } || need "the shells fish and zsh" fish zsh
    ;;
cargo-deny)
    has cargo-deny || {
        announce "cargo-deny, which checks licenses and sources" "cargo install --locked cargo-deny@0.20.2"
        cargo install --locked --quiet cargo-deny@0.20.2
    }
    ;;
typos)
    # Ready made from PyPI where there is Python, below target/; built otherwise.
    has typos || {
        announce "typos, the spell checker" "pip install typos==1.52.0 (into target/tools), else cargo install --locked typos-cli@1.52.0"
        { python3 -m venv target/tools && target/tools/bin/pip install --quiet typos==1.52.0; } >/dev/null 2>&1 ||
            cargo install --locked --quiet typos-cli@1.52.0
    }
    ;;
*)
    echo "usage: tests/setup.sh build|nodejs|servers|shells|cargo-deny|typos" >&2
    exit 2
    ;;
esac
