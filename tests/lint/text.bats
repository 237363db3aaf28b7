# Scripts, man pages, the code map and the tarball.

setup()
{
    cd "${DJ_SRCDIR:-$BATS_TEST_DIRNAME/../..}" || return
}

needs()
{
    command -v "$1" > /dev/null && return 0
    if [ -n "${DJ_STRICT-}" ]; then
        echo "$1 is not installed" >&2
        return 1
    fi
    skip "$1 is not installed"
}

in_git()
{
    git -c safe.directory='*' rev-parse --is-inside-work-tree > /dev/null 2>&1 ||
        skip "not a clone"
    [ "$(git -c safe.directory='*' rev-parse --show-prefix)" = "" ] || skip "not a clone"
}

@test "scripts are clean under shellcheck" {
    needs shellcheck
    shellcheck quickstart autogen.sh run.in fs/mount.fuse.djfs.in .ci/run \
        tests/fuzz/run-fuzz.sh tests/helper/run-test
    shellcheck -s bash contrib/completion/dj
    find tests -name '*.bash' -exec shellcheck -x -e SC2034,SC2154 {} +
    find tests -name '*.bats' -exec shellcheck -s bats -x -S warning \
        -e SC1091,SC2314,SC2315,SC2154,SC2034,SC2030,SC2031,SC1010 {} +
    find bench examples \( -name '*.sh' -o -name run -o -name plot \) -exec shellcheck {} +
}

@test "man pages are clean mdoc" {
    needs mandoc
    local pages
    mapfile -t pages < <(find man -name '*.[1-9]')
    [ "${#pages[@]}" -gt 0 ]
    mandoc -Tlint -Wwarning "${pages[@]}" >&2
}

# The code map of DESIGN.md names files as `daemon/loop.c`, or `daemon/loop.[ch]` for both.
mapped()
{
    sed -n '/^## Code map/,$p' DESIGN.md |
        grep -oE '(lib|daemon|fs|cli|python)/[A-Za-z0-9_/.-]+\.(\[ch\]|def|c|h|py)' |
        sed -E 's/^(.*)\.\[ch\]$/\1.c\n\1.h/' | sort -u
}

# A header is a part of the source file of its name.
without_headers()
{
    awk '{ name[NR] = $0; has[$0] = 1 }
        END { for (i = 1; i <= NR; i++) {
            source = name[i]
            if (sub(/\.h$/, ".c", source) && has[source])
                continue
            print name[i]
        } }'
}

@test "DESIGN.md's code map names each file once" {
    local twice
    twice=$(sed -n '/^## Code map/,$p' DESIGN.md | sed -n 's/^- \([^:]*\):.*/\1/p' | sort | uniq -d)
    [ -z "$twice" ] || { echo "$twice" >&2; false; }
}

@test "DESIGN.md's code map has every source file and no other" {
    diff <(mapped | without_headers) \
        <(find lib daemon fs cli python \( -name '*.[ch]' -o -name '*.def' -o -name '*.py' \) | sort | without_headers) >&2
}

@test "the tarball has every file that git knows" {
    in_git
    [ -f "${DJ_BUILDDIR:-.}/Makefile" ] || skip "not configured"
    diff <(env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C "$DJ_BUILDDIR" print-dist |
        while read -r entry; do
            if [ -d "$entry" ]; then find "$entry" -type f; else echo "$entry"; fi
        done | sort -u) \
        <(git -c safe.directory='*' ls-files | grep -vE '^\.git(ignore|attributes)$' | sort) |
        sed -n 's/^> /not in the tarball: /p' > "$BATS_TEST_TMPDIR/missing"
    cat "$BATS_TEST_TMPDIR/missing" >&2
    [ ! -s "$BATS_TEST_TMPDIR/missing" ]
}
