#!/usr/bin/env bash
# Runs a command beside a Postgres of its own, which is gone afterwards:
#
#   tests/postgres.sh cargo nextest run -E 'test(server_)'
#
# The command finds it in SCRY_TEST_POSTGRES; every test makes a database for itself. What stops and starts it is
# in SCRY_TEST_POSTGRES_CTL. It listens on a Unix socket only and trades durability for speed, because nothing in it
# has to outlive the command; with SCRY_POSTGRES=durable it stores as it does by default, for measuring.
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
{
    echo "listen_addresses = ''"
    echo "unix_socket_directories = '$home'"
    echo "max_connections = 400"
    echo "shared_buffers = 64MB"
    if [ "${SCRY_POSTGRES:-}" != durable ]; then
        printf '%s = off\n' fsync full_page_writes synchronous_commit
    fi
} >>"$home/data/postgresql.conf"
"${as[@]}" "$programs/pg_ctl" -D "$home/data" -w -t 60 -l "$home/server.log" start >/dev/null || { cat "$home"/*log >&2; exit 1; }

cd "$OLDPWD"
export SCRY_TEST_POSTGRES="postgres://scry@localhost/postgres?host=$home"
export SCRY_TEST_POSTGRES_CTL="${as[*]} $programs/pg_ctl -D $home/data -w -l $home/server.log"
"$@"
