# What the mount gives and takes at its edges: cut writes, verification, dead mounts, and who is
# interrupted.

load helper/djfs
load helper/gatefs

setup()
{
    dj_setup
    requires_fuse
}

teardown()
{
    dj_teardown
}

# bounded CMD ARGUMENT…: with a time in which it has to end.
bounded()
{
    timeout $((10 * DJ_TIME_FACTOR)) "$@"
}

status_of()
{
    bounded cat "$MNT/tasks/$1/status"
}

# ---- cut writes ----------------------------------------------------------------------------------

@test "commands that are cut inside a name are refused, and none of them is done" {
    local n
    start_daemon
    dj define t n:int -- echo '{n}'
    for n in 100 1000 1001; do
        dj get t "$n"
    done
    printf 'delete 1000\ndelete 1001\n' > words
    # the first write ends in "delete 100"
    exits 1 bounded dd if=words of="$MNT/tasks/t/.ctl" bs=22 status=none
    has "$output" "$(errno_text EINVAL)"
    for n in 100 1000 1001; do
        is "$(status_of "t/$n")" 'done'
    done
    cat words > "$MNT/tasks/t/.ctl"
    is "$(ls "$MNT/tasks/t")" 100
    # a single one needs no end
    head -c 10 <<< 'delete 100' > "$MNT/tasks/t/.ctl"
    is "$(ls "$MNT/tasks/t")" ""
}

@test "a definition that is cut where a buffer ends is refused, and the task stays what it was" {
    local way n
    start_daemon
    {
        printf '[t]\nparams = n:int\nscript =\n    #!/bin/sh\n'
        for n in {1..60}; do
            printf '    x=%d; : %080d\n' "$n" "$n"
        done
        printf '    echo "it is complete"\n'
    } | define_tasks
    is "$(cat "$MNT/tasks/t/1/result")" "it is complete"
    cat "$MNT/tasks/t/.definition" > before
    sed 's/complete/COMPLETE/' before > changed
    [ "$(stat -c %s changed)" -gt 5000 ]
    for way in bs=4096 'bs=5000 count=1'; do
        # shellcheck disable=SC2086
        exits 1 bounded dd if=changed of="$MNT/tasks/t/.definition" status=none $way
        has "$output" "File too large"
        same before "$MNT/tasks/t/.definition"
        is "$(status_of t/1)" 'done'
    done
    dd if=changed of="$MNT/tasks/t/.definition" bs=64k status=none
    is "$(cat "$MNT/tasks/t/1/result")" "it is COMPLETE"
}

# ---- verification --------------------------------------------------------------------------------

# To verify a content is to read its file to the end, which here is a FIFO until it is opened.
@test "a result that was invalidated while it was verified is given once and not repeated" {
    local file reader djd
    start_daemon
    echo one > source
    dj define t -- sh -c "cat $DJ_TMP/source; head -c 3000000 /dev/zero"
    dj get t > /dev/null
    stop_daemon
    file=$(find "$DJ_STORE/content" -type f -size +1M)
    mv "$file" content
    mkfifo -m 0400 held
    ln held "$file"
    start_daemon
    on_exit bounded sh -c ": <> $DJ_TMP/held"
    bash -c 'exec 9< "$1/result"; head -n 1 <&9 > first; head -n 1 /dev/fd/9 > second' - \
        "$MNT/tasks/t/_" 2> said 3>&- &
    reader=$!
    djd=$(our_pids djd)
    wait_until eval 'waits_in wait_for_partner $djd || waits_in fifo_open $djd'
    ln -f content "$file"
    echo two > source
    dj invalidate t
    bounded dd if=content of=held conv=notrunc status=none
    wait_until not is_running "$reader"
    cat said >&2
    is "$(cat first)" one
    is "$(cat second)" two
    is "$(bounded head -n 1 "$MNT/tasks/t/_/result")" two
}

# A list of files of more than a mebibyte, which is a file of its own; $list is its place.
make_list()
{
    start_daemon
    dj define many -- sh -c \
        'p=$(printf %0240d 0); for i in $(seq 4000); do : > $p$i; done; echo x >> $0; echo made' \
        "$DJ_TMP/started"
    is "$(dj get many)" made
    is "$(ls "$MNT/tasks/many/_/files" | wc -l)" 4000
    stop_daemon
    list=$(find "$DJ_STORE/content" -type f -size +1M)
    [ -f "$list" ]
}

# Whoever meets the damage first may be told so; then it is on record, and the run is no hit.
list_is_made_anew()
{
    start_daemon
    bounded ls "$MNT/tasks/many/_/files/" > /dev/null 2>&1 || :
    is "$(bounded ls "$MNT/tasks/many/_/files/" | wc -l)" 4000
    is "$(bounded dj get many)" made
    is "$(status_of many/_)" 'done'
    is "$(wc -l < started)" 2
    has "$(cat "$MNT/events")" '"event":"corrupt"'
}

@test "a run whose list of files is gone is corrupt, and is computed anew" {
    local list
    make_list
    rm -f "$list"
    list_is_made_anew
}

@test "a run whose list of files was cut short is corrupt, and is computed anew" {
    local list
    make_list
    chmod u+w "$list"
    truncate -s -100 "$list"
    list_is_made_anew
}

# ---- dead mounts ---------------------------------------------------------------------------------

@test "an argument on somebody's dead mount is an error at once, and does not wait for us" {
    local path
    start_daemon
    dj define t f:file -- cat '{f}'
    echo text > backing
    start_gatefs
    is "$(cat slow/file)" text
    path=$MNT/tasks/t/${DJ_TMP//\//%2F}%2Fslow%2Ffile/result
    kill -KILL "$GATEFS"
    wait_until not is_running "$GATEFS"
    gives_errno ENOTCONN cat slow/file
    gives_errno EIO bounded cat "$path"
    fusermount3 -u slow
    echo text > slow/file
    is "$(bounded cat "$path")" text
}

# ---- interrupted ---------------------------------------------------------------------------------

# taken_by PID BYTES: it has read more than that.
taken_by()
{
    [ "$(sed -n 's/^rchar: //p' "/proc/$1/io")" -gt "$2" ]
}

@test "who is interrupted before the daemon asks for the environment starts nothing" {
    local getting djd before code=0
    start_daemon
    define_tasks << TASKS
[quick]
command = echo {n}
params = n:int

[slow]
command = sh -c 'touch $DJ_TMP/in; until test -e $DJ_TMP/open; do sleep 0.02; done; echo \$WANTED'
params = n:int
env = WANTED
TASKS
    on_exit touch "$DJ_TMP/open"
    mkfifo list
    exec 7<> list
    WANTED=1 env --default-signal=INT dj get -f list > got 2> said 7>&- 3>&- &
    getting=$!
    echo quick/1 >&7
    wait_until grep -qx 1 got
    before=$(sed -n 's/^rchar: //p' "/proc/$getting/io")
    djd=$(our_pids djd)
    kill -STOP "$djd"
    on_exit kill -CONT "$djd"
    echo slow/1 >&7
    wait_until taken_by "$getting" "$before"
    kill -INT "$getting"
    kill -CONT "$djd"
    wait_until -t 5 not is_running "$getting"
    wait "$getting" || code=$?
    is "$code" 130
    is "$(dj ls tasks/slow)" ""
    [ ! -e in ]
    exec 7>&-
}

# It maps the generations of the daemon that it was connected to, until it is connected again.
@test "what the mount knew from an earlier daemon is not given once the next one has begun" {
    requires_fuse
    local mounts reader
    start_daemon
    echo old > source
    dj define given -- cat "$DJ_TMP/source"
    is "$(cat "$MNT/tasks/given/_/result")" old
    exec 6< "$MNT/tasks/given/_/result"
    is "$(cat /proc/self/fd/6)" old
    echo new > source
    mapfile -t mounts < <(our_pids djfs)
    kill_daemon
    kill -STOP "${mounts[@]}"
    djd --socket "$DJ_CONNECT" --store "$DJ_STORE" > djd.out 2>&1 3>&- 6<&- &
    wait_until dj write tasks/given/_/ctl invalidate
    cat /proc/self/fd/6 > got 3>&- &
    reader=$!
    wait_until waits_in request_wait "$reader"
    kill -CONT "${mounts[@]}"
    wait "$reader"
    exec 6<&-
    is "$(cat got)" new
}
