# A disk that fails below the log of the store: who waited is told so, and what is told is durable.
# One that is slow when the daemon ends.

load helper/djfs
load helper/failing-log

setup()
{
    dj_setup
    failing_log
    start_on_failing_log --no-mount --workers 2
    define_thread_task short
    seq 100 | sed 's,^,short/,' > list
    dj get -f list > /dev/null # short, as is known now
}

teardown()
{
    dj_teardown
}

@test "a result whose sync failed answers nobody before one succeeds" {
    touch failing/sync
    exits 1 dj get short 101
    has "$output" "cannot be made durable"
    exits 3 dj get --cached short 101
    is "$(dj get --cached short 7)" 7
    rm failing/sync
    exits 3 dj get --cached short 101
    is "$(dj get short 101)" 101
    is "$(dj get --cached short 101)" 101
    dj fsck
}

@test "a log that fails under many short runs: all are told, and it goes on when the disk does" {
    seq 101 500 | sed 's,^,short/,' > list
    touch failing/sync failing/both
    not dj get -f list > out 2> refused
    is "$(grep -c 'Input/output error' refused)" 400
    rm failing/*
    dj get -f list > out
    seq 101 500 | cmp - out
    is "$(dj ls tasks/short | wc -l)" 500
    dj fsck
    kill_daemon
    start_daemon --no-mount
    dj get --cached -f list | cmp - out
}

@test "dj down returns when the store is closed, so that the next daemon can have it" {
    touch failing/slow
    dj down
    start_daemon --no-mount
    is "$(dj get --cached short 7)" 7
}
