# shellcheck shell=bash
# What the scripts that run stacks share: the compose program, a stack's names, and waiting. Sourced from
# the project's root. Does not say what a stack consists of: its compose.yaml does.
#
# HOWDAH_STACKS   the folder of the stacks' folders (services)
# HOWDAH_PROJECT  what a stack's containers, networks and volumes begin with (howdah)
# COMPOSE         the compose program, when it is not to be found by itself

stacks=${HOWDAH_STACKS:-services}

# Podman without its complaints about systemd, where that is not there; its exit status stays. Through a
# file, not a pipe: what watches over a container keeps standard error open as long as it lives.
podman() {
    local status=0 errors
    errors=$(mktemp)
    command podman "$@" 2>"$errors" || status=$?
    grep -v -E 'systemd|syslog' "$errors" >&2 || :
    rm -f "$errors"
    return "$status"
}
say() { echo "${0##*/}: $*"; }
die() {
    say "$*" >&2
    exit 1
}

compose_program() {
    if [ -n "${COMPOSE:-}" ]; then
        echo "$COMPOSE"
    elif [ -x target/containers/venv/bin/podman-compose ]; then
        echo "$PWD/target/containers/venv/bin/podman-compose"
    elif command -v podman-compose >/dev/null; then
        command -v podman-compose
    else
        die "there is no podman-compose; run scripts/containers-setup"
    fi
}

is_service() { [ -f "$stacks/$1/compose.yaml" ]; }
has_db() { grep -q '^  db:' "$stacks/$1/compose.yaml"; }
has_migrate() { grep -q '^  migrate:' "$stacks/$1/compose.yaml"; }
has_keeper() { grep -q '^  keeper:' "$stacks/$1/compose.yaml"; }
project() { echo "${HOWDAH_PROJECT:-howdah}-$1"; }

# compose SERVICE ARGUMENT...: what it does, and what Podman says of it where it fails.
compose() {
    local service=$1 program status=0 output
    shift
    program=$(compose_program) || exit 1
    output=$(cd "$stacks/$service" && timeout "${COMPOSE_TIMEOUT:-120}" "$program" -p "$(project "$service")" "$@" 2>&1) || status=$?
    [ "$status" = 0 ] || printf '%s\n' "$output" >&2
    return "$status"
}

# container SERVICE PART: the id of the stack's container, nothing when there is none.
container() {
    podman ps -aq --filter "label=com.docker.compose.project=$(project "$1")" \
        --filter "label=com.docker.compose.service=$2" 2>/dev/null | head -1
}

state() { podman inspect "$1" --format '{{.State.Status}}' 2>/dev/null; }
process_of() { podman inspect "$1" --format '{{.State.Pid}}'; }

# within SECONDS COMMAND...: whether the command succeeds before they have passed.
within() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.2
    done
}

# Asked by hand: without systemd nothing runs health checks by itself.
healthy() { timeout 10 podman healthcheck run "$1" >/dev/null 2>&1; }

# await SERVICE PART SECONDS: until it is healthy; where it ends or stays ill, its log and a failure.
await() {
    local service=$1 part=$2 end=$((SECONDS + $3)) id
    id=$(container "$service" "$part")
    [ -n "$id" ] || die "$service has no container $part"
    until healthy "$id"; do
        case "$(state "$id")" in
        exited | stopped | dead) break ;;
        esac
        [ "$SECONDS" -lt "$end" ] || break
        sleep 0.2
    done
    healthy "$id" && return
    say "$service's $part is $(state "$id") (exit code $(podman inspect "$id" --format '{{.State.ExitCode}}')) and not healthy; its log ends:" >&2
    podman logs --tail 20 "$id" 2>&1 | sed 's/^/    /' >&2
    return 1
}

# Without udev nothing gives a bridge a lasting address: it takes its ports' lowest, which changes when
# containers come and go, and the others have no name resolution until their neighbour tables age.
# An address that is set stays. Only root may, and only root's bridges need it.
pin() {
    [ "$(id -u)" = 0 ] || return 0
    local network bridge number
    for network in $(podman network ls -q --filter "label=com.docker.compose.project=$(project "$1")"); do
        bridge=$(podman network inspect "$network" --format '{{.NetworkInterface}}')
        number=$(printf '%s' "$network" | cksum | cut -d' ' -f1)
        ip link set "$bridge" address "$(printf '02:00:5e:%02x:%02x:%02x' $((number >> 16 & 255)) $((number >> 8 & 255)) $((number & 255)))" 2>/dev/null || :
    done
}

as_owner() { if [ "$(id -u)" = 0 ]; then "$@"; else podman unshare "$@"; fi; }
owned_by() { # owned_by USER[:GROUP] FILE: as the container's user sees it
    local owner=$1
    case $owner in *:*) ;; *) owner=$1:$1 ;; esac
    as_owner chown "$owner" "$2"
}
# The same new password in each file, each its user's alone.
secret() { # secret SERVICE NAME:USER...
    local directory=$stacks/$1/secrets pair password
    shift
    for pair in "$@"; do [ -e "$directory/${pair%:*}" ] && return; done
    (umask 077 && mkdir -p "$directory")
    password=$(head -c 24 /dev/urandom | base64 | tr '+/' '-_')
    for pair in "$@"; do
        (umask 077 && printf '%s\n' "$password" >"$directory/${pair%:*}")
        chmod 0400 "$directory/${pair%:*}"
        owned_by "${pair#*:}" "$directory/${pair%:*}"
    done
}
secrets() {
    has_db "$1" || return 0
    secret "$1" db_admin_password:70
    secret "$1" db_web_password:70 web_password:65532
    if has_migrate "$1"; then secret "$1" db_migrate_password:70 migrate_password:65532; fi
    if has_keeper "$1"; then keeper_secrets "$1"; fi
}
# What the keeper has: its login, the key that it seals with, the key that it signs with, and its folders. The
# one with the credential is written by the keeper (65533) and read by the service's group (65532).
keeper_secrets() {
    local directory=$stacks/$1/secrets folder mode
    for folder in published:2750 checkpoints:0700 operator:0700; do
        mode=${folder#*:} folder=$stacks/$1/kept/${folder%:*}
        [ -d "$folder" ] && continue
        mkdir -p "$folder"
        owned_by 65533:65532 "$folder"
        # After the owner: a change of that takes the bit for the group away.
        as_owner chmod "$mode" "$folder"
    done
    secret "$1" db_keeper_password:70 keeper_credential:65533
    if [ "$(stat -c %s "$directory/keeper_credential" 2>/dev/null || echo 0)" -lt 64 ]; then
        as_owner sh -c 'printf "{\"generation\":1,\"user\":\"%s_keeper_a\",\"password\":\"%s\"}\n" "$1" "$(cat "$2")" >"$2.new" &&
            chmod 0400 "$2.new" && chown 65533:65532 "$2.new" && mv "$2.new" "$2"' - "$1" "$directory/keeper_credential"
    fi
    if [ ! -e "$directory/keeper_key" ]; then
        (umask 077 && head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$directory/keeper_key")
        chmod 0400 "$directory/keeper_key"
        owned_by 65533:65532 "$directory/keeper_key"
    fi
    if [ ! -e "$directory/keeper_audit_key" ]; then
        # The program makes it, in the one folder that it may write in.
        podman run --rm --network none --user 65533:65532 --read-only --cap-drop ALL --security-opt no-new-privileges \
            --no-healthcheck -v "$(realpath "$stacks/$1/kept/checkpoints"):/made" "$(setting "$1" HOWDAH_IMAGE)" \
            audit key --name "howdah/$1" /made/key >"$stacks/$1/kept/audit_key.pub" || die "the key of the audit trail cannot be made"
        as_owner mv "$stacks/$1/kept/checkpoints/key" "$directory/keeper_audit_key"
        as_owner chmod 0400 "$directory/keeper_audit_key"
    fi
}

# setting SERVICE NAME: from the environment, else from the stack's .env.
setting() {
    local value=${!2:-}
    [ -n "$value" ] || value=$(sed -n "s/^$2=//p" "$stacks/$1/.env" 2>/dev/null | tail -1)
    echo "$value"
}
