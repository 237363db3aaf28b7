# README.md as a newcomer types it: every command of the tour, and what it promises below.

load helper/djfs
load helper/python

setup()
{
    dj_setup
    unset DJ_CONNECT DJ_STORE
    export DJ_BUILD=${DJ_BUILDDIR:?} DJ_JOBS=2 PYTHONPATH=$DJ_BUILDDIR
    unset MAKEFLAGS MFLAGS MAKELEVEL
}

teardown()
{
    dj_teardown
}

# tour: what is typed and promised in README.md, the four blanks before each line taken away.
tour()
{
    sed -n '/^## Five minutes$/,/^## [^F]/s/^    //p' "${DJ_SRCDIR:?}/README.md"
}

# promised FILE GOT: whether GOT is what FILE promises; a line … stands for any number of lines.
promised()
{
    awk '
        BEGIN { n = m = 0 }
        FILENAME == ARGV[1] { want[++n] = $0; next }
        { got[++m] = $0 }
        # ends[j]: the lines of the promise up to here fit the first j lines.
        END {
            ends[0] = 1
            for (i = 1; i <= n; i++) {
                any = 0
                for (j = m; j >= 0; j--)
                    next_ends[j] = want[i] != "…" && j > 0 && ends[j - 1] && got[j] == want[i]
                for (j = 0; j <= m; j++) {
                    any = any || ends[j]
                    if (want[i] == "…")
                        next_ends[j] = any
                }
                for (j = 0; j <= m; j++)
                    ends[j] = next_ends[j]
            }
            exit !ends[m]
        }' "$1" "$2"
}

@test "a promise is compared line by line, and … is any number of lines" {
    printf '…\n120\n…\n' > want
    printf 'a\nb\n120\nc\n' > got
    promised want got
    printf '120\n' > got
    promised want got
    printf 'a\n12\n' > got
    not promised want got
    printf '1\n2\n' > want
    printf '1\n2\n' > got
    promised want got
    printf '1\n2\n3\n' > got
    not promised want got
    : > want
    not promised want got
    : > got
    promised want got
}

@test "the tour of README.md, word by word" {
    requires_fuse
    local n=0 line
    tour > tour
    [ "$(grep -c '^\$ ' tour)" -ge 30 ]
    # One shell types it all, and ends the output of each command with a line of its own.
    {
        echo "exec 2>&1"
        while IFS= read -r line; do
            case $line in
            '$ '*)
                n=$((n + 1))
                printf '%s\n' "${line#'$ '}" "echo '== $n'"
                printf '%s\n' "${line#'$ '}" > "command.$n"
                : > "want.$n"
                ;;
            *) printf '%s\n' "$line" >> "want.$n" ;;
            esac
        done < tour
    } > typed
    (cd "$DJ_SRCDIR" && bash "$DJ_TMP/typed" < /dev/null > "$DJ_TMP/seen" 3>&-)
    awk -v n=1 '/^== / { close("got." n); n++; next } { print > ("got." n) }' seen
    n=$(grep -c '^\$ ' tour)
    local i wrong=0
    for ((i = 1; i <= n; i++)); do
        touch "got.$i"
        [[ $(< "command.$i") != *@(python3\ |cube)* ]] || ! beside_sanitizer || continue
        promised "want.$i" "got.$i" || {
            echo "README.md: $ $(cat "command.$i")"
            diff -U 100 "want.$i" "got.$i"
            wrong=1
        } >&2
    done
    [ "$wrong" -eq 0 ]
    wait_until no_daemon
}

@test "every path and every page that README.md names is there" {
    local name
    while read -r name; do
        [ -e "$DJ_SRCDIR/$name" ] || { echo "README.md names $name" >&2; return 1; }
    done < <(grep -oE '\b([A-Z]+\.md|(examples|tests)/[a-z.]+[a-z])' "$DJ_SRCDIR/README.md" | sort -u)
    while IFS='()' read -r name section; do
        [ -e "$DJ_SRCDIR/man/$name.$section" ] || { echo "README.md names $name($section)" >&2; return 1; }
    done < <(grep -oE '\bdj[a-z-]*\([1-8]\)' "$DJ_SRCDIR/README.md" | sort -u)
}
