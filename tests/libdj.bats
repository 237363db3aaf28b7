# libdj as programs use it: blocking and many at once, misuse, a daemon that goes away, its examples;
# the functions are those of the header, the manual and the shared library.

load helper/djfs

setup_file()
{
    dj_setup
    cat > "$DJ_TMP/lib.sh" <<'END'
#DJ params = word
shout() { echo "$1" | tr a-z A-Z; }
END
    start_daemon --no-mount
    define_all
}

define_all()
{
    dj define mult a:int b:int -- sh -c 'echo $(($1 * $2))' sh '{a}' '{b}'
    dj define fails -- sh -c 'exit 7'
    dj define large -- head -c 3000000 /dev/zero
    cat > "$DJ_TMP/gate.ini" <<END
[gate]
command = sh -c 'echo at it >&2; until test -e "$DJ_TMP/open"; do sleep 0.02; done'
params = n:int
abandon = cancel
END
    dj define "$DJ_TMP/gate.ini"
}

teardown_file()
{
    touch "$DJ_TMP/open"
    dj_teardown
}

# checks GROUP ARGUMENT…: libdj-check without a "not ok", to its end.
checks()
{
    cd "$DJ_TMP" || return
    timeout $((60 * DJ_TIME_FACTOR)) "$DJ_BUILDDIR/tests/tools/libdj-check" "$@" > check.log 2>&1 3>&- ||
        { cat check.log >&2; return 1; }
}

@test "blocking calls: get, run, path, wait, control, memo; errors with sentences" {
    checks blocking
}

@test "parameters and parts of them that one request ignores or keeps" {
    checks ignored
}

@test "definitions: text, line, file, functions; tasks, impact, bump, undelete, undefine" {
    checks definitions
}

@test "the tree: stat, cat, write, files, folders, links, remove, sessions" {
    checks tree
    dj write tasks/mult/.version 1
}

@test "many requests on one connection, by queue and by callback; cancelled, late, followed" {
    checks requests
}

@test "misuse gives errors and no crash" {
    checks misuse
}

@test "a daemon that is killed: requests and calls end, and a reconnect goes on" {
    # shellcheck disable=SC2016
    checks gone 'dj up --no-mount --store "$DJ_STORE" > /dev/null 2>&1'
}

@test "inside a run: reserve, release, progress and calls are the run's" {
    touch "$DJ_TMP/open"
    dj session default ram=16
    dj define inner -- sh -c '"$1" inside >&2' sh "$DJ_BUILDDIR/tests/tools/libdj-check"
    exits 0 timeout $((30 * DJ_TIME_FACTOR)) dj get inner
    has "$(dj ls tasks/inner/_/deps)" "mult,a=5,b=5"
}

@test "DJ_START_DAEMON starts your own daemon, which is nobody's child; dj_stop ends it" {
    unset DJ_CONNECT DJ_STORE
    export XDG_RUNTIME_DIR=$DJ_TMP/own
    mkdir -m 0700 "$XDG_RUNTIME_DIR"
    checks start
    wait_until not dj ls
}

@test "dj_mount ends with the time of a call; the tree is mounted when the daemon answers again" {
    requires_fuse
    mkdir "$DJ_TMP/late"
    checks mounting "$DJ_TMP/late"
    wait_until mountpoint -q "$DJ_TMP/late"
    fusermount3 -u "$DJ_TMP/late"
}

@test "the examples: a client with all calls at once, and a task that calls itself" {
    dj define double n:int -- sh -c 'echo $(($1 * 2))' sh
    is "$("$DJ_BUILDDIR/examples/call" double 1 40 | sort -n | paste -sd ' ')" \
        "$(for i in {1..40}; do echo "$i: $((i * 2))"; done | paste -sd ' ')"
    exits 1 "$DJ_BUILDDIR/examples/call" fails 1 1
    has "$output" "call: 1: "
    dj define binomial n:int k:int -- "$DJ_BUILDDIR/examples/binomial" '{n}' '{k}'
    is "$(dj get binomial 8 4)" 70
    has "$(dj ls tasks/binomial/n=8,k=4/deps)" "binomial,n=7,k=3"
    exits 1 dj get binomial 3 9
}

@test "valgrind finds nothing in the example" {
    not_beside_a_sanitizer
    requires valgrind
    dj define double n:int -- sh -c 'echo $(($1 * 2))' sh
    exits 0 env LD_LIBRARY_PATH="$DJ_BUILDDIR/.libs" valgrind -q --leak-check=full \
        --show-leak-kinds=all --errors-for-leak-kinds=all --error-exitcode=9 \
        "$DJ_BUILDDIR/examples/.libs/call" double 1 30
    [[ $output != *==* ]] || { echo "$output"; return 1; }
}

# functions_of KIND: their names, a line each.
functions_of()
{
    case $1 in
    header) sed '/^#/d' "$DJ_SRCDIR/lib/client/dj.h" | tr '\n' ' ' |
        grep -oE 'DJ_PUBLIC [^;]*;' | grep -oE '\bdj_[a-z_]+\(' | tr -d '(' ;;
    map) grep -oE '^ +dj_[a-z_]+;' "$DJ_SRCDIR/lib/client/libdj.map" | tr -d ' ;' ;;
    library) nm -D --defined-only "$DJ_BUILDDIR/.libs/libdj.so" | awk '$2 != "A" { print $3 }' |
        sed 's/@@LIBDJ_1\.[01]$//' ;;
    synopsis) sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/p' "$DJ_SRCDIR/man/libdj.3" |
        sed -n 's/^\.Fn \([a-z_]*\) .*/\1/p' ;;
    manual) sed '1,/^\.Sh DESCRIPTION/d' "$DJ_SRCDIR/man/libdj.3" |
        grep -oE '\bFn dj_[a-z_]+' | cut -d' ' -f2 ;;
    esac | sort
}

@test "the library has the functions of its header alone, with a version; the manual has each" {
    functions_of header > "$DJ_TMP/header"
    [ "$(wc -l < "$DJ_TMP/header")" -gt 180 ]
    is "$(uniq -d "$DJ_TMP/header")" ""
    diff "$DJ_TMP/header" <(functions_of map)
    diff "$DJ_TMP/header" <(functions_of library)
    diff "$DJ_TMP/header" <(functions_of synopsis)
    # Getters of one kind are told of together.
    is "$(functions_of manual | sort -u | comm -13 "$DJ_TMP/header" -)" ""
    is "$(functions_of manual | sort -u | comm -23 "$DJ_TMP/header" - |
        grep -vE '^dj_(tasks|impact|dir|file|batch|frame|runs|export|import|gc|fsck)_|^dj_request_(add|set|get|memo|path|reserve|lock|ignore|keep|cookie|is_over|error|note|instance|exit)')" ""
}

@test "the prototypes of the manual are those of the header" {
    local want got
    want=$(sed '/^#/d' "$DJ_SRCDIR/lib/client/dj.h" | tr '\n' ' ' | grep -oE 'DJ_PUBLIC [^;]*;' |
        sed -E 's/^DJ_PUBLIC //; s/ +/ /g; s/;$//; s/\* /*/g' | sort)
    got=$(awk '/^\.Sh DESCRIPTION/ { exit }
        /^\.Ft / { type = $0; sub(/^\.Ft "/, "", type); sub(/"$/, "", type) }
        /^\.Fn / { line = $0; sub(/^\.Fn /, "", line); name = line; sub(/ .*/, "", name)
            sub(/^[a-z_]+ "/, "", line); sub(/"$/, "", line); gsub(/" "/, ", ", line)
            print type (type ~ /\*$/ ? "" : " ") name "(" line ")" }' "$DJ_SRCDIR/man/libdj.3" |
        sed -E 's/\* /*/g' | sort)
    diff <(echo "$want") <(echo "$got")
}
