#!/bin/sh
# run-fuzz.sh: runs each target of $DJ_FUZZ_TARGETS over its corpus and then for $DJ_FUZZ_SECONDS
# (2) with inputs made from it; speaks TAP. The seed is $DJ_FUZZ_SEED, else today's day, so that a
# series of CI runs does not look at the same inputs for ever and a find can be had again.
set -u

seconds=${DJ_FUZZ_SECONDS:-2}
seed=${DJ_FUZZ_SEED:-$(date +%Y%m%d)}
work=$(mktemp -d "${TMPDIR:-/tmp}/dj-fuzz.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
finds=${DJ_BUILDDIR:?}/tests/fuzz
count=0
status=0

# shellcheck disable=SC2086
set -- ${DJ_FUZZ_TARGETS:?}
for target; do
    count=$((count + 1))
    name=${target##*/}
    corpus=${DJ_SRCDIR:?}/tests/fuzz/corpus/${name#fuzz-}
    # The first folder is where libFuzzer puts what it finds interesting; the source stays as it is.
    mkdir "$work/$name"
    [ -d "$corpus" ] || corpus=$work/$name
    if (cd "$work" && "$DJ_BUILDDIR/$target" -seed="$seed" -max_total_time="$seconds" \
        "$work/$name" "$corpus") > "$work/$name.log" 2>&1; then
        echo "ok $count - $name: corpus and $seconds s, seed $seed"
    else
        echo "not ok $count - $name: corpus and $seconds s, seed $seed"
        tail -n 60 "$work/$name.log" | sed 's/^/# /'
        mkdir -p "$finds"
        for find in "$work"/crash-* "$work"/leak-* "$work"/timeout-* "$work"/oom-*; do
            [ -f "$find" ] || continue
            mv "$find" "$finds/"
            echo "# input kept: $finds/${find##*/}"
        done
        status=1
    fi
done
echo "1..$count"
exit $status
