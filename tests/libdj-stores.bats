# libdj's locks, batches, frames and runs between stores as programs use them, its threads and forks.

load helper/djfs
load helper/exchange

setup_file()
{
    dj_setup
    start_daemon --no-mount
    dj define mult a:int b:int -- sh -c 'echo $(($1 * $2))' sh '{a}' '{b}'
    dj define large -- head -c 3000000 /dev/zero
    cat > "$DJ_TMP/gate.ini" << END
[gate]
command = sh -c 'until test -e "$DJ_TMP/open"; do sleep 0.05; done'
params = n:int
abandon = cancel
END
    dj define "$DJ_TMP/gate.ini"
}

teardown_file()
{
    touch "$DJ_TMP/open"
    other_down
    dj_teardown
}

# checks GROUP ARGUMENT…: libdj-stores without a "not ok", to its end.
checks()
{
    cd "$DJ_TMP" || return
    timeout $((60 * DJ_TIME_FACTOR)) "$DJ_BUILDDIR/tests/tools/libdj-stores" "$@" > check.log 2>&1 3>&- ||
        { cat check.log >&2; return 1; }
    grep -q '^ok' check.log
}

@test "locks: in turn, shared, given up, tokens; a daemon that is killed gives them back" {
    # shellcheck disable=SC2016
    checks locks 'dj up --no-mount --store "$DJ_STORE" > /dev/null 2>&1'
}

@test "batches: thousands of calls, blocking and in a poll loop; refused, large, lazy, cancelled" {
    checks batches
}

@test "dj map, by a batch: all rows that were read are taken, however fast answers come" {
    seq 0 29999 | awk '{ print "{\"a\":" $1 % 40 ",\"b\":7}" }' > rows
    head -n 40 rows | dj map mult > /dev/null
    timeout $((30 * DJ_TIME_FACTOR)) dj map -i rows mult > answered
    is "$(jq -s '[.[] | select(.result == .a * 7)] | length' answered)" 30000
}

# products: how many rows of the frame have what their row says.
products()
{
    dj cat frames/products/results.jsonl | jq -s '[.[] | select(.product == .a * 7)] | length'
}

has_all()
{
    [ "$(products)" = 2100 ]
}

@test "stored frames: rows handed over are there as a whole" {
    checks frames
    wait_until has_all
}

# define_tree: tasks whose runs have files and call others; DJ_CONNECT says where.
define_tree()
{
    dj define tree -- sh -c 'mkdir sub; echo s > sub/small; head -c 400000 /dev/zero > big; echo done'
    dj define piece n:int -- echo '{n}'
    dj define sum n:int -- sh -c 's=0; for i in 1 2 3; do s=$((s + $(dj get piece $i))); done; echo $s'
}

@test "runs are selected, taken out of one store and taken into another" {
    start_other
    define_tree
    dj get tree > /dev/null
    is "$(dj get sum 3)" 6
    DJ_CONNECT=$OTHER define_tree
    checks stores "$OTHER"
    is "$(other dj cat tasks/tree/_/files/sub/small)" s
    is "$(other dj cat tasks/tree/_/files/big | wc -c)" 400000
    other_down
}

@test "a store is checked, with a daemon and without, and what none can reach is dropped" {
    dj define gone n:int -- echo '{n}'
    dj get gone 1 > /dev/null
    dj get gone 2 > /dev/null
    DJ_CONNECT=$DJ_TMP/idle.socket dj up --no-mount --store "$DJ_TMP/idle" > /dev/null
    DJ_CONNECT=$DJ_TMP/idle.socket dj define idle -- true
    DJ_CONNECT=$DJ_TMP/idle.socket dj down
    checks store "$DJ_TMP/idle"
}

@test "a child of fork gets a connection of its own, and leaves the parent's alone" {
    checks fork
}

@test "threads have connections of their own, and hand one around" {
    checks threads
}
