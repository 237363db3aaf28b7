# How runs are started: by launch commands, and in the worker of their caller. The programs that start
# them stand in for those of a cluster; ssh is the real one, and slurm.bats has a real Slurm.

load helper/djfs

setup()
{
    dj_setup
    export PATH=$DJ_TMP/bin:$PATH
    mkdir bin
    # As bsub does: its words are joined for a shell, and it does not wait.
    printf '%s\n' '#!/bin/sh' 'setsid sh -c "$*" < /dev/null > /dev/null 2>&1 &' > bin/bsub
    # One that waits until it is let go.
    printf '%s\n' '#!/bin/sh' "until [ -e $DJ_TMP/go ]; do sleep 0.02; done" 'exec "$@"' > bin/queue
    chmod +x bin/*
    start_daemon --no-mount --workers 2
}

teardown()
{
    dj_teardown
}

status_is()
{
    [ "$(dj cat "tasks/$1/status")" = "$2" ]
}

# The folder of the one run that is launched now.
launch_folder()
{
    echo "$DJ_STORE"/work/*/arg/launch-*
}

meta()
{
    dj cat "tasks/$1/meta" | jq -r "$2"
}

@test "a launch command starts the run: result, log, files, exit status and signal are the command's" {
    define_tasks <<TASKS
[double]
params = n:int
command = sh -c 'echo \$((2 * \$1)) "\$QUOTED"; echo "log \$1" >&2; touch left; test \$1 != 3 || exit 3; test \$1 != 9 || kill -TERM \$\$' sh {n}
env.QUOTED = it's "q" \$x \`y\`
launch = command nice -n 1 COMMAND
TASKS
    is "$(dj get double 1)" "2 it's \"q\" \$x \`y\`"
    is "$(dj log double/1)" "log 1"
    is "$(dj ls tasks/double/1/files)" left
    is "$(meta double/1 '.launch, .state, .host')" "$(printf 'command nice -n 1 COMMAND\ndone\n%s' "$(uname -n)")"
    is "$(dj why double/1)" hit
    exits 1 dj get double 3
    has "$output" "double/3 failed with exit code 3: log 3"
    exits 1 dj get double 9
    has "$output" "double/9 was ended by signal 15"
    has "$(dj show double/1)" "command nice -n 1 COMMAND"
    # What repeats it by hand is the command itself.
    dj cat tasks/double/1/command > again
    is "$(sh again 2> /dev/null)" "2 it's \"q\" \$x \`y\`"
}

@test "what it says on its own output is in the log, and nothing of the run is on a command line" {
    printf '%s\n' '#!/bin/sh' 'echo submitted 17' 'echo to the log >&2' "echo \"\$*\" > $DJ_TMP/words" \
        "env > $DJ_TMP/has" 'exec "$@"' > bin/submit
    chmod +x bin/submit
    define_tasks <<TASKS
[secret]
command = sh -c 'echo result; test -n "\$DJ_RUN" && echo "\$PASSWORD"'
env.PASSWORD = hunter2
launch = command submit COMMAND
TASKS
    is "$(dj get secret)" "$(printf 'result\nhunter2')"
    is "$(dj log secret)" "$(printf 'submitted 17\nto the log')"
    not grep -q 'hunter2\|DJ_RUN' words
    not grep -q '^DJ_RUN=' has
}

@test "of the daemon's environment the command has nothing that other runs have not" {
    stop_daemon
    FOREIGN=1 SLURM_FOREIGN=2 start_daemon --no-mount
    printf '%s\n' '#!/bin/sh' "env | sort > $DJ_TMP/launcher" 'PLACE=3 exec "$@"' > bin/submit
    chmod +x bin/submit
    define_tasks <<TASKS
[alone]
command = env
[launched]
command = env
launch = command submit COMMAND
TASKS
    dj get alone | sed 's/=.*//' | sort > alone
    dj get launched | sed 's/=.*//' | sort > launched
    # What the place has set is there; a shell adds a few of its own.
    is "$(comm -13 alone launched | grep -vxE 'PWD|OLDPWD|SHLVL|_')" "$(printf 'PLACE\nSLURM_FOREIGN')"
    is "$(comm -23 alone launched)" ""
    grep -qx FOREIGN=1 launcher
}

@test "a program that fails before the command begins is named, with how it ended" {
    define_tasks <<TASKS
[refused]
command = true
launch = command sh -c 'echo no such queue >&2; exit 4 || COMMAND'
[nowhere]
command = true
launch = command nowhere-at-all COMMAND
TASKS
    exits 1 dj get refused
    has "$output" "could not be started: sh ended with exit status 4 before the command began, which needs $DJ_STORE/work/"
    has "$(dj log refused)" "no such queue"
    is "$(meta refused/_ .ended_by)" not-started
    exits 1 dj get nowhere
    has "$output" "could not be started: nowhere-at-all: not found in PATH"
}

@test "one that only submits: the run goes on, and why says whether it has begun" {
    define_tasks <<TASKS
[batch]
params = n:int
command = sh -c 'until [ -e $DJ_TMP/end ]; do sleep 0.02; done; echo \$1' sh {n}
launch = command bsub "queue COMMAND"
TASKS
    dj run batch 7
    wait_until status_is batch/7 running
    has "$(dj why batch/7)" "launched by command bsub 'queue COMMAND', not begun yet"
    touch go
    wait_until eval 'dj why batch/7 | grep -q "^running for"'
    touch end
    is "$(dj get batch 7)" 7
}

@test "cancel, rm and timeout reach a command wherever it runs, begun or not" {
    define_tasks <<TASKS
[hangs]
params = n:int
command = sh -c 'echo \$\$ > $DJ_TMP/pid.\$1; trap "" TERM; sleep 100' sh {n}
launch = command bsub COMMAND
[short]
params = n:int
command = sh -c 'echo \$\$ > $DJ_TMP/pid.\$1; sleep 100' sh {n}
timeout = 300ms
launch = command bsub COMMAND
[queued]
params = n:int
command = touch $DJ_TMP/begun
launch = command bsub 'queue COMMAND'
TASKS
    dj run hangs 1
    wait_until test -s pid.1
    dj cancel hangs/1
    wait_until -t 20 status_is hangs/1 cancelled
    not kill -0 "$(cat pid.1)"
    exits 124 dj get short 2
    not kill -0 "$(cat pid.2)"
    # One that has not begun: it finds that it was given up.
    dj run queued 3
    wait_until eval 'dj why queued/3 | grep -q "not begun yet"'
    dj rm queued/3
    wait_until status_is queued/3 absent
    touch go
    wait_until eval '! pgrep -f "$DJ_TMP/bin/queue" > /dev/null'
    not test -e begun
}

@test "a late job of an attempt that was given up finds nothing where it would write" {
    define_tasks <<TASKS
[late]
params = n:int
command = sh -c 'echo late; touch late'
launch = command bsub 'queue COMMAND'
[now]
params = n:int
command = sh -c 'touch in; until [ -e $DJ_TMP/late ]; do sleep 0.02; done; echo now'
TASKS
    dj run late 1
    wait_until eval 'dj why late/1 | grep -q "not begun yet"'
    slot=$(dirname "$(dirname "$(launch_folder)")")
    touch "$slot/of-the-late-one"
    dj cancel late/1
    wait_until status_is late/1 cancelled
    dj run now 1
    wait_until test -e "$slot/cwd/in"
    not test -e "$slot/of-the-late-one"
    touch go
    wait_until eval '! pgrep -f "$DJ_TMP/bin/queue" > /dev/null'
    touch late
    is "$(dj get now 1)" now
    is "$(dj ls tasks/now/1/files)" in
    is "$(dj log now/1)" ""
}

@test "a job that dies without a word is found by its beats and started again" {
    stop_daemon
    DJ_LAUNCH_LOST_MS=$((2500 * DJ_TIME_FACTOR)) start_daemon --no-mount
    define_tasks <<TASKS
[dies]
command = sh -c 'echo once >> $DJ_TMP/times; [ "\$(wc -l < $DJ_TMP/times)" = 2 ] || (echo half; sleep 100); echo whole'
launch = command bsub COMMAND
TASKS
    dj run dies
    wait_until test -s times
    wait_until test -s "$(launch_folder)/beat"
    # As when a node loses its power: the command, its shell and the watcher.
    pkill -KILL -f "$(launch_folder)/run"
    pkill -KILL -f "sleep 100"
    is "$(dj get dies)" whole
    is "$(meta dies/_ .attempt)" 2
}

@test "a launched run lives on when daemon and worker end, and is taken in" {
    define_tasks <<TASKS
[lives]
command = sh -c 'echo begun >> $DJ_TMP/begun; until [ -e $DJ_TMP/end ]; do sleep 0.02; done; echo alive'
launch = command bsub COMMAND
TASKS
    dj run lives
    wait_until test -s begun
    kill_daemon
    start_daemon --no-mount --workers 2
    status_is lives/_ running
    touch end
    is "$(dj get lives)" alive
    is "$(wc -l < begun)" 1
    is "$(meta lives/_ .launch)" "command bsub COMMAND"
}

@test "placeholders are the run's resources, time, name and arguments" {
    stop_daemon
    start_daemon --no-mount --resource ram=8 --resource cores=4
    printf '%s\n' '#!/bin/sh' "echo \"\$1|\$2|\$3|\$4|\$5\" > $DJ_TMP/words" 'shift 5; exec "$@"' > bin/submit
    chmod +x bin/submit
    define_tasks <<TASKS
[sized]
params = text
command = echo {text}
resources = ram=1.5, cores=2
timeout = 61s
launch = command submit -c{cores} --mem={ram}G {time} {task}-{{}} {text} COMMAND
TASKS
    is "$(dj get sized "a b'c")" "a b'c"
    is "$(cat words)" "-c2|--mem=1.5G|2|sized-{}|a b'c"
}

@test "dj.conf names launches, per task and per call; a reload changes them" {
    mkdir -p "$XDG_CONFIG_HOME/dj"
    printf '%s\n' '[launch big]' "launch = command sh -c 'echo big >&2; COMMAND'" \
        '[launch timed]' 'launch = command nice -n {time} COMMAND' > "$XDG_CONFIG_HOME/dj/dj.conf"
    dj write ctl reload
    define_tasks <<TASKS
[named]
params = n:int
command = echo {n}
launch = big
[plain]
params = n:int
command = echo {n}
TASKS
    is "$(dj get named 1)" 1
    is "$(dj log named/1) $(meta named/1 .launch)" "big big"
    is "$(dj get --launch process named 2)" 2
    is "$(dj log named/2) $(meta named/2 .launch)" " process"
    is "$(dj get --launch big plain 1)" 1
    is "$(meta plain/1 .launch)" big
    dj run --launch big plain 2
    is "$(dj get plain 2)" 2
    is "$(meta plain/2 .launch)" big
    is "$(dj memo --launch big echo hello)" hello
    printf 'plain/5\nplain/6\n' > list
    is "$(dj get --launch big -f list)" "$(printf '5\n6')"
    is "$(meta plain/6 .launch)" big
    # Of many calls: rows, a stored frame, a sweep.
    dj frame n=11..12 | dj -q map --launch big plain > rows
    is "$(meta plain/12 .launch)" big
    dj frame n=13 | dj map --frame kept --launch big plain > /dev/null
    is "$(dj cat tasks/plain/13/wait) $(meta plain/13 .launch)" "done big"
    is "$(dj get --launch big plain n=14..15)" "$(printf '14\n15')"
    is "$(meta plain/15 .launch)" big
    exits 2 dj map --launch 'command true' plain < /dev/null
    has "$output" "--launch command true: the launch command does not say where"
    has "$(dj config)" "launch big"
    has "$(dj config)" "$XDG_CONFIG_HOME/dj/dj.conf:1"
    # It does not count for what is computed: what is there answers, however it was launched.
    is "$(dj get --cached --launch process plain 1)" 1
    # One whose template asks for more than the task has.
    exits 2 dj get --launch timed plain 3
    is "$output" "dj: plain: launch: {time} is the task's timeout, and it has none"
    printf '%s\n' '[launch big]' 'launch = command nice COMMAND' > "$XDG_CONFIG_HOME/dj/dj.conf"
    dj write ctl reload
    is "$(dj get named 3)" 3
    is "$(dj log named/3)" ""
    exits 5 dj get --launch timed plain 3
    is "$output" "dj: plain: there is no launch timed: dj.conf has no section [launch timed]"
}

# refuses TEXT SENTENCE: as a task's launch, and nothing is defined.
refuses()
{
    printf '[t]\nparams = l:str*\ncommand = true\nlaunch = %s\n' "$1" > t.dj
    exits 2 dj define t.dj
    is "$output" "dj: t.dj:$3: $2"
    exits 5 dj cat tasks/t/.definition
}

@test "every launch that cannot be is refused when it is defined, with its own sentence" {
    refuses "command srun" "the launch command does not say where the run's own command goes: COMMAND has to stand in it, as in srun COMMAND" 4
    refuses "command" "command has no words behind it; write, for instance, command srun COMMAND" 4
    refuses "command srun 'COMMAND" "a quote ' is opened and not closed" 4
    refuses "command sh -c 'COMMAND; COMMAND'" "t: launch: COMMAND stands there twice, and a run begins once" 1
    refuses "command srun {nope} COMMAND" "t: launch: {nope}: the task has no parameter and no resource of this name" 1
    refuses "command srun {l} COMMAND" "t: launch: {l} is a list, which is no single word" 1
    refuses "command srun {time} COMMAND" "t: launch: {time} is the task's timeout, and it has none" 1
    refuses "command srun {x COMMAND" "t: launch: a single brace is no placeholder, which is {NAME}; write {{ and }} for braces" 1
    refuses "command sh -c 'echo \"\$(COMMAND)\"'" 't: launch: COMMAND stands in a $(...) or `...` within double quotes, where it cannot be quoted right' 1
    refuses "direct now" "direct takes no word behind it" 4
    refuses "resident often=1" 'resident takes runs=N and rss=SIZE, and no "often=1"' 4
    # A name that dj.conf does not have yet may come: that is a note.
    printf '[t]\ncommand = true\nlaunch = later\n' > t.dj
    exits 0 dj define t.dj
    has "$output" "t: its runs cannot be launched yet: there is no launch later: dj.conf has no section [launch later]"
    exits 5 dj get t
    is "$output" "dj: t: there is no launch later: dj.conf has no section [launch later]"
}

@test "a value that a shell would read otherwise is refused, and any other word takes it" {
    define_tasks <<TASKS
[shell]
params = text
command = echo {text}
launch = command sh -c 'test {text} && COMMAND'
TASKS
    is "$(dj get shell a-b.c)" a-b.c
    exits 2 dj get shell 'a;touch x'
    is "$output" "dj: shell: launch: a shell reads {text} here, and its value has other bytes than letters, digits and _./:=@%+,-"
    not test -e x
}

@test "slips in dj.conf's launches have their line and sentence" {
    local conf=$XDG_CONFIG_HOME/dj/dj.conf
    mkdir -p "$XDG_CONFIG_HOME/dj"
    slip() {
        printf '%b' "$1" > "$conf"
        exits 2 dj config
        is "$output" "dj: $conf:$2"
    }
    slip '[launch a]\n' '1: launch a does not say what it is; write launch = MODE'
    slip '[launch thread]\nlaunch = process\n' '1: thread is a launch mode of djfs; a launch of this file has another name'
    slip '[launch a/b]\nlaunch = process\n' '1: "a/b" is not the name of a launch: letters, digits and _.-, at most 64'
    slip '[launch a]\nlaunch = b\n' '2: launch a cannot stand for another name, b'
    slip '[launch a]\nlaunch = command srun\n' "2: the launch command does not say where the run's own command goes: COMMAND has to stand in it, as in srun COMMAND"
    slip '[launch a]\nmode = process\n' '2: a section [launch NAME] has the line launch = MODE, and no "mode"'
    slip '[launch a]\nlaunch = process\n[launch a]\nlaunch = direct\n' '3: there are two launches a'
}

@test "a direct call from a run takes the worker that the run gives up, before all that stands in line" {
    local mode first
    stop_daemon
    start_daemon --no-mount --workers 1
    define_tasks <<TASKS
[elsewhere]
params = n:int
command = sh -c 'until [ -e $DJ_TMP/answer.\$1 ]; do sleep 0.02; done; echo x' sh {n}
session = new
[resumer]
params = n:int
command = sh -c 'dj get elsewhere \$1; echo resumer >> $DJ_TMP/order.\$1' sh {n}
[caller]
params = n:int, mode
command = sh -c 'touch $DJ_TMP/calls.\$1; until [ -e $DJ_TMP/go.\$1 ]; do sleep 0.02; done; dj get \$2 called \$1; echo caller >> $DJ_TMP/order.\$1' sh {n} {mode}
[called]
params = n:int
command = sh -c 'echo called >> $DJ_TMP/order.\$1' sh {n}
launch = direct
[other]
params = n:int
priority = 100
command = sh -c 'echo other >> $DJ_TMP/order.\$1' sh {n}
TASKS
    for n in 1 2; do
        # One that stands in line to go on, one that is new, and the caller, who has the only worker.
        [ "$n" = 1 ] && mode=--force || mode=--launch=process
        dj run resumer $n
        wait_until status_is resumer/$n waiting
        dj run caller $n "mode=$mode"
        wait_until test -e calls.$n
        dj run other $n
        touch answer.$n
        wait_until eval "dj why resumer/$n | grep -q 'waiting for a worker to go on'"
        touch go.$n
        wait_until eval "[ \"\$(wc -l < order.$n)\" = 4 ]"
    done
    is "$(head -n 1 order.1)" called
    is "$(head -n 1 order.2)" resumer
    # Who is no run gives up nothing.
    dj get --force called 3
    is "$(cat order.3)" called
    is "$(meta called/3 .launch)" direct
}

# start_sshd: a server of our own on a free port of this machine, and bin/ssh for it.
start_sshd()
{
    local port sshd
    sshd=$(PATH=$PATH:/usr/sbin:/sbin command -v sshd)
    mkdir -m 0700 ssh
    ssh-keygen -q -t ed25519 -N '' -f ssh/host
    ssh-keygen -q -t ed25519 -N '' -f ssh/key
    cp ssh/key.pub ssh/authorized
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    printf '%s\n' "Port $port" 'ListenAddress 127.0.0.1' "HostKey $DJ_TMP/ssh/host" 'PidFile none' 'UsePAM no' \
        'StrictModes no' "AuthorizedKeysFile $DJ_TMP/ssh/authorized" 'PasswordAuthentication no' > ssh/config
    # It wants this folder where it runs as root.
    [ "$(id -u)" != 0 ] || mkdir -p /run/sshd
    "$sshd" -D -f "$DJ_TMP/ssh/config" 2> ssh/log &
    on_exit kill $!
    printf '%s\n' "Port $port" "IdentityFile $DJ_TMP/ssh/key" 'StrictHostKeyChecking no' 'BatchMode yes' \
        "UserKnownHostsFile $DJ_TMP/ssh/known" 'LogLevel ERROR' 'IdentitiesOnly yes' > ssh/client
    printf '%s\n' '#!/bin/sh' "exec /usr/bin/ssh -F $DJ_TMP/ssh/client \"\$@\"" > bin/ssh
    chmod +x bin/ssh
    wait_until ssh 127.0.0.1 true
}

@test "real ssh: the command runs there, is ended there, and a host that is not there is named" {
    requires ssh ssh-keygen python3
    PATH=$PATH:/usr/sbin:/sbin requires sshd
    start_sshd
    define_tasks <<TASKS
[far]
params = text
command = sh -c 'echo "\$1 \$GREETING"; echo log >&2; test -n "\$SSH_CONNECTION"' sh {text}
env.GREETING = it's "far" \$HOME
launch = command ssh 127.0.0.1 COMMAND
[nested]
command = echo nested
launch = command ssh 127.0.0.1 "cd / && sh -c 'exec COMMAND'"
[sleeps]
command = sh -c 'echo \$\$ > $DJ_TMP/pid; sleep 100'
launch = command ssh 127.0.0.1 COMMAND
[gone]
command = true
launch = command ssh -o ConnectTimeout=1 -p 1 127.0.0.1 COMMAND
TASKS
    is "$(dj get far "a b'c")" "a b'c it's \"far\" \$HOME"
    is "$(dj log "far/a b'c")" log
    is "$(dj get nested)" nested
    dj run sleeps
    wait_until test -s pid
    dj cancel sleeps
    wait_until -t 20 status_is sleeps/_ cancelled
    not kill -0 "$(cat pid)"
    exits 1 dj get gone
    has "$output" "could not be started: ssh ended with exit status 255 before the command began"
    has "$output" "Connection refused"
}
