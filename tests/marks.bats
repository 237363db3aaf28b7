# Marks: who rests on what was invalidated, deleted or failed, also when the way to him leads over
# what is not stored any more, and when he asks while things change.

load helper/djfs
load helper/gatefs

setup_file()
{
    dj_setup
    start_daemon --workers 4 --no-mount
    define_tasks <<TASKS
[defaults]
params = n:int

[leaf]
command = sh -c 'cat $DJ_TMP/leaf-{n}'

[mid]
command = sh -c 'dj get leaf {n}'

[top]
command = sh -c 'dj get mid {n}'

[unseen]
command = sh -c 'dj get --incognito mid {n}'

[tries]
command = sh -c 'test -e $DJ_TMP/well-{n} && echo fine'

[copes]
command = sh -c 'dj get tries {n} || echo went on'

[large]
command = sh -c 'cat $DJ_TMP/leaf-{n}; head -c 2000000 /dev/zero'

[beginning]
command = sh -c 'dj get large {n} | head -n 1'
TASKS
}

teardown_file()
{
    touch "$DJ_TMP/gate-1" "$DJ_TMP/gate-2" "$DJ_TMP/go"
    dj_teardown
}

# The number that the tasks of this test are called with.
setup()
{
    n=$BATS_TEST_NUMBER
}

# leaf_is TEXT: what leaf gives when it is computed the next time.
leaf_is()
{
    echo "$1" > "$DJ_TMP/leaf-$n"
}

# purge RUN: it is deleted, and nothing of it is kept.
purge()
{
    dj rm "tasks/$1"
    mkdir -p "$XDG_CONFIG_HOME/dj"
    echo 'keep_deleted = 0s' > "$XDG_CONFIG_HOME/dj/dj.conf"
    dj write ctl reload
    dj write ctl gc
    rm "$XDG_CONFIG_HOME/dj/dj.conf"
    dj write ctl reload
    exits 5 dj undelete "tasks/$1"
}

start_anew()
{
    stop_daemon
    start_daemon --workers 4 --no-mount
}

# status_is RUN STATE
status_is()
{
    is "$(dj cat "tasks/$1/status")" "$2" "$1"
}

# is_new RUN: it is stale, and gives what the leaf gives now when it is asked for.
is_new()
{
    status_is "$1" stale
    exits 3 dj get --cached "tasks/$1"
    is "$(get "tasks/$1")" new
    is "$(get --cached "tasks/$1")" new
}

no_findings()
{
    exits 0 dj fsck
    has "$output" " 0 findings"
}

# ---- a child that is gone ------------------------------------------------------------------------

@test "a mark finds who had read a run that was deleted and computed anew" {
    leaf_is old
    is "$(get top "$n")" old
    dj rm "tasks/mid/$n"
    is "$(get mid "$n")" old
    status_is "top/$n" "done"
    leaf_is new
    dj invalidate "tasks/leaf/$n"
    status_is "mid/$n" stale
    is_new "top/$n"
    no_findings
}

@test "a mark finds who had read a run that was purged" {
    leaf_is old
    is "$(get top "$n")" old
    purge "mid/$n"
    status_is "top/$n" "done"
    no_findings
    leaf_is new
    dj invalidate "tasks/leaf/$n"
    is_new "top/$n"
    no_findings
}

@test "a daemon that was started since finds who had read a run that was purged, too" {
    leaf_is old
    is "$(get top "$n")" old
    purge "mid/$n"
    start_anew
    status_is "top/$n" "done"
    leaf_is new
    dj invalidate "tasks/leaf/$n"
    is_new "top/$n"
    no_findings
    stop_daemon
    exits 0 dj fsck --store "$DJ_STORE"
    has "$output" " 0 findings"
    start_daemon --workers 4 --no-mount
}

@test "a mark finds who had read an incognito run, by what that one had read" {
    leaf_is old
    is "$(get unseen "$n")" old
    status_is "mid/$n" absent
    leaf_is new
    dj invalidate "tasks/leaf/$n"
    is_new "unseen/$n"
}

@test "a mark finds who had read a result that is corrupt by now, the only one of its run" {
    local file

    leaf_is old
    is "$(get beginning "$n")" old
    stop_daemon
    file=$(find "$DJ_STORE/content" -type f -size +1000k)
    chmod u+w "$file"
    printf X | dd of="$file" bs=1 seek=100 conv=notrunc status=none
    start_daemon --workers 4 --no-mount
    exits 3 dj get --cached large "$n"
    has "$(dj why large "$n")" "corrupt: content "
    status_is "beginning/$n" "done"
    leaf_is new
    dj invalidate "tasks/large/$n"
    is_new "beginning/$n"
}

# ---- a child whose record is not durable yet -----------------------------------------------------

# The daemon's one pool thread, which makes records durable, reads a file that nobody can read.
occupy_pool()
{
    truncate -s 8M "$DJ_TMP/backing"
    : > "$DJ_TMP/shut"
    start_gatefs shut
    dj define tracks track="$GATED" -- true 3>&- &
    wait_until is_reading
}

stored_runs()
{
    dj cat status | sed -n 's/^runs //p'
}

more_stored_than()
{
    [ "$(stored_runs)" -gt "$1" ]
}

is_stale()
{
    [ "$(dj cat "tasks/$1/status")" = stale ]
}

@test "a mark that comes between the record of a run and its answer finds who is answered" {
    local above stored marked

    requires_fuse
    UV_THREADPOOL_SIZE=1 start_anew
    dj define late n:int -- sh -c "dj get leaf {n}; touch $DJ_TMP/has-read
        until [ -e $DJ_TMP/go ]; do sleep 0.02; done"
    dj define above-late n:int -- sh -c 'dj get late {n}'
    leaf_is old
    dj get above-late "$n" > "$DJ_TMP/above-late" 3>&- &
    above=$!
    wait_until test -e "$DJ_TMP/has-read"
    stored=$(stored_runs)
    occupy_pool
    touch "$DJ_TMP/go"
    wait_until more_stored_than "$stored"
    leaf_is new
    dj invalidate "tasks/leaf/$n" 3>&- &
    marked=$!
    wait_until is_stale "leaf/$n"
    is_running "$above"
    rm "$DJ_TMP/shut"
    wait "$marked"
    wait "$above"
    is "$(cat "$DJ_TMP/above-late")" old
    is_new "above-late/$n"
    is "$(get --cached late "$n")" new
    stop_daemon
    end_gatefs
    start_daemon --workers 4 --no-mount
}

# ---- a failure -----------------------------------------------------------------------------------

@test "who was built on a failure is stale when the call ends well, though it was deleted between" {
    is "$(get copes "$n" 2> /dev/null)" "went on"
    dj rm "tasks/tries/$n"
    touch "$DJ_TMP/well-$n"
    is "$(get tries "$n")" fine
    status_is "copes/$n" stale
    is "$(get copes "$n")" fine
}

@test "who was built on a failure is stale when the call ends well, though it was purged between" {
    is "$(get copes "$n" 2> /dev/null)" "went on"
    purge "tries/$n"
    touch "$DJ_TMP/well-$n"
    is "$(get tries "$n")" fine
    status_is "copes/$n" stale
    is "$(get copes "$n")" fine
}

# ended EVENT TASK: a run of that task has such an event.
ended()
{
    dj cat events | jq -es --arg event "$1" --arg task "$2" \
        'any(.event == $event and .task == $task)'
}

@test "a failure that comes after a later run has ended well makes nobody valid" {
    dj define twofold n:int -- sh -c "mkdir $DJ_TMP/first || exec echo fine
        until [ -e $DJ_TMP/gate-1 ]; do sleep 0.02; done
        exit 7"
    dj define above n:int -- sh -c 'dj get twofold {n} || echo went on'
    dj get above "$n" > "$DJ_TMP/above" 3>&- &
    wait_until test -d "$DJ_TMP/first"
    is "$(get --force twofold "$n")" fine
    touch "$DJ_TMP/gate-1"
    wait $!
    is "$(cat "$DJ_TMP/above")" "went on"
    ended failed twofold
    is "$(get --cached twofold "$n")" fine
    status_is "above/$n" stale
    is "$(get above "$n")" fine
    is "$(get --cached above "$n")" fine
}

# ---- a refused call ------------------------------------------------------------------------------

@test "who asks after a task was defined does not join a run that it was missing in" {
    dj define asks n:int -- sh -c "dj get missing {n} && exit
        touch $DJ_TMP/refused
        until [ -e $DJ_TMP/gate-2 ]; do sleep 0.02; done
        echo none"
    dj get asks "$n" > "$DJ_TMP/asks" 3>&- &
    wait_until test -e "$DJ_TMP/refused"
    dj define missing n:int -- echo '{n}'
    is "$(get asks "$n")" "$n"
    is_running $!
    touch "$DJ_TMP/gate-2"
    wait $!
    is "$(cat "$DJ_TMP/asks")" none
    is "$(get --cached asks "$n")" "$n"
}

# queued N: so many runs of the two were asked for.
queued()
{
    is "$(dj cat events | jq -s 'map(select(.event == "queued" and (.task | IN("ping", "pong"))))
        | length')" "$1" "queued"
}

@test "two runs that were both refused a call and ask each other are told of the cycle" {
    dj define ping n:int -- sh -c 'dj get nobody {n}; dj get pong {n} 2>&1; echo ping'
    dj define pong n:int -- sh -c 'dj get nobody {n}; dj get ping {n} 2>&1; echo pong'
    is "$(get ping "$n" | sed 's/: p.*/: …/')" "dj: a cycle: …
pong
ping"
    queued 2
}
