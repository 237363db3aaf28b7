# A daemon that takes in runs of an earlier one: what they rest on, and what happened to their call
# meanwhile.

load helper/djfs

setup()
{
    dj_setup
    start_daemon --no-mount --workers 4
}

teardown()
{
    dj_teardown
}

start_again()
{
    start_daemon --no-mount --workers 4
}

is_status()
{
    [ "$(dj cat "tasks/$1/status")" = "$2" ]
}

is_busy()
{
    [ "$(dj cat status | sed -n 's/^busy //p')" = "$1" ]
}

# ended TASK EVENT N: runs of the task have N events of that sort.
ended()
{
    [ "$(dj cat events | jq -s --arg task "$1" --arg event "$2" \
        'map(select(.task == $task and .event == $event)) | length')" = "$3" ]
}

# A child that answers when there is `go`; a parent that gives its answer, or says that it has none;
# and one that waits for it no longer when there is `enough`.
define_family()
{
    define_tasks <<TASKS
[child]
params = n:int
command = sh -c 'touch $DJ_TMP/asked; until [ -e $DJ_TMP/go ]; do sleep 0.02; done; echo answer'

[parent]
params = n:int
command = sh -c 'dj get child "\$1" || echo without' sh {n}

[hasty]
params = n:int
command = sh $DJ_TMP/hasty {n}
TASKS
    cat > hasty <<SH
dj get child "\$1" &
[ -e $DJ_TMP/enough ] || {
    until [ -e $DJ_TMP/enough ]; do sleep 0.02; done
    kill \$!
}
wait \$! || echo without
until [ -e $DJ_TMP/go ]; do sleep 0.02; done
SH
}

# wait_for_child TASK: a run of it waits for the child, which runs.
wait_for_child()
{
    dj run "$1" 1
    wait_until test -e asked
    wait_until is_status "$1/1" waiting
}

# gives_answer TASK: the run that went on without its child is nobody's answer.
gives_answer()
{
    wait_until ended "$1" "done" 1
    is "$(dj cat "tasks/$1/1/status")" stale
    exits 3 dj get --cached "$1" 1
    touch go
    is "$(get "$1" 1)" answer
    is "$(get child 1)" answer
    is "$(dj cat "tasks/$1/1/history/1/result")" without
    ended child "done" 1
}

@test "dj down while a run waits for another ends djd, and the next one takes in both" {
    define_family
    wait_for_child parent
    timeout $((20 * DJ_TIME_FACTOR)) dj down
    # one that never ends is not left to load the machine
    wait_until -t 5 not runs djd || { kill_daemon; false; }
    start_again
    gives_answer parent
}

@test "kill -9 of the daemon while a run waits: what it gives without its child is not valid" {
    define_family
    wait_for_child parent
    kill_daemon
    start_again
    gives_answer parent
}

@test "kill -9 of the daemon after a run gave up waiting: what it gives is not valid either" {
    define_family
    wait_for_child hasty
    touch enough
    wait_until is_status hasty/1 running
    kill_daemon
    start_again
    is "$(dj cat tasks/hasty/1/status)" running
    touch go
    gives_answer hasty
}

# A child that says what `in` holds, and a parent that has read it and waits for the gate of its
# execution: the nth gives what it read when there is `gate-n`.
define_readers()
{
    echo old > in
    define_tasks <<TASKS
[child]
params = n:int
command = sh -c 'cat $DJ_TMP/in'

[parent]
params = n:int
command = sh $DJ_TMP/reader {n}
TASKS
    cat > reader <<SH
echo x >> $DJ_TMP/starts
n=\$(wc -l < $DJ_TMP/starts)
read=\$(dj get child "\$1")
touch $DJ_TMP/has-read-\$n
until [ -e $DJ_TMP/gate-\$n ]; do sleep 0.02; done
echo "\$read"
SH
}

@test "a run that had read what was purged since is stale when its child is bumped" {
    define_readers
    dj run parent 1
    wait_until test -e has-read-1
    dj rm child 1
    is "$(get child 1)" old
    exits 5 dj undelete child 1
    kill_daemon
    start_again
    touch gate-1 gate-2
    wait_until ended parent "done" 1
    echo new > in
    dj bump child
    is "$(dj cat tasks/parent/1/status)" stale
    is "$(get parent 1)" new
    is "$(get child 1)" new
}

@test "who asks a new daemon for what an old run computes on grounds that are stale gets it anew" {
    define_readers
    dj run parent 1
    wait_until test -e has-read-1
    echo new > in
    dj invalidate child 1
    kill_daemon
    start_again
    # the old run waits still
    touch gate-2
    is "$(get parent 1)" new
    ended parent "done" 1
    touch gate-1
    wait_until ended parent "done" 2
    is "$(get --cached parent 1)" new
    is "$(wc -l < starts)" 2
}

@test "a call that is deleted while it is forced: no record of that run, and undelete works" {
    define_tasks <<TASKS
[stubborn]
params = n:int
command = sh $DJ_TMP/stubborn
TASKS
    cat > stubborn <<SH
echo valuable
[ -e $DJ_TMP/slow ] || exit 0
trap '' TERM
echo \$\$ > $DJ_TMP/begun
until [ -e $DJ_TMP/go ]; do sleep 0.02; done
SH
    is "$(get stubborn 1)" valuable
    touch slow
    dj write tasks/stubborn/1/ctl force
    wait_until test -s begun
    dj rm stubborn 1
    kill_daemon
    start_again
    touch go
    wait_until not is_running "$(cat begun)"
    wait_until is_busy 0
    is "$(dj ls tasks/stubborn)" ''
    dj undelete stubborn
    is "$(dj get --cached stubborn 1)" valuable
    is "$(dj ls tasks/stubborn)" 1
    is "$(dj cat tasks/stubborn/1/status)" "done"
    is "$(dj ls tasks/stubborn/1/history)" ''
    ended stubborn cancelled 0
}

# define_try WORDS PARAMETERS [LINE]: a task that gives the words, and fails until there is `well`.
# Its delay is long enough for a daemon to be killed within, and waited for once.
define_try()
{
    define_tasks <<TASKS
[try]
params = $2
${3-}
command = sh -c 'echo x >> $DJ_TMP/starts; test -e $DJ_TMP/well && echo $1'
retries = 3
retry_delay = 3s
TASKS
}

@test "a retry whose task has got a parameter since goes on in the next daemon, in the same row" {
    define_try 'n={n}' n:int
    dj run try 1
    wait_until ended try failed 1
    is "$(dj cat tasks/try/1/meta | jq -r '"\(.try)/\(.tries)"')" 2/4
    define_try 'n={n} m={m}' 'n:int m:int' 'default.m = 7'
    touch well
    kill_daemon
    start_again
    wait_until is_status try/n=1,m=7 "done"
    is "$(dj get --cached try 1)" "n=1 m=7"
    is "$(dj cat tasks/try/n=1,m=7/meta | jq -r '"\(.try)/\(.tries)"')" 2/4
    is "$(dj ls tasks/try/n=1,m=7/history)" 1
    is "$(dj cat tasks/try/n=1,m=7/history/1/meta | jq -r .error)" \
        "try/1 failed with exit code 1 (try 1 of 4)"
    is "$(wc -l < starts)" 2
}
