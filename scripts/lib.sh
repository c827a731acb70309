# SPDX-License-Identifier: Apache-2.0
# Shared by the scripts of this folder; sourced, never run.
# shellcheck shell=bash

CF_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CF_VENV=$CF_ROOT/build/venv

# say TEXT...: one line of progress with the seconds since the outermost script began.
export CF_EPOCH=${CF_EPOCH:-$(date +%s)}
say() {
    printf '[%4ds] %s\n' "$(($(date +%s) - CF_EPOCH))" "$*"
}

die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# time_share: from here on as most programs run. Under a real-time policy, which some build machines give to all they start, two busy
# processes keep every other one waiting for tenths of a second each time.
time_share() {
    case $(chrt -p $$ 2>/dev/null) in
    *SCHED_RR* | *SCHED_FIFO*) chrt -o -p 0 $$ || true ;;
    esac
}

# show_help FILE: prints the comment block at the top of a script (after its SPDX line) and exits.
show_help() {
    sed -n '3,/^[^#]/{/^#/!d;s/^# \{0,1\}//;p}' "$1"
    exit 0
}

# step TEXT CMD...: runs a command with its output in build/log/, shows one line, and the end of the log if it fails
# (STEP_TAIL lines of it).
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
    tail -n "${STEP_TAIL:-40}" "$log" | sed 's/^/    /'
    return 1
}

# need_root: asks for a password now, if one is needed, and says so when there is no way to become root.
need_root() {
    [ "$(id -u)" = 0 ] && return 0
    command -v sudo >/dev/null || die "installing packages needs root, and there is no sudo; run scripts/setup as root"
    sudo -n true 2>/dev/null || sudo -v || die "installing packages needs root"
}

# as_root CMD...: the command itself when root, else through sudo.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# installed PACKAGE: whether Debian has it here.
installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

apt_update() {
    as_root apt-get -o DPkg::Lock::Timeout=300 update
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -y --no-install-recommends install "$@"
}

# The number of compile jobs: all processors, unless CF_JOBS says otherwise.
jobs_count() {
    echo "${CF_JOBS:-$(nproc)}"
}

# The name of this machine's kind, part of cache folder names: a library built on one release is not used on another.
system_name() {
    local id=linux version=
    if [ -r /etc/os-release ]; then
        id=$(. /etc/os-release && echo "${ID:-linux}")
        version=$(. /etc/os-release && echo "${VERSION_ID:-${VERSION_CODENAME:-}}")
    fi
    echo "$id$version-$(uname -m)"
}

# curl_header STATE: writes the header with the admin token of a state folder to a file for curl -H @FILE, and prints its name. As an
# argument of a command the token could be seen by all users.
curl_header() {
    local file=$1/run/curl.header token
    token=$(<"$1/admin.token") || return 1
    (umask 077 && rm -f "$file" && printf 'Authorization: Bearer %s\n' "$token" >"$file") && echo "$file"
}

# cache_folder: prints the folder of libraries that these scripts have built; fails with a reason when there can be none, or when
# others than this user may have put something into it: what lies there is linked into the programs. cmake asks here, too.
cache_folder() {
    local base=${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}} foreign
    case $base in
    /*) ;;
    '') echo "neither HOME nor XDG_CACHE_HOME is set, so there is no cache folder" >&2; return 1 ;;
    *) echo "the cache folder $base is not an absolute path" >&2; return 1 ;;
    esac
    if [ -e "$base/coffer" ] || [ -L "$base/coffer" ]; then
        foreign=$(find -P "$base/coffer" \( ! -uid "$(id -u)" -o ! -type l -perm /022 \) -print -quit) || foreign=$base/coffer
        [ -z "$foreign" ] || { echo "$foreign is not this user's alone to write: look into it, and remove it" >&2; return 1; }
        [ -d "$base/coffer" ] && [ ! -L "$base/coffer" ] || { echo "$base/coffer is not a folder" >&2; return 1; }
    fi
    echo "$base/coffer"
}

# private_apt TYPE SUITE WORK: package lists of one suite (TYPE deb or deb-src) in the folder WORK, read from the mirror that this
# machine's apt is configured with and verified by apt against the Debian archive keyring. Nothing of the system's apt is
# changed. Sets PRIVATE_APT to the options that later apt-get calls need.
private_apt() {
    local type=$1 suite=$2 work=$3 keyring=/usr/share/keyrings/debian-archive-keyring.gpg codename uri
    [ -r "$keyring" ] || { echo "$keyring is missing (package debian-archive-keyring)"; return 1; }
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    uri=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
        awk -v c="$codename" '$1 == c { print $2; exit }')
    [ -n "$uri" ] || { echo "no mirror for $codename in the apt configuration"; return 1; }
    # What apt has verified must stay out of others' reach until it is unpacked. As root apt would download as a user of its own,
    # for whom the folders would have to be open; so it stays root.
    (umask 077 && mkdir -p "$work/lists/partial" "$work/archives/partial" "$work/get")
    echo "$type [signed-by=$keyring] $uri $suite main" >"$work/sources.list"
    PRIVATE_APT=(
        -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null
        -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null
        -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work" -o Dir::Cache::Archives="$work/archives"
        -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o Acquire::Languages=none
        -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false
        -o APT::Update::Error-Mode=any
    )
    [ "$(id -u)" != 0 ] || PRIVATE_APT+=(-o APT::Sandbox::User=root)
    # The machine's own hooks after an update (package-kit and the like) are no business of these private lists.
    printf '#clear APT::Update::Post-Invoke;\n#clear APT::Update::Post-Invoke-Success;\n' >"$work/apt.conf"
    PRIVATE_APT+=(-c "$work/apt.conf")
    apt-get "${PRIVATE_APT[@]}" update
}

# library_cached and what follows take the folder from CF_CACHE, which their caller sets to what cache_folder prints.
# library_cached NAME: says which version of a library these scripts have built; fails when none came to its end.
library_cached() {
    local current=$CF_CACHE/$1-current-$(system_name)
    [ -e "$current/complete" ] || return 1
    say "$1: $(cat "$current/complete")"
}

# library_keep NAME VERSION NEW NOTE: moves the folder NEW into the cache and makes it the current one.
library_keep() {
    local name=$1 prefix=$CF_CACHE/$1-$2-$(system_name) new=$3
    echo "$4" >"$new/complete"
    rm -rf "$prefix"
    mv "$new" "$prefix"
    ln -sfn "$(basename "$prefix")" "$CF_CACHE/$name-current-$(system_name)"
}

# A library that could not be had is not asked for again within a day, so that a build stays fast: note_failure NAME VERSION
# after a failure, recently_failed NAME VERSION before a try. CF_RETRY=1 asks again.
note_failure() {
    mkdir -p "$CF_CACHE" && touch "$CF_CACHE/$1-failed-$2-$(system_name)"
}
recently_failed() {
    [ "${CF_RETRY:-0}" = 0 ] && [ -n "$(find "$CF_CACHE" -maxdepth 1 -name "$1-failed-$2-$(system_name)" -mmin -1440 2>/dev/null)" ]
}
