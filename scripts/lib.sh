# SPDX-License-Identifier: Apache-2.0
# Shared by the scripts of this folder; sourced, never run.
# shellcheck shell=bash

CF_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CF_STARTED=$SECONDS
CF_CACHE=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/coffer
CF_VENV=$CF_ROOT/build/venv

# say TEXT...: one line of progress with the seconds since the script began.
say() {
    printf '[%4ds] %s\n' "$((SECONDS - CF_STARTED))" "$*"
}

die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# show_help FILE: prints the comment block at the top of a script (after its SPDX line) and exits.
show_help() {
    sed -n '3,/^[^#]/{/^#/!d;s/^# \{0,1\}//;p}' "$1"
    exit 0
}

# step TEXT CMD...: runs a command with its output in build/log/, shows one line, and the end of the log if it fails.
step() {
    local text=$1 began=$SECONDS log
    shift
    mkdir -p "$CF_ROOT/build/log"
    log=$CF_ROOT/build/log/$(printf '%s' "$text" | tr -cs 'A-Za-z0-9' '-').log
    say "$text ..."
    if "$@" >"$log" 2>&1; then
        say "$text: done in $((SECONDS - began)) s"
        return 0
    fi
    say "$text: FAILED after $((SECONDS - began)) s; the end of $log:"
    tail -n 40 "$log" | sed 's/^/    /'
    return 1
}

# as_root CMD...: the command itself when root, else through sudo.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo -n "$@" 2>/dev/null || sudo "$@"
    else
        die "this needs root, and there is no sudo: $*"
    fi
}

# The number of compile jobs: all processors, unless CF_JOBS says otherwise.
jobs_count() {
    echo "${CF_JOBS:-$(nproc)}"
}
