# Runs in processes that stay: C functions in threads, and programs that answer a line a call.

load helper/djfs

setup()
{
    dj_setup
    cp "$BATS_TEST_DIRNAME/tools/resident.py" .
    export TEST_TMP=$DJ_TMP
}

teardown()
{
    dj_teardown
}

# build FILE.so FILE.c: a shared object.
build()
{
    cc -shared -fPIC -I"$BATS_TEST_DIRNAME/../lib" -o "$1" "$2"
}

# library: the tasks of tests/tools/library.c, built and defined.
library()
{
    build tasks.so "$BATS_TEST_DIRNAME/tools/library.c"
    dj define ./tasks.so
}

# A library's tasks get TEST_TMP by a task file of their own: --list has no environment.
library_with_env()
{
    build tasks.so "$BATS_TEST_DIRNAME/tools/library.c"
    {
        printf '[defaults]\nenv.TEST_TMP = %s\n' "$DJ_TMP"
        dj-host --list ./tasks.so
    } > library.ini
    dj define library.ini
}

# programs [LAUNCH]: tasks of resident.py.
programs()
{
    cat > programs.ini <<TASKS
[defaults]
command = python3 {here}/resident.py
launch  = ${1-resident}
params  = n
env.TEST_TMP = $DJ_TMP

[square]
[pid]
[side]
[filed]
[waits]
[grows]
[nested]
[reads]
[binary]
[escapes]
[garbage]
[two]
[sorry]
[dies]
[leaves]
[late]
[anonymous]
[twice]
[echo]
params = v:json
[coloured]
env = COLOUR
TASKS
    dj define programs.ini
}

lines_of()
{
    [ "$(sort "$1" 2> /dev/null | tr '\n' ' ')" = "$2" ]
}

why_has()
{
    dj why "$1" | grep -q "$2"
}

status_is()
{
    [ "$(dj cat "tasks/$1/status" 2> /dev/null)" = "$2" ]
}

hosts()
{
    our_pids dj-host | wc -l
}

hosts_are()
{
    [ "$(hosts)" -eq "$1" ]
}

@test "a shared object is defined without a task file" {
    start_daemon --no-mount
    library
    [ "$(dj tasks --json | jq -r '.[] | select(.task == "typed") | .params')" = \
        "i:int, f:float, b:bool, s, l:int*, t:file" ]
    dj show typed | grep -q 'What each kind'
    [ "$(get factorial 20)" = 2432902008176640000 ]
    [ "$(hosts)" -eq 1 ]
    [ "$(dj cat tasks/factorial/20/meta | jq -r .launch)" = thread ]
    dj undefine square
    # As quickstart proposes it: nothing but the build folder in PATH.
    env -u DJ_LIBEXECDIR -u DJ_BINDIR dj define ./tasks.so square
    run dj define ./tasks.so nothing
    [ "$status" -eq 5 ]
    [[ $output = *"has no task nothing" ]]
}

@test "arguments are typed; result, log and side files are the run's" {
    start_daemon --no-mount
    library_with_env
    echo text > a.txt
    touch go
    [ "$(get typed 3 2.5 true t=a.txt 's=a b' l=7 l=8)" = \
        "i=3 f=2.5 b=1 s=a b (3) l[0]=7 l[1]=8 t=a.txt none=NULL" ]
    [ "$(get typed 3 1e400000 true t=a.txt 2>&1 | wc -l)" -eq 1 ]
    [ "$(get writes x)" = done ]
    [ "$(dj cat tasks/writes/x/files/own.txt)" = "of x" ]
    [ "$(dj cat tasks/writes/x/log)" = "wrote own.txt of x" ]
    [ "$(get large 200000 | wc -c)" -eq 3200000 ]
    [ "$(dj cat tasks/large/200000/log | tail -n 1)" = "line 2999" ]
    [ "$(get large 1)" = 0123456789abcdef ]
    [ "$(dj cat tasks/large/1/log | wc -l)" -eq 3000 ]
}

@test "each run of a library has a working directory of its own" {
    start_daemon --no-mount --workers 3
    library_with_env
    for n in a b c; do
        get writes $n > $n.out 3>&- &
    done
    wait_until lines_of inside "a b c "
    [ "$(hosts)" -eq 1 ]
    touch go
    wait
    for n in a b c; do
        [ "$(cat $n.out)" = done ]
        [ "$(dj cat tasks/writes/$n/files/own.txt)" = "of $n" ]
    done
    [ "$(get writes d)" = done ]
    [ "$(dj ls tasks/writes/d/files)" = own.txt ]
}

@test "a working directory is the thread's own, also when others begin meanwhile" {
    start_daemon --no-mount --workers 3
    library_with_env
    get stays a > a.out 3>&- &
    wait_until lines_of inside "a "
    get stays b > b.out 3>&- &
    wait_until lines_of inside "a b "
    touch go
    wait
    [ "$(dj cat tasks/stays/a/files/late.txt)" = a ]
    [ "$(dj cat tasks/stays/b/files/late.txt)" = b ]
}

@test "a failure has the task's sentence" {
    start_daemon --no-mount
    library_with_env
    run get fails spoon
    [ "$status" -eq 1 ]
    [ "$output" = "dj: fails/spoon failed with exit code 1: there is no spoon" ]
    [ "$(dj cat tasks/fails/spoon/log)" = "before it fails" ]
    run get code
    [ "$output" = "dj: code/_ failed with exit code 7" ]
    run get calls fails/fork
    [ "$output" = "no: fails/fork failed with exit code 1: there is no fork" ]
    run get calls nowhere/5
    [[ $output = "no: "*nowhere* ]]
    run get calls nonsense
    [[ $output = "no: not the path of a run"* ]]
}

@test "a run that waits gives its worker back, and its thread is another one's" {
    start_daemon --no-mount --workers 1
    library_with_env
    [ "$(get factorial 12)" = 479001600 ]
    programs
    [ "$(get nested 9)" = 81 ]
    [ "$(dj ls tasks/nested/9/deps)" = square,9 ]
}

@test "what a thread reads by the mount is its run's call, whoever else reads" {
    requires_fuse
    start_daemon --workers 1
    library_with_env
    [ "$(get reads 5)" = "read 25" ]
    [ "$(dj ls tasks/reads/5/deps)" = square,5 ]
    seq 100 140 | sed 's,^,reads/,' > list
    timeout $((30 * DJ_TIME_FACTOR)) dj get -f list > out
    [ "$(wc -l < out)" -eq 41 ]
    for n in 100 117 140; do
        [ "$(dj ls tasks/reads/$n/deps)" = square,$n ]
    done
}

@test "what a program reads by the mount is the call of the run that it has" {
    requires_fuse
    start_daemon --workers 1
    programs
    [ "$(get reads 4)" = 16 ]
    [ "$(get reads 5)" = 25 ]
    [ "$(dj ls tasks/reads/4/deps)" = square,4 ]
    [ "$(dj ls tasks/reads/5/deps)" = square,5 ]
}

@test "who crashes fails alone: the others are begun again" {
    start_daemon --no-mount --workers 3
    library_with_env
    for how in segv abort; do
        rm -f inside end go begun
        get waits $how-1 > 1.out 3>&- &
        get waits $how-2 > 2.out 3>&- &
        get ends $how > ends.out 2>&1 3>&- &
        wait_until lines_of inside "$how "
        wait_until lines_of begun "$how-1 $how-2 "
        touch end
        wait_until lines_of begun "$how-1 $how-1 $how-2 $how-2 "
        touch go
        wait
        [ "$(cat 1.out 2.out)" = "$how-1"$'\n'"$how-2" ]
        grep -q "ends/how=$how,n=0 was ended by signal .*: about to end by $how" ends.out
        [ "$(dj cat tasks/ends/how=$how,n=0/log)" = "about to end by $how" ]
        [ "$(dj cat tasks/waits/$how-1/meta | jq .attempt)" -eq 2 ]
    done
    touch end
    run get ends exit
    [ "$output" = "dj: ends/how=exit,n=0 failed with exit code 3: about to end by exit" ]
    run get overflows
    [[ $output = "dj: overflows/_ was ended by signal 11"* ]]
}

@test "a host that is killed from outside: nobody is to blame, all are begun again" {
    start_daemon --no-mount --workers 3
    library_with_env
    get waits 1 > 1.out 3>&- &
    get waits 2 > 2.out 3>&- &
    wait_until lines_of begun "1 2 "
    kill -KILL "$(our_pids dj-host)"
    wait_until lines_of begun "1 1 2 2 "
    [ "$(hosts)" -eq 2 ] # one each, in case that one of them did it
    touch go
    wait
    [ "$(cat 1.out 2.out)" = 1$'\n'2 ]
    wait_until hosts_are 0
    touch end
    [ "$(get ends kill)" = "kill went on" ]
}

@test "cancelled and timed out: a thread is asked, a program is ended" {
    start_daemon --no-mount --workers 3
    library_with_env
    get waits 1 > 1.out 2>&1 3>&- &
    wait_until lines_of begun "1 "
    dj cancel waits/1
    wait
    [[ $(cat 1.out) = *"waits/1 was cancelled by "* ]]
    rm begun
    # One that does not listen takes its process along after two seconds, and nobody else's run.
    get stubborn 1 > 1.out 2>&1 3>&- &
    get waits 2 > 2.out 2>&1 3>&- &
    wait_until lines_of begun "1 2 "
    dj cancel stubborn/1
    wait_until lines_of begun "1 2 2 "
    touch go
    wait
    [[ $(cat 1.out) = *"stubborn/1 was cancelled by "* ]]
    [ "$(cat 2.out)" = 2 ]
    rm go begun
    sed 's/^\[waits\]/&\ntimeout = 100ms/' library.ini > timed.ini
    dj define timed.ini
    run get waits 3
    [ "$output" = "dj: waits/3 took longer than its timeout of 100ms" ]
    programs
    get waits 4 > 4.out 2>&1 3>&- &
    wait_until lines_of begun "3 4 "
    dj cancel waits/4
    wait
    [[ $(cat 4.out) = *"waits/4 was cancelled by "* ]]
    [ "$(get square 3)" = 9 ]
}

@test "one that waits for another run can be cancelled, and its neighbours do not notice" {
    start_daemon --no-mount --workers 3
    library_with_env
    get waits 1 > 1.out 2>&1 3>&- &
    get calls waits/1 > 2.out 2>&1 3>&- &
    wait_until status_is calls/waits%2F1 waiting
    get waits 3 > 3.out 2>&1 3>&- &
    wait_until lines_of begun "1 3 "
    dj cancel calls/waits%2F1
    wait_until not status_is calls/waits%2F1 waiting
    touch go
    wait
    [[ $(cat 2.out) = *"was cancelled by "* ]]
    [ "$(cat 1.out 3.out)" = 1$'\n'3 ]
    lines_of begun "1 3 "
}

@test "resources and progress from a thread" {
    start_daemon --no-mount --workers 3 --resource ram=10
    library_with_env
    get reserves a > a.out 2>&1 3>&- &
    wait_until lines_of reserved "a "
    get reserves b > b.out 2>&1 3>&- &
    wait_until why_has reserves/b ram
    touch a
    wait_until lines_of reserved "a b "
    touch b go
    wait
    [ ! -s a.out ]
    [ ! -s b.out ]
    [[ $(dj cat tasks/reserves/a/meta | jq -c .resources) = *6* ]]
}

@test "each kind of answer of a program" {
    start_daemon --no-mount
    programs
    [ "$(get square 25)" = 625 ]
    [ "$(get square 99999999999)" = 9999999999800000000001 ]
    [ "$(get echo '{"b": 1.0, "a": [1, "x"]}')" = '{"a": [1, "x"], "b": 1.0}' ]
    [ "$(get echo '"a \"text\"\n"')" = 'a "text"' ]
    [ "$(get binary 1 | od -An -tx1)" = " 00 01 02 ff" ]
    [ "$(get filed 100000 | wc -c)" -eq 100000 ]
    [ "$(get filed 1 | wc -c)" -eq 1 ]
    [ "$(get side 7)" = '["deep"]' ]
    [ "$(dj cat tasks/side/7/files/deep/er/x.txt)" = "of 7" ]
    [ "$(dj cat tasks/side/7/log)" = "wrote 7" ]
    [ "$(get side 8)" = '["deep"]' ] # the folder was empty again
    [ "$(COLOUR=red get coloured 1)" = red ]
    [ "$(get coloured 1)" = none ]
    [ "$(dj cat tasks/square/25/meta | jq -r .launch)" = resident ]
}

@test "a program that answers wrongly, or not at all" {
    start_daemon --no-mount --workers 1
    programs
    run get garbage 1
    [ "$status" -eq 1 ]
    [[ $output = "dj: garbage/1: its answer is none: JSON: "* ]]
    run get two 1
    [[ $output = "dj: two/1: its answer is none: one of \"result\""* ]]
    run get anonymous 1
    [[ $output = *'its answer is none: it has no "run", which says whose it is' ]]
    [ "$(get late 1)" = null ] # the answer to another call is none to this one
    seq 1 10 | sed 's,^,twice/,' > list
    timeout $((30 * DJ_TIME_FACTOR)) dj -q get -f list > out 2>&1
    [ "$(sort -u out)" = null ]
    [ "$(get square 4)" = 16 ]
    run get escapes 1
    [ "$output" = "dj: escapes/1: result_file is no path below its folder" ]
    run get sorry 1
    [ "$output" = "dj: sorry/1 failed with exit code 9: no such thing" ]
    run get dies 1
    [ "$output" = "dj: dies/1 was ended by signal 11 (Segmentation fault): about to die" ]
    run get leaves 1
    [ "$output" = "dj: leaves/1 failed with exit code 1: it ended without an answer" ]
    [ "$(get square 3)" = 9 ]
    dj define missing launch=resident n -- ./nothing-here
    run get missing 1
    [ "$status" -eq 1 ]
    [[ $output = "dj: missing/1 could not be started: cannot start "*"nothing-here: No such file"* ]]
}

@test "the interpreter starts once; it is replaced after so many calls, or when it has grown" {
    local first
    start_daemon --no-mount --workers 1
    programs
    first=$(get pid 1)
    [ "$(get pid 2)" = "${first% *} 2" ]
    [ "$(get pid 3)" = "${first% *} 3" ]
    programs 'resident runs=2'
    first=$(get --force pid 1)
    [ "$(get --force pid 2)" = "${first% *} 2" ]
    [ "$(get --force pid 3 | cut -d' ' -f2)" = 1 ]
    programs 'resident rss=100M'
    first=$(get --force grows 1)
    [ "${first#* }" = 1 ]
    for n in 2 3 4 5; do
        echo "$(get --force grows "$n")"
    done > grown
    [ "$(cut -d' ' -f1 grown | sort -u | wc -l)" -ge 2 ]
}

@test "an edited file gets a process of its own" {
    start_daemon --no-mount --workers 1
    programs
    [ "$(get square 4)" = 16 ]
    sed -i 's/\*\* 2/** 3/' resident.py
    [ "$(get --force square 4)" = 64 ]
    library_with_env
    [ "$(get square 5)" = 25 ]
    sed 's/n \* n/n + n/' "$BATS_TEST_DIRNAME/tools/library.c" > other.c
    build new.so other.c
    mv new.so tasks.so
    [ "$(get --force square 5)" = 10 ]
}

@test "what runs goes on without its daemon, and is taken in by the next" {
    start_daemon --no-mount --workers 3
    library_with_env
    programs 2> /dev/null
    dj undefine waits
    library_with_env
    get waits 1 > /dev/null 2>&1 3>&- &
    wait_until lines_of begun "1 "
    wait_until status_is waits/1 running
    kill_daemon
    wait || true
    start_daemon --no-mount --workers 3
    get waits 1 > 1.out 3>&- &
    touch go
    wait
    [ "$(cat 1.out)" = 1 ]
    lines_of begun "1 "
    [ "$(dj cat tasks/waits/1/meta | jq .attempt)" -eq 1 ]
    rm go begun
    programs
    get waits 2 > /dev/null 2>&1 3>&- &
    wait_until lines_of begun "2 "
    wait_until status_is waits/2 running
    kill_daemon
    wait || true
    touch go
    start_daemon --no-mount --workers 3
    [ "$(get waits 2)" = 2 ]
    lines_of begun "2 "
}

@test "many short ones" {
    start_daemon --no-mount --workers 2
    library_with_env
    programs 2> /dev/null
    dj undefine square
    library_with_env
    get square 1 > /dev/null
    seq 2 2001 | sed 's,^,square/,' > list
    timeout $((60 * DJ_TIME_FACTOR)) dj get -f list > out
    seq 2 2001 | awk '{ print $1 * $1 }' | cmp - out
    [ "$(dj cat tasks/square/2001/meta | jq -r .state)" = done ]
    [ "$(dj status --json | jq '.busy')" = 0 ] || dj status --json
    programs
    get echo 1 > /dev/null
    seq 1 500 | sed 's,^,echo/,' > list
    timeout $((60 * DJ_TIME_FACTOR)) dj get -f list > out
    seq 1 500 | cmp - out
    dj fsck
}

@test "what was told of short ones is there after their daemon was killed at any moment" {
    local first=1 round whole

    start_daemon --no-mount --workers 2
    library_with_env
    seq 100 | sed 's,^,square/,' > list
    timeout $((60 * DJ_TIME_FACTOR)) dj get -f list > /dev/null # short, as is known now
    for round in 1 2 3 4; do
        first=$((first + 100000))
        seq "$first" $((first + 9999)) > numbers
        sed 's,^,square/,' numbers > list
        timeout $((60 * DJ_TIME_FACTOR)) dj get -f list > out 2> /dev/null &
        wait_until eval '[ "$(wc -l < out)" -gt $((round * 200)) ]'
        kill_daemon
        wait || true
        start_daemon --no-mount --workers 2
        whole=$(wc -l < out)
        head -n "$whole" out > told
        head -n "$whole" list > asked
        [ "$whole" -gt $((round * 200)) ]
        head -n "$whole" numbers | awk '{ printf "%d\n", $1 * $1 }' | cmp - told
        timeout $((60 * DJ_TIME_FACTOR)) dj get --cached -f asked | cmp - told
        dj fsck
    done
    # The numbers of calls go on: what comes now takes nobody's place.
    timeout $((60 * DJ_TIME_FACTOR)) dj get -f list > out
    awk '{ printf "%d\n", $1 * $1 }' numbers | cmp - out
    timeout $((60 * DJ_TIME_FACTOR)) dj get --cached -f asked | cmp - told
    dj fsck
}

@test "by a call: a process of its own, a thread where there is none" {
    start_daemon --no-mount
    library_with_env
    [ "$(get --launch process square 6)" = 36 ]
    wait_until hosts_are 0
    [ "$(dj cat tasks/square/6/meta | jq -r .launch)" = process ]
    dj define plain n -- echo '{n}'
    run get --launch thread plain 1
    [ "$status" -eq 2 ]
    [[ $output = *"has the path of a shared object (.so) as its command"* ]]
    run get --launch resident plain 1
    [[ $output = *"no argument can stand in it" ]]
    run get --launch 'command sh -c COMMAND' square 7
    [[ $output = *"in a thread cannot be launched by a command" ]]
    run dj memo --launch thread true
    [[ $output = *"a memo is a command, and always a process" ]]
}

@test "definitions that cannot be" {
    start_daemon --no-mount
    refused()
    {
        run dj define bad "$@"
        [ "$status" -eq 2 ] || { echo "$output"; return 1; }
        echo "$output"
    }
    refused launch=thread n -- ./t.so f g | grep -q 'the path of a shared object'
    refused launch=thread n -- ./program | grep -q 'the path of a shared object'
    refused launch=resident n -- ./p '{n}' | grep -q 'no argument can stand in it'
    refused launch=resident memory=1G n -- ./p | grep -q 'memory cannot be limited'
    refused launch=thread max_files=1G n -- ./t.so | grep -q 'max_files cannot be limited'
    echo 'int x;' > empty.c
    build empty.so empty.c
    run dj define ./empty.so
    [[ $output = *"it has no task; DJ_TASK of djfs/task.h makes one" ]]
    echo text > text.so
    run dj define ./text.so
    [[ $output = *"text.so: "* ]]
    printf '#include <djfs/task.h>\nDJ_TASK(t, "[other]") { (void)run; return 0; }\n' > odd.c
    build odd.so odd.c
    run dj define ./odd.so
    [[ $output = *"an option cannot begin with [" ]]
    dj define gone launch=thread n -- ./gone.so
    run get gone 1
    [[ $output = *"gone/1 could not be started: "*"gone.so"* ]]
    cp empty.so gone.so
    run get gone 1
    [[ $output = *"it has no task"* ]]
    library
    dj define lost launch=thread n -- ./tasks.so
    run get lost 1
    [[ $output = *"tasks.so has no task lost" ]]
}

@test "idle processes end with their daemon" {
    start_daemon --no-mount
    library
    programs
    get echo 1
    library
    get square 2
    [ "$(hosts)" -eq 2 ]
    timeout $((20 * DJ_TIME_FACTOR)) dj down
    wait_until hosts_are 0
}
