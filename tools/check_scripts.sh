#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every script parses, is executable, stops at errors, and prints its help. Usage: check_scripts.sh ROOT
set -euo pipefail
cd "$1"
bad=0
breach() {
    echo "$*"
    bad=$((bad + 1))
}
count=0
for script in scripts/* .ci/run tools/*.sh; do
    [ -f "$script" ] || continue
    count=$((count + 1))
    head -n 1 "$script" | grep -q '^#!.*bash' || [ "$script" = scripts/lib.sh ] || continue
    bash -n "$script" || breach "$script: does not parse"
    [ "$script" = scripts/lib.sh ] && continue
    [ -x "$script" ] || [ "${script%.sh}" != "$script" ] || breach "$script: not executable"
    grep -qE '^set -e?uo pipefail$' "$script" || breach "$script: does not stop at errors"
    case $script in
    scripts/*)
        help=$("$script" --help) || breach "$script: --help fails"
        case $help in "$script:"*) ;; *) breach "$script: its help does not begin with its name" ;; esac
        ;;
    esac
done
echo "scripts: $count looked at, $bad breaches"
[ $bad = 0 ]
