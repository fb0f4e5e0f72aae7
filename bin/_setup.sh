# shellcheck shell=bash
# Sourced by the commands beside it: makes $ROOT/.venv from the lock files and sets $PYTHON.
#
#   . "$(dirname -- "$0")/_setup.sh"; smsgw_setup runtime|dev|bench
#
# `dev` holds everything of `runtime`, `bench` everything of `dev`. A stamp keyed by the lock's checksum makes the
# next start cheap; two commands started at once wait for each other. SMSGW_PYTHON picks another interpreter.

ROOT="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)"
VENV="$ROOT/.venv"
PYTHON="$VENV/bin/python"

_smsgw_fail() {
    printf '%s: %s\n' "${0##*/}" "$1" >&2
    shift
    [ "$#" -eq 0 ] || printf '    %s\n' "$@" >&2
    return 1
}

# The lock, what the editable install reads, and the place: a moved clone needs a new environment.
_smsgw_key() {
    {
        printf '%s\n' "$ROOT" && cat "$ROOT/requirements/$1.txt" "$ROOT/requirements/build.txt" "$ROOT/pyproject.toml" \
            "$ROOT/setup.py" "$ROOT"/smsgw/policy/*.c
    } | cksum
}

_smsgw_is_ready() {
    [ -x "$PYTHON" ] || return 1
    local have
    { read -r have < "$VENV/.smsgw-$1"; } 2>/dev/null || return 1
    [ "$have" = "$2" ]
}

# A name in PATH proves nothing (pyenv leaves shims that only print an error): it must run.
_smsgw_find_python() {
    local name found_without_venv=""
    for name in ${SMSGW_PYTHON:+"$SMSGW_PYTHON"} python3.11 python3.12 python3.13 python3; do
        "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || continue
        if "$name" -c 'import ensurepip, venv' >/dev/null 2>&1; then
            printf '%s\n' "$name"
            return 0
        fi
        found_without_venv="$name"
    done
    if [ -n "$found_without_venv" ]; then
        _smsgw_fail "$found_without_venv can't make virtual environments: its venv or pip is missing" \
            "apt install python3-venv    (Debian and Ubuntu), then run this again"
    else
        _smsgw_fail "needs Python 3.11, 3.12 or 3.13, and none of them runs here" \
            "apt install python3 python3-venv    (Debian 12, Ubuntu 24.04 or later)" \
            "or name one: SMSGW_PYTHON=/path/to/python3.12 bin/${0##*/}"
    fi
}

_smsgw_pip() {
    "$PYTHON" -m pip install -qq --no-input --disable-pip-version-check --no-warn-script-location "$@" >&2
}

_smsgw_install() {
    local kind="$1" base
    if ! "$PYTHON" -c 'import pip' >/dev/null 2>&1 || [ "$(cat "$VENV/.smsgw-root" 2>/dev/null)" != "$ROOT" ]; then
        base="$(_smsgw_find_python)" || return 1
        rm -rf -- "$VENV"
        "$base" -m venv "$VENV" >&2 || {
            _smsgw_fail "could not make $VENV with $base" "apt install python3-venv    (Debian and Ubuntu)"
            return 1
        }
        printf '%s\n' "$ROOT" > "$VENV/.smsgw-root"
    fi
    rm -f -- "$VENV"/.smsgw-runtime "$VENV"/.smsgw-dev "$VENV"/.smsgw-bench
    if ! { _smsgw_pip --require-hashes -r "$ROOT/requirements/$kind.txt" &&
        _smsgw_pip --require-hashes -r "$ROOT/requirements/build.txt" &&
        _smsgw_pip --no-deps --no-build-isolation -e "$ROOT"; }; then
        _smsgw_fail "could not install requirements/$kind.txt; pip's own message is above" \
            "Is the package index reachable? Behind a mirror, set it in pip's configuration."
        return 1
    fi
}

# Whether one of these kinds is installed as its lock says.
_smsgw_has_any() {
    local kind key
    for kind in "$@"; do
        [ -e "$VENV/.smsgw-$kind" ] || continue
        key="$(_smsgw_key "$kind")" || return 1
        _smsgw_is_ready "$kind" "$key" && return 0
    done
    return 1
}

smsgw_setup() {
    local kind="$1" key holders
    case "$kind" in
        runtime) holders=(dev runtime bench) ;;
        dev) holders=(dev bench) ;;
        *) holders=("$kind") ;;
    esac
    _smsgw_has_any "${holders[@]}" && return 0

    # Taken only when there is something to install; whoever waited finds it done.
    exec 9>"$ROOT/.venv.lock" || return 1
    if command -v flock >/dev/null 2>&1; then
        flock 9 || return 1
    fi
    if ! _smsgw_has_any "${holders[@]}"; then
        key="$(_smsgw_key "$kind")" || return 1
        printf 'Setting up .venv (%s), once …\n' "$kind" >&2
        _smsgw_install "$kind" || return 1
        printf '%s\n' "$key" > "$VENV/.smsgw-$kind"
    fi
    exec 9>&-
}
