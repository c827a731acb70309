#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ct_msan.sh ROOT: has MemorySanitizer look for branches and addresses that depend on secrets in core/crypto/ct.c and cf_ct_eq,
# without and with optimisation. Exit 77 (skipped) where clang has no MemorySanitizer.
set -euo pipefail
root=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo 'int main(void) { return 0; }' >"$work/probe.c"
clang -fsanitize=memory "$work/probe.c" -o "$work/probe" 2>/dev/null || { echo "no clang with MemorySanitizer"; exit 77; }
cd "$root"
# Newer compilers also report secrets that are merely passed on; to branch on them, or to use them as an address, is what counts.
passing=-fno-sanitize-memory-param-retval
clang -Werror -fsanitize=memory $passing "$work/probe.c" -o "$work/probe" 2>/dev/null || passing=
for level in -O0 -O2; do
    clang -std=gnu17 "$level" -g -fsanitize=memory $passing -fno-sanitize-recover=all -I. tests/unit/core/crypto/ct_msan.c \
        core/crypto/ct.c core/base/view.c -o "$work/ct"
    "$work/ct"
    if "$work/ct" leak 2>"$work/report" || ! grep -q use-of-uninitialized-value "$work/report"; then
        echo "a branch on a secret was not found at $level: the check is blind"
        exit 1
    fi
done
echo "no branch and no address depends on a secret"
