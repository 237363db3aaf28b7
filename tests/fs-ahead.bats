# Results that come with the look-up of their run (fs/ahead.h), and all that may happen between that
# and the open.

bats_require_minimum_version 1.5.0
load helper/djfs

setup()
{
    requires_fuse
    dj_setup
    start_daemon --workers 2
    echo a > said
    dj define task n:int -- sh -c 'echo {n} >> "$0"; cat "$1"; echo {n}' "$DJ_TMP/ran" "$DJ_TMP/said"
    dj get task 5 > /dev/null
}

teardown()
{
    dj_teardown
}

# looked TASK/NAME: its folder is looked up by a mount that knew nothing of it.
looked()
{
    dj umount "$MNT" > /dev/null && dj mount "$MNT" > /dev/null
    is "$(stat -c %F "$MNT/tasks/$1")" directory
}

# result TASK/NAME: as lines become words.
result()
{
    timeout $((20 * DJ_TIME_FACTOR)) cat "$MNT/tasks/$1/result" | paste -sd' '
}

# alone TASK/NAME: its result, looked up while djd lives and read while djd cannot answer.
alone()
{
    local djd status=0

    looked "$1"
    djd=$(our_pids djd)
    kill -STOP "$djd"
    timeout -s KILL 2 cat "$MNT/tasks/$1/result" > alone || status=$?
    kill -CONT "$djd"
    return "$status"
}

@test "whoever looked a run up needs no daemon to read its result" {
    wait_until alone task/5
    is "$(paste -sd' ' alone)" "a 5"
    is "$(stat -c %s "$MNT/tasks/task/5/result")" 4
    is "$(wc -l < ran)" 1
}

@test "with the open the kernel has the bytes: they are read without djfs" {
    looked task/5
    exec 5< "$MNT/tasks/task/5/result"
    djfs=$(our_pids djfs | head -1)
    kill -STOP "$djfs"
    timeout -s KILL $((20 * DJ_TIME_FACTOR)) cat <&5 > got || :
    kill -CONT "$djfs"
    exec 5<&-
    is "$(paste -sd' ' got)" "a 5"
}

@test "looked up, then deleted, invalidated, forced, bumped, defined anew: what is read is new" {
    looked task/5
    echo b > said
    dj rm task 5
    is "$(result task/5)" "b 5"
    looked task/5
    echo c > said
    dj invalidate task 5
    is "$(result task/5)" "c 5"
    looked task/5
    echo d > said
    dj get --force task 5 > /dev/null
    is "$(result task/5)" "d 5"
    looked task/5
    echo e > said
    dj bump task
    is "$(result task/5)" "e 5"
    looked task/5
    dj define task n:int -- sh -c 'echo new {n}'
    is "$(result task/5)" "new 5"
    looked task/5
    dj undefine task
    run ! cat "$MNT/tasks/task/5/result"
}

@test "the same when the result was looked up, too, and when it is open" {
    looked task/5
    is "$(stat -c %s "$MNT/tasks/task/5/result")" 4
    echo longer > said
    dj rm task 5
    is "$(result task/5)" "longer 5"
    looked task/5
    exec 5< "$MNT/tasks/task/5/result"
    echo c > said
    dj rm task 5
    is "$(result task/5)" "c 5"
    is "$(paste -sd' ' <&5)" "longer 5"
    exec 5<&-
}

@test "a run that reads what was looked up before has called it" {
    dj define parent -- sh -c 'cat "$DJ/tasks/task/5/result"'
    looked task/5
    is "$(dj get parent | paste -sd' ')" "a 5"
    is "$(dj ls tasks/parent/_/deps)" task,5
    echo b > said
    dj invalidate task 5
    is "$(dj get parent | paste -sd' ')" "b 5"
}

@test "looked up, then djd is another one" {
    looked task/5
    kill_daemon
    start_daemon --no-mount
    dj rm task 5
    echo b > said
    is "$(result task/5)" "b 5"
    looked task/5
    kill_daemon
    start_daemon --no-mount
    is "$(result task/5)" "b 5"
    is "$(wc -l < ran)" 2
}

@test "one run after the other is read: each as it is when it is read" {
    seq 60 | sed 's,^,task/,' > list
    dj -q get -f list > /dev/null
    seq 60 | sort > names
    looked task/5
    while read -r n; do
        is "$(result "task/$n")" "a $n"
    done < names
    # those behind are known by then: they change
    looked task/5
    while read -r n <&4; do
        is "$(result "task/$n")" "$(cat said) $n"
        case $n in
        16) echo b > said && dj bump task ;;
        30) echo c > said && dj rm task '1..60' > /dev/null ;;
        4) echo d > said && dj define task n:int -- sh -c 'cat "$1"; echo {n}' x "$DJ_TMP/said" ;;
        esac
    done 4< names
    looked task/5
    while read -r n <&4; do
        is "$(result "task/$n")" "d $n"
        if [ "$n" = 20 ]; then
            kill_daemon
            start_daemon --no-mount
        fi
    done 4< names
}

@test "runs whose names count: each as it is when it is read" {
    seq 40 | sed 's,^,task/,' > list
    dj -q get -f list > /dev/null
    looked task/39
    for n in {1..40}; do
        case $n in
        12) echo b > said && dj rm task 13 > /dev/null && dj rm task 15 > /dev/null ;;
        20) echo c > said && dj bump task > /dev/null ;;
        esac
        case $n in
        13 | 15) text=b ;;
        ? | 1?) text=a ;;
        *) text=c ;;
        esac
        is "$(result "task/$n")" "$text $n"
    done
    echo d > said
    for n in {40..2..-2}; do
        is "$(result "task/$n")" "$( ((n < 20)) && echo d || echo c) $n"
    done
}

@test "a run that reads one after the other has called each" {
    seq 20 | sed 's,^,task/,' > list
    dj -q get -f list > /dev/null
    looked task/5
    for n in 1 10 11 12 13 14; do
        is "$(result "task/$n")" "a $n"
    done
    dj define all -- sh -c 'cat $DJ/tasks/task/*/result'
    is "$(dj get all | wc -l)" 40
    is "$(dj ls tasks/all/_/deps | wc -l)" 20
}

@test "large results, and those that rest on files or on the time, are asked for" {
    define_tasks <<TASKS
[large]
params = n:int
command = seq {n}
[file]
params = f:file
command = cat {f}
[timed]
command = sh -c 'cat "\$0"' $DJ_TMP/said
ttl = 1h
[kept]
command = sh -c 'cat "\$0"' $DJ_TMP/said
store = no
[tracks]
command = sh -c 'cat "\$0"' $DJ_TMP/said
track = $DJ_TMP/said
TASKS
    dj get large 100000 > want
    looked large/100000
    same want "$MNT/tasks/large/100000/result"
    ! alone large/100000
    is "$(dj get timed)" a
    ! alone timed/_
    is "$(dj get file said)" a
    ! alone "file/$(ls "$MNT/tasks/file")"
    is "$(dj get kept)" a
    looked kept/_
    echo b > said
    is "$(result kept/_)" b
    is "$(dj get tracks)" b
    looked tracks/_
    echo c > said
    is "$(result tracks/_)" c
    ! alone task/5
}

@test "what is damaged does not come ahead, and the look-up leaves it as it is" {
    local digest

    dj define seq n:int -- sh -c 'echo {n} >> "$0"; seq {n}' "$DJ_TMP/ran"
    same <(dj get seq 3000) <(seq 3000)
    wait_until alone seq/3000
    same alone <(seq 3000)
    digest=$(seq 3000 | b2sum -l 256 | cut -d' ' -f1)
    stop_daemon
    "$DJ_BUILDDIR/tests/tools/store-edit" "$DJ_STORE" flip "B:x$digest"
    start_daemon --workers 2
    looked seq/3000
    is "$(stat -c %s "$MNT/tasks/seq/3000/result")" "$(seq 3000 | wc -c)"
    is "$(cat "$MNT/tasks/seq/3000/status" | head -1)" done
    [ ! -e "$DJ_STORE/quarantine/$digest" ]
    same "$MNT/tasks/seq/3000/result" <(seq 3000)
    is "$(grep -cx 3000 ran)" 2
}
