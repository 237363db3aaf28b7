# Stored frames: dj map --frame, and the folder frames/ of the tree.

bats_require_minimum_version 1.5.0
load helper/djfs

setup()
{
    dj_setup
    cd "$DJ_TMP" || return 1
    start_daemon --no-mount --workers 4
    define_tasks <<'TASKS'
[gate]
command = sh -c 'echo "$2" >> "$1/runs"; touch "$1/in$2"; until test -e "$1/open$2" || test -e "$1/open"; do sleep 0.02; done; if test -e "$1/bad$2"; then echo "no $2" >&2; exit 1; fi; echo $(($2 * 2))' sh {here} {n}
params = n:int
TASKS
}

teardown()
{
    touch "$DJ_TMP/open"
    dj_teardown
}

# fact NAME FRAME: of its status.
fact()
{
    dj cat "frames/$2/status" | sed -n "s/^$1 //p"
}

ended()
{
    [ "$(fact status "$1")" != running ]
}

has_rows()
{
    [ "$(dj cat "frames/$2/results.jsonl" | wc -l)" = "$1" ]
}

@test "a frame is computed by the daemon, and can be read while it is" {
    dj frame n=1..4 x=1.0 | dj map --frame sweep gate
    wait_until test -e in1 -a -e in2 -a -e in3 -a -e in4
    is "$(dj ls frames/sweep | sort | paste -sd' ')" "ctl results.jsonl status table.csv"
    is "$(fact status sweep)/$(fact rows sweep)/$(fact done sweep)" "running/4/0"
    is "$(dj cat frames/sweep/table.csv)" "n,x,run,status,result,error"
    touch open1 open2
    wait_until has_rows 2 sweep
    is "$(dj cat frames/sweep/results.jsonl)" \
        '{"n":1,"x":1.0,"run":"tasks/gate/1","status":"done","result":2}
{"n":2,"x":1.0,"run":"tasks/gate/2","status":"done","result":4}'
    is "$(dj cat frames/sweep/table.csv | tail -n 1)" "2,1.0,tasks/gate/2,done,4,"
    touch open
    is "$(dj cat frames/sweep/wait)" "done"
    is "$(fact status sweep)/$(fact done sweep)/$(fact failed sweep)" "done/4/0"
    is "$(dj cat frames/sweep/results.jsonl | jq -c .result | paste -sd' ')" "2 4 6 8"
    is "$(dj cat frames/sweep/table.csv | wc -l)" 5
    is "$(dj ls -l frames/sweep | awk '$NF == "table.csv" {print $5}')" \
        "$(dj cat frames/sweep/table.csv | wc -c)" || dj ls -l frames/sweep
    # looking computed nothing
    is "$(sort -u runs | wc -l)/$(wc -l < runs)" "4/4"
}

@test "retry runs the failed rows again, alone, in their place" {
    touch open bad2 bad3
    dj frame n=1..4 | dj map --frame sweep gate
    is "$(dj cat frames/sweep/wait)" "failed"
    is "$(fact done sweep)/$(fact failed sweep)" "2/2"
    is "$(dj cat frames/sweep/table.csv | sed -n 3p)" \
        "2,tasks/gate/2,failed,,gate/2 failed with exit code 1: no 2"
    dj invalidate gate 1
    rm bad2 open
    : > runs
    dj write frames/sweep/ctl retry
    wait_until test -e runs -a "$(fact status sweep)" = running
    # until it has ended the frame is what it was
    is "$(dj cat frames/sweep/results.jsonl | jq -r .status | paste -sd' ')" "done failed failed done"
    exits 75 dj write frames/sweep/ctl retry
    has "$output" "is being computed"
    touch open
    is "$(dj cat frames/sweep/wait)" "failed"
    is "$(sort runs | paste -sd' ')" "2 3"
    is "$(dj cat frames/sweep/results.jsonl | jq -r .status | paste -sd' ')" "done done failed done"
    rm bad3
    dj write frames/sweep/ctl retry
    is "$(dj cat frames/sweep/wait)" "done"
    exits 5 dj write frames/sweep/ctl retry
    has "$output" "no row of sweep has failed"
}

@test "a frame goes on with the next daemon, after a kill and in a retry, too" {
    touch open1 open2 bad2
    dj frame n=1..4 | dj map --frame sweep --as r gate
    wait_until has_rows 2 sweep
    dj cat frames/sweep/results.jsonl > before
    kill_daemon
    printf '{"n":3,"ru' >> store/frames/sweep/results.jsonl
    start_daemon --no-mount --workers 4
    is "$(dj cat frames/sweep/results.jsonl)" "$(cat before)"
    is "$(fact status sweep)/$(fact done sweep)/$(fact failed sweep)" "running/1/1"
    is "$(dj cat frames/sweep/table.csv | wc -l)" 3
    touch open
    is "$(dj cat frames/sweep/wait)" "failed"
    is "$(dj cat frames/sweep/results.jsonl | jq -c .r | paste -sd' ')" "2 null 6 8"
    rm open open2 bad2 in2
    dj write frames/sweep/ctl retry
    wait_until test -e in2
    kill_daemon
    start_daemon --no-mount --workers 4
    is "$(fact status sweep)" running
    is "$(dj cat frames/sweep/results.jsonl | jq -c .r | paste -sd' ')" "2 null 6 8"
    touch open
    is "$(dj cat frames/sweep/wait)" "done"
    is "$(dj cat frames/sweep/results.jsonl | jq -c .r | paste -sd' ')" "2 4 6 8"
    stop_daemon
    start_daemon --no-mount --workers 4
    is "$(fact status sweep)/$(fact done sweep)" "done/4"
    is "$(dj cat frames/sweep/table.csv | wc -l)" 5
}

@test "cancel, delete, and frames that were never handed over" {
    dj frame n=1..3 | dj map --frame sweep gate
    touch open1
    wait_until has_rows 1 sweep
    dj write frames/sweep/ctl cancel
    is "$(fact status sweep)/$(dj cat frames/sweep/wait)" "cancelled/cancelled"
    exits 5 dj write frames/sweep/ctl cancel
    touch open
    dj write frames/sweep/ctl retry
    is "$(dj cat frames/sweep/wait)" "done"
    has_rows 3 sweep
    exits 2 dj write frames/sweep/ctl fly
    has "$output" "these are: delete, cancel, retry"
    has "$(dj cat frames/sweep/ctl)" "refused: \"fly\" is not a control word here"
    exits 1 bash -c 'dj frame n=1 | dj map --frame sweep gate'
    has "$output" "there is a frame sweep already"
    dj write frames/sweep/ctl delete
    is "$(dj ls frames)" ""
    exits 5 dj cat frames/sweep/status
    # of a frame with a bad row nothing is stored
    exits 2 bash -c 'printf "{\"n\":1}\n[]\n" | dj map --frame half gate'
    has "$output" "stdin:2: a row is a JSON object"
    exits 5 dj cat frames/half/status
    [ ! -e store/frames/half ]
    dj map --frame none gate < /dev/null
    is "$(dj cat frames/none/wait)/$(dj cat frames/none/table.csv)" "done/run,status,result,error"
}

@test "names, options and rows that are refused" {
    exits 2 dj map --frame .x gate < /dev/null
    has "$output" ".x is no name of a frame: letters, digits, dots, _ and -, no dot first, 100 at the most"
    exits 2 dj map --frame a/b gate < /dev/null
    exits 2 dj map --frame x --lazy gate < /dev/null
    has "$output" "it goes with none of --lazy, --incognito, --cached and --timeout"
    exits 5 dj map --frame x nope < /dev/null
    exits 4 dj write frames/x 1 || exits 5 dj write frames/x 1
    # a row that is no call is a row that failed
    printf '{"n":"x"}\n{"n":1}\n' | dj map --frame x gate
    touch open
    is "$(dj cat frames/x/wait)" failed
    is "$(dj cat frames/x/results.jsonl | head -n 1)" \
        '{"n":"x","run":null,"status":"refused","result":null,"error":"gate: n: \"x\" is not an int"}'
    # columns that come later are in the table, too
    printf '{"n":1}\n{"n":2,"y":"a,b"}\n' | dj map --frame y gate
    is "$(dj cat frames/y/wait)" "done"
    is "$(dj cat frames/y/table.csv)" 'n,y,run,status,result,error
1,,tasks/gate/1,done,2,
2,"a,b",tasks/gate/2,done,4,'
}

@test "through the mount: tail, cat, rmdir" {
    requires_fuse
    dj mount "$DJ_TMP/mnt"
    dj frame n=1..3 | dj map --frame sweep gate
    tail -n +1 -f mnt/frames/sweep/results.jsonl > tailed 2> /dev/null &
    tail=$!
    touch open1
    wait_until grep -q '"n":1' tailed
    touch open
    is "$(cat mnt/frames/sweep/wait)" "done"
    wait_until grep -q '"n":3' tailed
    kill $tail
    is "$(stat -c %s mnt/frames/sweep/results.jsonl)" "$(wc -c < mnt/frames/sweep/results.jsonl)"
    is "$(find mnt/frames | sort | paste -sd' ')" \
        "mnt/frames mnt/frames/sweep mnt/frames/sweep/ctl mnt/frames/sweep/results.jsonl mnt/frames/sweep/status mnt/frames/sweep/table.csv"
    python3 -c 'import csv; print(sum(int(r["result"]) for r in csv.DictReader(open("mnt/frames/sweep/table.csv"))))' > sum
    is "$(cat sum)" 12
    rmdir mnt/frames/sweep
    is "$(ls mnt/frames)" ""
}
