# Graphs that are wide or deep: the next of very many calls costs what the first did, and a result is
# judged without walking what it rests on. On demand DJ_WIDE=100000 and DJ_CHAIN=100000 make them as
# large as that; what they cost is printed.

load helper/djfs

WIDE=${DJ_WIDE:-600}
CHAIN=${DJ_CHAIN:-100}

setup()
{
    dj_setup
    mkdir "$DJ_TMP/count"
    start_daemon --workers 2
}

teardown()
{
    dj_teardown
}

lines()
{
    wc -l < "$1"
}

# used: the milliseconds of CPU that the daemon has used.
used()
{
    awk -v tick="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print int(($12 + $13) * 1000 / tick) }' \
        "/proc/$(our_pids djd)/stat"
}

# costs CMD…: runs it; COST is what the daemon used meanwhile.
costs()
{
    local before
    before=$(used)
    "$@"
    COST=$(($(used) - before))
}

# define_wide: wide N reads the first N of the list.
define_wide()
{
    dj define wide n:int -- \
        sh -c 'echo x >> "$1/count/wide"; head -n "$2" "$1/list" | dj get -f - | wc -l' \
        sh "$DJ_TMP" "{n}"
}

@test "a run that reads very many others: all are its deps, each makes it stale, a look is a look" {
    local n
    dj define child n:int -- echo '{n}'
    seq "$WIDE" | sed 's,^,child/,' > "$DJ_TMP/list"
    is "$(dj get -f "$DJ_TMP/list" | wc -l)" "$WIDE"
    define_wide
    costs dj get wide $((WIDE / 2)) > /dev/null
    echo "# $((WIDE / 2)) cached calls of one run: $COST ms of the daemon" >&3
    costs dj get wide "$WIDE" > out
    echo "# $WIDE cached calls of one run: $COST ms of the daemon" >&3
    is "$(cat out)" "$WIDE"
    is "$(dj ls "tasks/wide/$WIDE/deps" | sort -u | wc -l)" "$WIDE"
    is "$(dj get wide "$WIDE")" "$WIDE"
    is "$(lines "$DJ_TMP/count/wide")" 2
    for n in 1 "$WIDE"; do
        dj write "tasks/child/$n/ctl" invalidate
        is "$(dj cat "tasks/wide/$WIDE/status")" stale
        is "$(dj get wide "$WIDE")" "$WIDE"
        is "$(dj cat "tasks/wide/$WIDE/status")" done
    done
    is "$(lines "$DJ_TMP/count/wide")" 4
    # Both are marked one behind the other, and one that is marked already stays so.
    dj write tasks/child/3/ctl invalidate
    dj write tasks/child/4/ctl invalidate
    is "$(dj cat "tasks/wide/$WIDE/status")" stale
    dj get wide "$WIDE" > /dev/null
    # Another version: judged by one premise, however many runs brought it.
    dj define child n:int -- echo '{n}' more
    costs dj cat "tasks/wide/$WIDE/status" > out
    is "$(cat out)" stale
    echo "# a look after another version: $COST ms of the daemon" >&3
    [ "$COST" -le $((20 * ${DJ_TIME_FACTOR:-1})) ]
    dj define child n:int -- echo '{n}'
    costs dj get wide "$WIDE" > out
    is "$(cat out)" "$WIDE"
    is "$(lines "$DJ_TMP/count/wide")" 5
    [ "$COST" -le $((50 * ${DJ_TIME_FACTOR:-1})) ]
}

@test "a run that names very many files: twice as many cost it twice as much, and a restart keeps them" {
    local n some=$((WIDE / 2))
    mkdir "$DJ_TMP/texts"
    seq "$WIDE" | (cd "$DJ_TMP/texts" && split -l 1 -a 6 -d -)
    find "$DJ_TMP/texts" -type f | sort | sed 's,/,%2F,g; s,^,words/,' > "$DJ_TMP/list"
    dj define words text:file -- wc -w '{text}'
    is "$(dj get -f "$DJ_TMP/list" | wc -l)" "$WIDE"
    define_wide
    costs dj get wide "$some" > out
    n=$COST
    is "$(cat out)" "$some"
    costs dj get wide "$WIDE" > out
    is "$(cat out)" "$WIDE"
    echo "# $some files: $n ms of the daemon, $WIDE: $COST ms" >&3
    [ "$COST" -le $((n * 5 / 2 + 100)) ]
    is "$(dj get wide "$WIDE")" "$WIDE"
    is "$(lines "$DJ_TMP/count/wide")" 2
    # A small one that waits, with all it has named, while the daemon is killed.
    dj define waits -- sh -c 'head -n 20 "$1/list" | dj get -f - > /dev/null; : > "$1/read"
                              until [ -e "$1/go" ]; do sleep 0.1; done; echo end' sh "$DJ_TMP"
    dj run waits
    wait_until [ -e "$DJ_TMP/read" ]
    kill_daemon
    start_daemon --workers 2
    : > "$DJ_TMP/go"
    is "$(dj get waits)" end
    is "$(dj cat tasks/waits/_/status)" done
    echo changed > "$(find "$DJ_TMP/texts" -type f | sort | sed -n 15p)"
    is "$(dj cat tasks/waits/_/status)" stale
    is "$(dj cat "tasks/wide/$WIDE/status")" stale
}

@test "a chain of very many runs: the last is judged as quickly as the first" {
    dj define chain n:int -- \
        sh -c 'if [ "$1" -eq 1 ]; then echo 1; else dj get chain $(($1 - 1)) > /dev/null; echo "$1"; fi' \
        sh '{n}'
    seq "$CHAIN" | sed 's,^,chain/,' > "$DJ_TMP/list"
    is "$(dj get -f "$DJ_TMP/list" | tail -n 1)" "$CHAIN"
    costs dj get chain "$CHAIN" > out
    is "$(cat out)" "$CHAIN"
    echo "# a hit at the end of a chain of $CHAIN: $COST ms of the daemon" >&3
    [ "$COST" -le $((20 * ${DJ_TIME_FACTOR:-1})) ]
    dj define other -- echo other
    costs dj cat "tasks/chain/$CHAIN/status" > out
    is "$(cat out)" done
    [ "$COST" -le $((20 * ${DJ_TIME_FACTOR:-1})) ]
    dj bump chain
    costs dj cat "tasks/chain/$CHAIN/status" > out
    is "$(cat out)" stale
    echo "# a look at it after another version: $COST ms of the daemon" >&3
    [ "$COST" -le $((20 * ${DJ_TIME_FACTOR:-1})) ]
}
