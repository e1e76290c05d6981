#!/usr/bin/env bash
# Runs a command beside a Postgres of its own, which is gone afterwards:
#
#   tests/postgres.sh cargo nextest run -E 'test(server_)'
#
# The command finds it in SCRY_TEST_POSTGRES; every test makes a database for itself. It listens on a
# Unix socket only and trades durability for speed: nothing in it has to outlive the command.
set -euo pipefail

programs=$(dirname "$(command -v postgres || ls /usr/lib/postgresql/*/bin/postgres 2>/dev/null | sort -V | tail -1)")
if [ ! -x "$programs/initdb" ]; then
    echo "missing: Postgres; tests/setup.sh servers installs it" >&2
    exit 1
fi

home=$(mktemp -d /tmp/scry-pg.XXXXXX)
# Postgres refuses to run as root.
as=()
if [ "$(id -u)" = 0 ]; then
    owner=$(id -un postgres 2>/dev/null || echo nobody)
    chown "$owner" "$home"
    as=(setpriv --reuid "$owner" --regid "$(id -g "$owner")" --clear-groups --)
fi
cd "$home"
chmod 755 "$home"

stop() {
    "${as[@]}" "$programs/pg_ctl" -D "$home/data" -m immediate -w stop >/dev/null 2>&1 || true
    rm -rf "$home"
}
trap stop EXIT
trap 'exit 130' INT TERM

"${as[@]}" "$programs/initdb" -D "$home/data" -U scry -A trust --no-sync >"$home/log" 2>&1 || { cat "$home"/*log >&2; exit 1; }
"${as[@]}" "$programs/pg_ctl" -D "$home/data" -w -t 60 -l "$home/server.log" start >/dev/null \
    -o "-c listen_addresses='' -c unix_socket_directories=$home -c fsync=off -c full_page_writes=off \
        -c synchronous_commit=off -c max_connections=400 -c shared_buffers=64MB" || { cat "$home"/*log >&2; exit 1; }

cd "$OLDPWD"
export SCRY_TEST_POSTGRES="postgres://scry@localhost/postgres?host=$home"
export SCRY_TEST_POSTGRES_CTL="${as[*]} $programs/pg_ctl -D $home/data"
"$@"
