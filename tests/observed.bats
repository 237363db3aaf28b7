# How runs are looked at: status, tasks, show, log, events, and the bar of what takes its time.

load helper/djfs

setup_file()
{
    dj_setup
    start_daemon --workers 2 --no-mount
    define_tasks << 'END'
[pause]
params = n:int
command = sh -c 'sleep 0.25; echo "$1"' sh {n}
END
}

teardown_file()
{
    touch "$DJ_TMP/open1" "$DJ_TMP/open2" "$DJ_TMP/open3"
    dj_teardown
}

# on_terminal CMD: its output, stderr and stdout mixed, as a terminal of 80 columns gets it; status.
on_terminal()
{
    script -qec "stty cols 80; $1" /dev/null < /dev/null
}

# pauses FROM TO: paths of runs that take a quarter of a second each, two at a time.
pauses()
{
    seq -f tasks/pause/%.0f "$1" "$2"
}

# ---- the bar -------------------------------------------------------------------------------------

@test "bar: on a terminal a list of runs shows one that moves, and nothing is left of it" {
    requires script
    pauses 1 14 > list
    on_terminal "dj get -f list > got" > seen
    is "$(cat got)" "$(seq 14)"
    [ "$(grep -oaE '\[=*> *\] [0-9]+/14 [0-9]+ % eta [0-9]+ s' seen | sort -u | wc -l)" -ge 3 ]
    # Drawn anew on one line, and taken away at the end.
    is "$(tr -cd '\n' < seen | wc -c)" 0
    is "$(tail -c 4 seen | od -An -c | tr -d ' ')" '\r033[K'

    # Results on the same terminal come out whole.
    pauses 21 34 > list
    on_terminal "dj get -f list" > seen
    grep -qa 'eta' seen
    is "$(sed 's/\r$//; s/.*\r\x1b\[K//' seen)" "$(seq 21 34)"
}

@test "bar: elsewhere it is a plain line, with -q nothing, and within a second nothing" {
    pauses 41 54 > list
    dj get -f list > got 2> said
    is "$(cat got)" "$(seq 41 54)"
    grep -qxE 'dj: results: [0-9]+ of 14, [0-9]+ %, eta [0-9]+ s' said
    is "$(tr -cd '\r\033' < said)" ""
    dj get -f list > got 2> said
    is "$(cat said)" ""
    pauses 61 74 > list
    on_terminal "dj -q get -f list > got" > seen
    is "$(cat seen)" ""
    TERM=dumb on_terminal "dj get --force -f list > got" > seen
    is "$(tr -cd '\033' < seen)" ""
    grep -qa 'dj: results: ' seen
}

@test "bar: many are deleted at once; what one is refused is said by its path" {
    dj get -f - > got < <(pauses 81 84)
    exits 5 dj rm tasks/pause/81 tasks/pause/82 tasks/pause/99 tasks/pause/83
    is "$output" "dj: tasks/pause/99: nothing is stored of this run, so nothing is deleted"
    exits 0 dj get --cached pause 84
    for n in 81 82 83; do
        exits 3 dj get --cached pause "$n"
    done
}

# ---- a store with runs in all states -------------------------------------------------------------

# The tasks whose runs are in a state each; what a user looks at below.
all_states()
{
    dj define a.done n:int -- sh -c 'echo note >&2; echo "$1"' sh '{n}'
    dj define b.failed -- sh -c 'echo oh dear >&2; exit 3'
    dj define c.stale n:int -- echo '{n}'
    dj define d.busy n:int -- sh -c 'echo begun >&2; until test -e "$0$1"; do sleep 0.05; done
        echo ended >&2; echo through' "$DJ_TMP/open" '{n}'
    dj define f.odd s -- printf %s '{s}'
    dj get -f - > /dev/null << 'END' || :
a.done/1
a.done/2
a.done/3
b.failed/_
c.stale/1
c.stale/2
END
    dj bump c.stale > /dev/null
    dj get f.odd $'a\tb\e[31m\xff ä' > /dev/null
    for n in 1 2 3 4; do
        dj run d.busy "$n"
    done
    wait_until sh -c 'dj log d.busy 1 | grep -q begun && dj log d.busy 2 | grep -q begun'
    dj cancel d.busy 4
}

@test "status: a table by task and state in a fixed order, and the daemon above it" {
    all_states
    is "$(dj status a.done b.failed c.stale d.busy f.odd)" "$(cat << 'END'
TASK      QUEUED  RUNNING  DONE  FAILED  CANCELLED  STALE  RUNS
a.done         0        0     3       0          0      0     3
b.failed       0        0     0       1          0      0     1
c.stale        0        0     0       0          0      2     2
d.busy         1        2     0       0          1      0     4
f.odd          0        0     1       0          0      0     1
in all         1        2     4       1          1      2    11
END
)"
    # One task alone has no sum, and only the states that are usual.
    is "$(dj status a.done)" "$(printf '%s\n' 'TASK    RUNNING  DONE  FAILED  RUNS' \
        'a.done        0     3       0     3')"
    # In the order of names, whatever the order of definition, and the same each time.
    dj define 0first -- true
    is "$(dj status | sed -n '/^TASK/,$p' | sed 1d | cut -d' ' -f1 | grep -v '^in$')" \
        "$(dj ls tasks)"
    is "$(dj status | grep -v uptime)" "$(dj status | grep -v uptime)"
    dj status > seen
    grep -qx 'workers  2 of 2 busy' seen
    grep -qx 'queue    1 queued, 0 waiting' seen
    grep -qxE 'uptime   ([0-9]+[hms])+' seen
    grep -qE "^store    $DJ_STORE \([0-9]+ results and failures, [0-9.]+ [KM]iB\)$" seen
    grep -qx 'quota    none' seen
    grep -qx 'mount    none' seen
    grep -qx "daemon   djd [0-9.]*, pid $(our_pids djd)" seen
    exits 5 dj status nothing
    is "$output" "dj: there is no task nothing"
    exits 2 dj status --nothing
    DJ_CONNECT=$DJ_TMP/none exits 69 dj status
}

@test "status --json: the same facts; nothing that there is not is a number" {
    dj status --json > seen
    is "$(jq -r '.tasks[] | select(.task == "d.busy") | [.queued, .waiting, .running, .done, .failed,
        .cancelled, .lost, .stale, .evicted, .runs] | join(" ")' seen)" "1 0 2 0 0 1 0 0 0 4"
    is "$(jq -r '.tasks[].task' seen)" "$(dj ls tasks)"
    is "$(jq -c '[.workers, .busy, .queued, .paused, .mount, .quota]' seen)" \
        '[2,2,1,false,null,null]'
    is "$(jq .pid seen)" "$(our_pids djd)"
    is "$(jq -r .store seen)" "$DJ_STORE"
    is "$(dj status --json a.done | jq -c 'keys')" '["tasks"]'
}

@test "tasks: what is defined, its parameters, where, and how many runs" {
    printf '[helped]\nparams = n:int, s\nversion = 7\nhelp =\n    what it does\n    and more\n%s\n' \
        'command = true' > helped.ini
    dj define helped.ini
    is "$(dj tasks helped a.done | sed "s,$DJ_TMP,/in/some/folder/," )" "$(cat << 'END'
TASK    PARAMS    VERSION  RUNS  DEFINED IN        HELP
helped  n:int, s  7           0  /in/some/folder/  what it does
a.done  n:int     1           3  /in/some/folder/  -
END
)"
    is "$(dj tasks --json helped | jq -c '.[0]')" "$(printf '%s' '{"task":"helped","params":"n:int, s",' \
        '"version":"7","runs":0,"folder":"' "$DJ_TMP" '","help":"what it does\nand more"}')"
    is "$(dj tasks | sed 1d | cut -d' ' -f1)" "$(dj ls tasks)"
    exits 5 dj tasks nothing
}

@test "more tasks than one page holds are all told, in order" {
    for n in $(seq 120); do
        printf '[many%03d]\ncommand = true\n' "$n"
    done > many.ini
    dj define many.ini
    is "$(dj tasks --json | jq -r '.[].task')" "$(dj ls tasks)"
    for n in $(seq 120); do
        dj undefine "$(printf many%03d "$n")"
    done
}

@test "tables: no byte of a name reaches the terminal as a command, and JSON stays JSON" {
    local name
    name=$(dj ls tasks/f.odd)
    dj show "tasks/f.odd/$name" > seen
    is "$(tr -cd '\033\377\t' < seen)" ""
    grep -qF 's = a\x09b\x1b[31m' seen
    dj show --json "tasks/f.odd/$name" | jq -e '.args.s | startswith("a\tb\u001b[31m")'
    LC_ALL=C dj show "tasks/f.odd/$name" | grep -qF '\xc3\xa4'
    is "$(LC_ALL=C dj show "tasks/f.odd/$name" | LC_ALL=C tr -d '\11\12\40-\176')" ""
}

@test "colours are for a terminal that may have them" {
    requires script
    on_terminal "env TERM=xterm dj status b.failed" > seen
    grep -qa $'\e\[31m' seen
    on_terminal "env TERM=xterm NO_COLOR=1 dj status b.failed" > seen
    is "$(tr -cd '\033' < seen)" ""
    on_terminal "env TERM=dumb dj status b.failed" > seen
    is "$(tr -cd '\033' < seen)" ""
    is "$(env TERM=xterm dj status b.failed | tr -cd '\033')" ""
}

@test "show: all about a run on a screen, whatever its state" {
    is "$(dj show a.done 1 | sed -E 's/(queued|started|ended)( +)[0-9T:.-]+Z/\1\2TIME/
        s/^progress .*/progress  P/; s/^took .*/took      T/; s/^where .*/where     W/
        s/^instance .*/instance  N/')" "$(cat << 'END'
run       tasks/a.done/1
status    done
why       hit
progress  P
argument  n = 1
version   1
instance  N
queued    TIME
started   TIME
ended     TIME
took      T
ended by  exit 0
where     W
result    2 B
log       5 B
files     0, 0 B
END
)"
    dj show b.failed/_ > seen
    grep -qx 'status    failed' seen
    grep -qx 'error     b.failed/_ failed with exit code 3: oh dear' seen
    grep -qx 'ended by  exit 3' seen
    is "$(dj show d.busy 2 | sed -n 's/^status *//p')" running
    is "$(dj show d.busy 3 | sed -nE 's/^(status|position) *//p' | tr '\n' ' ')" "queued 1 "
    is "$(dj show d.busy 4 | sed -n 's/^status *//p')" cancelled
    is "$(dj show c.stale 1 | sed -n 's/^why *//p')" "$(dj why c.stale 1)"
    is "$(dj show a.done 99 | sed -n 's/^why *//p')" "never run"
    dj show --json a.done 1 > seen
    is "$(jq -c '[.run, .status, .why, .error, .args, .deps, .history, .meta.result.size]' seen)" \
        '["tasks/a.done/1","done","hit",null,{"n":1},[],[],2]'
    is "$(dj show --json b.failed/_ | jq -r .error)" \
        "b.failed/_ failed with exit code 3: oh dear"
    exits 5 dj show nothing 1
    exits 2 dj show
}

@test "show: a word alone is a task" {
    dj show a.done > seen
    is "$(sed -n '1,2p' seen)" "$(printf 'task        a.done\nversion     1')"
    grep -qx 'runs        3 done' seen
    is "$(sed -n '/^\[/,$p' seen)" "$(dj cat tasks/a.done/.definition)"
    dj show --json a.done > seen
    is "$(jq -r .definition seen)" "$(dj cat tasks/a.done/.definition)"
    is "$(jq -c '[.task, .params, .folder, .runs.done]' seen)" "[\"a.done\",\"n:int\",\"$DJ_TMP\",3]"
    exits 5 dj show nothing
}

# ---- log -----------------------------------------------------------------------------------------

@test "log -f: follows to the end of the run, whose end is the exit status" {
    dj log -f d.busy 2 > got &
    local pid=$!
    wait_until grep -qx begun got
    is_running "$pid"
    touch "${DJ_TMP}/open2"
    wait "$pid"
    is "$(cat got)" "$(printf 'begun\nended')"

    exits 1 dj log -f b.failed/_
    is "$output" "$(printf 'oh dear\ndj: b.failed/_ failed with exit code 3: oh dear')"
    # Cancelled while it is followed.
    wait_until sh -c 'dj log d.busy 3 | grep -q begun'
    dj log -f d.busy 3 > got 2> said &
    pid=$!
    wait_until grep -qx begun got
    dj cancel d.busy 3
    local code=0
    wait "$pid" || code=$?
    is "$code: $(cat said)" "75: $(cat said)"
    has "$(cat said)" "dj: d.busy/3 was cancelled by"
    exits 5 dj log -f a.done 99
}

# From here on there is a free worker.

@test "log -f: a run whose time is over exits as dj get does" {
    printf '[late]\ncommand = sh -c "echo in >&2; exec sleep 60"\ntimeout = 200ms\n' > late.ini
    dj define late.ini
    dj run late
    exits 124 dj log -f late/_
}

@test "log: of a run that ended, of an earlier instance, and of none" {
    is "$(dj log a.done 1)" note
    is "$(dj log b.failed/_)" "oh dear"
    dj define logs -- sh -c 'date +%s%N >&2; echo x'
    dj get logs > /dev/null
    dj log logs/_ > first
    dj get --force logs > /dev/null
    not cmp -s first <(dj log logs/_)
    same first <(dj log -n 1 logs/_)
    exits 5 dj log -n 9 logs/_
    has "$output" "there is no instance of that number"
    exits 5 dj log a.done 99
    is "$output" "dj: tasks/a.done/99 was never run, so it has no log"
    exits 2 dj log -n x logs/_
    exits 2 dj log -f -n 1 logs/_
    is "$output" "dj: log: an earlier instance has ended, so -f and -n exclude each other"
    exits 2 dj log
}

@test "show: what a run called and who called it, and its earlier instances" {
    dj define called n:int -- echo '{n}'
    dj define calls -- sh -c 'for n in $(seq 12); do dj get called "$n"; done' 
    PATH=$PATH dj get calls > /dev/null
    dj show calls/_ > seen
    is "$(grep -c '^called ' seen)" 9
    grep -qx 'called    and 4 more' seen
    is "$(dj show --json calls/_ | jq -r '.deps | length')" 12
    is "$(dj show called 3 | sed -n 's/^called by *//p')" tasks/calls/_
    dj get --force called 3 > /dev/null
    grep -qxE 'history +1 earlier' <(dj show called 3)
    is "$(dj show --json called 3 | jq -c .history)" '[1]'
}

@test "log -f: each try has its log, also those that are over in no time" {
    printf '[tries]\ncommand = sh -c %s\nretries = 3\nretry_delay = 0s\n' \
        "'echo again >&2; until test -e \"\$0\"; do sleep 0.02; done; exit 9' $DJ_TMP/go" > tries.ini
    dj define tries.ini
    dj run tries
    dj log -f tries/_ > got 2> said &
    local pid=$! code=0
    wait_until grep -q again got
    touch go
    wait "$pid" || code=$?
    is "$code" 1
    is "$(cat got)" "$(printf 'again\nagain\nagain\nagain')"
    is "$(cat said)" "dj: tries/_ failed with exit code 9 (try 4 of 4): again"
}

# ---- events --------------------------------------------------------------------------------------

@test "events: one a line, of these tasks, for people or as JSON" {
    dj events b.failed > seen
    is "$(sed -E 's/^[0-9-]{10} [0-9:]{8} //' seen)" "$(printf '%s\n' \
        ' queued      b.failed/_' ' started     b.failed/_' \
        ' failed      b.failed/_  b.failed/_ failed with exit code 3: oh dear')"
    is "$(dj events --json b.failed | jq -r '[.event, .task, .run] | join(" ")')" \
        "$(printf '%s b.failed _\n' queued started failed)"
    is "$(dj events --json)" "$(dj cat events)"
    is "$(dj events --json a.done b.failed | jq -r .task | sort -u | tr '\n' ' ')" \
        "a.done b.failed "
    is "$(dj events nothing)" ""
    is "$(dj events f.odd | tr -cd '\033')" ""
    exits 2 dj events --nothing
    DJ_CONNECT=$DJ_TMP/none exits 69 dj events -f
}

@test "events -f: goes on when another daemon comes, and tells each event once" {
    dj define seen n:int -- echo '{n}'
    dj events -f --json seen > got 2> said &
    local pid=$!
    dj get seen 1 > /dev/null
    wait_until grep -q '"done"' got
    touch "${DJ_TMP}/open1"
    kill_daemon
    wait_until grep -qx 'dj: the daemon is away; events go on when one runs again' said
    start_daemon --workers 2 --no-mount
    dj get seen 2 > /dev/null
    wait_until sh -c '[ "$(grep -c "\"done\"" got)" -eq 2 ]'
    # And when one ends by itself.
    dj down
    start_daemon --workers 2 --no-mount
    dj get seen 3 > /dev/null
    wait_until sh -c '[ "$(grep -c "\"done\"" got)" -eq 3 ]'
    kill "$pid"
    wait "$pid" || :
    same got <(dj events --json seen)
}

# The file of the daemon that is stopped may have lost its last lines, or the clock was set back.
@test "events -f: what was told is not told again when its line is gone, nor missed when time jumps" {
    dj define kept n:int -- echo '{n}'
    dj get kept 1 > /dev/null
    dj get kept 2 > /dev/null
    dj events -f --json kept > got 2> said &
    local pid=$!
    wait_until sh -c '[ "$(grep -c "\"done\"" got)" -eq 2 ]'
    dj down
    sed -i '$d' "$DJ_STORE/events"
    sed -i '$s/"time":[0-9]*/"time":1/' "$DJ_STORE/events"
    start_daemon --workers 2 --no-mount
    dj get kept 3 > /dev/null
    wait_until sh -c 'grep -q "\"done\".*\"3\"" got'
    is "$(grep -c '"done"' got) $(grep -c '"run":"2"' got)" "3 3"
    dj down
    sed -i '$s/"time":[0-9]*/"time":4000000000/' "$DJ_STORE/events"
    start_daemon --workers 2 --no-mount
    wait_until grep -q '"time":4000000000' got
    dj down
    start_daemon --workers 2 --no-mount
    dj get kept 4 > /dev/null
    wait_until sh -c 'grep -q "\"done\".*\"4\"" got'
    kill "$pid"
    wait "$pid" || :
    is "$(grep -c '"run":"4"' got)" 3
}
