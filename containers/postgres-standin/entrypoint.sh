#!/bin/sh
# The parts of docker.io/library/postgres's entrypoint that a compose file relies on: POSTGRES_* and
# *_FILE, one initdb, one run of the scripts in /docker-entrypoint-initdb.d, stepping down from root,
# SCRAM over TCP. For tests only.
set -eu

from_file() { # from_file NAME DEFAULT: $NAME, or what is in the file that ${NAME}_FILE names
    eval "value=\${$1:-} file=\${$1_FILE:-}"
    if [ -n "$value" ] && [ -n "$file" ]; then
        echo "error: both $1 and $1_FILE are set (but are exclusive)" >&2
        exit 1
    fi
    if [ -z "$value" ] && [ -n "$file" ]; then value=$(cat "$file"); fi
    export "$1=${value:-$2}"
    unset "$1_FILE"
}

case "${1:-}" in '' | -*) set -- postgres "$@" ;; esac
[ "$1" = postgres ] || exec "$@"

if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA" /var/run/postgresql
    find "$PGDATA" /var/run/postgresql ! -user postgres -exec chown postgres {} +
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi
mkdir -p "$PGDATA"
chmod 0700 "$PGDATA" || :

if [ -s "$PGDATA/PG_VERSION" ]; then
    echo "PostgreSQL Database directory appears to contain a database; Skipping initialization"
    exec "$@"
fi

from_file POSTGRES_PASSWORD ''
from_file POSTGRES_USER postgres
from_file POSTGRES_DB "$POSTGRES_USER"
from_file POSTGRES_INITDB_ARGS ''
if [ -z "$POSTGRES_PASSWORD" ] && [ "${POSTGRES_HOST_AUTH_METHOD:-}" != trust ]; then
    echo "Error: Database is uninitialized and superuser password is not specified." >&2
    exit 1
fi

# As the real one does: PGHOST of the container's environment does not count.
sql() { PGHOST=/var/run/postgresql psql -v ON_ERROR_STOP=1 --no-psqlrc --no-password -U "$POSTGRES_USER" "$@"; }
# shellcheck disable=SC2086 # a list of arguments
printf '%s\n' "$POSTGRES_PASSWORD" |
    initdb -D "$PGDATA" --username="$POSTGRES_USER" --pwfile=/dev/stdin \
        -c unix_socket_directories=/var/run/postgresql $POSTGRES_INITDB_ARGS
printf '\nhost all all all %s\n' "${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >>"$PGDATA/pg_hba.conf"

# The server that runs the scripts listens on its socket only, so that nobody takes it for ready.
export PGPASSWORD="$POSTGRES_PASSWORD"
shift # `postgres`
pg_ctl -D "$PGDATA" -o "$* -c listen_addresses=''" -w start
if [ "$POSTGRES_DB" != postgres ]; then
    printf 'CREATE DATABASE :"name";\n' | sql -d postgres -v name="$POSTGRES_DB"
fi
for script in /docker-entrypoint-initdb.d/*; do
    case "$script" in
    *.sh)
        echo "$0: running $script"
        # shellcheck disable=SC1090 # it is the user's
        if [ -x "$script" ]; then "$script"; else . "$script"; fi
        ;;
    *.sql) echo "$0: running $script" && sql -d "$POSTGRES_DB" -f "$script" ;;
    *.sql.gz) echo "$0: running $script" && gunzip -c "$script" | sql -d "$POSTGRES_DB" ;;
    '/docker-entrypoint-initdb.d/*') ;;
    *) echo "$0: ignoring $script" ;;
    esac
done
pg_ctl -D "$PGDATA" -m fast -w stop
unset PGPASSWORD POSTGRES_PASSWORD
echo "PostgreSQL init process complete; ready for start up."
exec postgres "$@"
