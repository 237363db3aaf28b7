# A file that takes long to read is read on a pool thread: what does not depend on it is answered
# meanwhile, and what does waits. The files here lie on a mount that lets nobody read them while
# there is a gate, so they are no larger than they have to be.

load helper/djfs
load helper/gatefs

setup()
{
    dj_setup
    requires_fuse
    mkdir "$DJ_TMP/count"
    start_daemon --workers 2 --no-mount
    truncate -s 8M "$DJ_TMP/backing"
    start_gatefs
    BIG=$GATED
    define_tasks <<TASKS
[small]
command = echo {n}
params = n:int

[size]
command = sh -c 'echo x >> $DJ_TMP/count/size; stat -c %s {f}'
params = f:file

[rests]
command = sh -c 'echo x >> $DJ_TMP/count/rests; dj get tracks'
TASKS
    is "$(dj get small 1)" 1
}

teardown()
{
    rm -f "$DJ_TMP/gate"
    dj_teardown
}

computed()
{
    cat "$DJ_TMP/count/$1" 2> /dev/null | wc -l
}

# answers_meanwhile N: hits, another run and looks, while it reads.
answers_meanwhile()
{
    wait_until is_reading
    is "$(dj get small 1)" 1
    is "$(dj get small "$1")" "$1"
    is "$(dj cat tasks/small/1/status)" done
    is_reading
}

is_queued()
{
    [ "$(dj cat "tasks/$1/_/status")" = queued ]
}

define_tracks()
{
    printf '[tracks]\ncommand = sh -c "echo x >> %s/count/tracks; echo tracked"\ntrack = %s\n' \
        "$DJ_TMP" "$BIG" > "$DJ_TMP/tracks.ini"
    dj define "$DJ_TMP/tracks.ini"
}

@test "a file argument that takes long to read stops nobody" {
    : > "$DJ_TMP/gate"
    dj get size "$BIG" > out 2>&1 3>&- &
    answers_meanwhile 2
    rm "$DJ_TMP/gate"
    wait $!
    is "$(cat out)" 8388608
    is "$(dj get size "$BIG")" 8388608
    is "$(computed size)" 1
}

@test "a tracked file that takes long to read stops nobody, and what rests on it waits" {
    : > "$DJ_TMP/gate"
    define_tracks
    dj get tracks > out 2>&1 3>&- &
    answers_meanwhile 2
    exits 3 dj get --cached tracks
    rm "$DJ_TMP/gate"
    wait $!
    is "$(cat out)" tracked
    is "$(dj get rests)" tracked
    # A restart does not read it again.
    : > "$DJ_TMP/gate"
    dj down > /dev/null
    wait_until no_daemon
    start_daemon --workers 2 --no-mount
    is "$(dj cat tasks/rests/_/status)" done
    is "$(dj get --cached tracks)" tracked
    # Touched, it is read again, and nothing is computed: who asked gets what was stored.
    touch "$DJ_TMP/backing"
    dj get rests > out 2>&1 3>&- &
    answers_meanwhile 3
    is "$(dj cat tasks/rests/_/status)" queued
    rm "$DJ_TMP/gate"
    wait $!
    is "$(cat out)" tracked
    is "$(dj cat tasks/rests/_/status)" done
    is "$(computed tracks) $(computed rests)" "1 1"
    # Changed, it makes what rests on it be computed again.
    printf x | dd of="$DJ_TMP/backing" conv=notrunc status=none
    is "$(dj get rests)" tracked
    is "$(computed tracks) $(computed rests)" "2 2"
    # Cancelled and undefined while it is read, with runs that wait for it.
    : > "$DJ_TMP/gate"
    touch "$DJ_TMP/backing"
    dj get tracks > cancelled 2>&1 3>&- &
    local cancelled=$!
    dj get rests > out 2>&1 3>&- &
    wait_until is_reading
    wait_until is_queued tracks
    wait_until is_queued rests
    dj cancel tasks/tracks/_
    not wait "$cancelled"
    dj undefine tracks
    rm "$DJ_TMP/gate"
    wait $! || :
    has "$(cat out)" "tracks"
    is "$(dj get small 4)" 4
}

@test "a file argument that changes while it is read is refused for now" {
    local reader code=0
    touch "$DJ_TMP/gate"
    dj get size "$BIG" > out 2>&1 3>&- &
    reader=$!
    wait_until is_reading
    truncate -s 9M "$DJ_TMP/backing"
    rm "$DJ_TMP/gate"
    wait "$reader" || code=$?
    is "$code: $(cat out)" "75: dj: $BIG changes while it is being read"
    is "$(dj get size "$BIG")" $((9 << 20))
    is "$(computed size)" 1
}

@test "a run that is held for a tracked file and joined when that is another one starts once" {
    local first second
    touch "$DJ_TMP/gate"
    ln -s "$BIG" "$DJ_TMP/tracked"
    define_tasks <<TASKS
[once]
track = $DJ_TMP/tracked
command = sh -c 'echo x >> $DJ_TMP/count/once; echo one; until [ -e $DJ_TMP/go ]; do sleep 0.02; done; echo two'
TASKS
    dj get once > first 3>&- &
    first=$!
    wait_until is_reading
    echo small > "$DJ_TMP/small"
    mv "$DJ_TMP/small" "$DJ_TMP/tracked"
    dj get once > second 3>&- &
    second=$!
    wait_until test -s "$DJ_TMP/count/once"
    rm "$DJ_TMP/gate"
    wait_until not is_reading
    is "$(dj get small 3)" 3
    touch "$DJ_TMP/go"
    wait "$first" "$second"
    is "$(cat first second)" "$(printf 'one\ntwo\none\ntwo')"
    is "$(computed once)" 1
}
