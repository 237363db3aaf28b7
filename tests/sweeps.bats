# Sweeps: names whose values vary, as folders; dj get and dj path with such names and words.

bats_require_minimum_version 1.5.0
load helper/djfs

setup_file()
{
    dj_setup
    cd "$DJ_TMP" || return 1
    start_daemon --workers 4
    define_tasks <<'TASKS'
[factorial]
command = sh -c 'echo $2 >> "$1/factorials"; if [ "$2" = 0 ]; then echo 1; else echo $(($(dj get factorial $(($2 - 1))) * $2)); fi' sh {here} {n}
params = n:int

[mult]
command = sh -c 'echo $(($1 * $2))' sh {a} {b}
params = a:int b:int

[odd]
command = sh -c 'if [ $(($1 % 2)) = 0 ]; then echo "$1 is even" >&2; exit 3; fi; echo "$1"' sh {n}
params = n:int

[gate]
command = sh -c 'echo "$2" >> "$1/gates"; touch "$1/in$2"; until test -e "$1/open$2" || test -e "$1/open"; do sleep 0.02; done; echo "$2"' sh {here} {n}
params = n:int

[echo]
command = printf %s {x}
params = x

[scale]
command = echo {x}
params = x:float

[flag]
command = echo {b} {j}
params = b:bool j:json
default.j = null

[size]
command = sh -c 'wc -c < "$1"' sh {f}
params = f:file

[list]
command = sh -c 'for i; do echo "<$i>"; done' sh {l}
params = l:int*

[mode]
command = sh -c 'echo "$MODE $1"' sh {n}
params = n:int
env = MODE

[sum]
command = sh -c 'if [ "$1" = 0 ]; then echo 1; else dj cat "tasks/sum/0..$(($1 - 1))/results" | jq -s "map(.result) | add"; fi' sh {n}
params = n:int

[total]
command = sh -c 'cat "$DJ/tasks/sum/0..3/table.csv"'

[other]
command = echo {n}
params = n:int
TASKS
}

teardown_file()
{
    touch "$DJ_TMP/open"
    dj_teardown
}

setup()
{
    cd "$DJ_TMP" || return 1
    rm -f in* open* gates factorials
}

teardown()
{
    touch "$DJ_TMP/open"
}

results()
{
    dj cat "tasks/$1/results" | jq -c .result | paste -sd' '
}

links()
{
    dj ls "tasks/$1" | grep -vxE 'results|table.csv' | paste -sd' '
}

# through_mount: without FUSE there is none.
through_mount()
{
    requires_fuse
    TASKS=$MNT/tasks
}

@test "a range is a folder of links, with results and a table" {
    through_mount
    is "$(ls "$TASKS/factorial/0..9" | paste -sd' ')" "0 1 2 3 4 5 6 7 8 9 results table.csv"
    is "$(readlink "$TASKS/factorial/0..9/7")" ../7
    # A listing brings the targets with it, but for those of names that stand for others.
    is "$(find "$TASKS/factorial/0..9/" -type l -printf '%f>%l ')" \
        "0>../0 1>../1 2>../2 3>../3 4>../4 5>../5 6>../6 7>../7 8>../8 9>../9 "
    is "$(find "$TASKS/echo/{results;x}/" -type l -printf '%f>%l ')" "%r0>../results x>../x "
    is "$(ls "$TASKS/factorial" | wc -l)" 0 # a sweep is not listed, and looking computed nothing
    ls -lR "$TASKS/factorial/0..9" > /dev/null
    find "$TASKS/factorial/0..9/" -newermt 2000-01-01 > /dev/null
    [ ! -e factorials ]
    is "$(cat "$TASKS/factorial/0..9/results" | head -n 4 | tail -n 1)" \
        '{"n":3,"run":"tasks/factorial/3","status":"done","result":6}'
    is "$(jq -c .result "$TASKS/factorial/0..9/results" | paste -sd' ')" \
        "1 1 2 6 24 120 720 5040 40320 362880"
    is "$(wc -l < factorials)" 10 # none twice
    is "$(head -n 3 "$TASKS/factorial/0..9/table.csv")" "n,run,status,result,error
0,tasks/factorial/0,done,1,
1,tasks/factorial/1,done,1,"
    is "$(wc -l < "$TASKS/factorial/0..9/table.csv")" 11
    is "$(cat "$TASKS/factorial/0..9/4/result")" 24
    is "$(wc -l < factorials)" 10
}

@test "what dj map prints, a line a row" {
    dj frame n=1..3 | dj map factorial > mapped
    is "$(dj cat tasks/factorial/1..3/results)" "$(cat mapped)"
    dj frame n=1..4 | dj map -k odd 2> /dev/null > mapped || :
    is "$(dj cat tasks/odd/1..4/results)" "$(cat mapped)"
    is "$(dj cat tasks/odd/1..2/table.csv)" "n,run,status,result,error
1,tasks/odd/1,done,1,
2,tasks/odd/2,failed,,odd/2 failed with exit code 3: 2 is even"
}

@test "several parameters, the last one fastest, in the order of the name" {
    is "$(links 'mult/a=0..1,b={1;2}')" "a=0,b=1 a=0,b=2 a=1,b=1 a=1,b=2"
    is "$(results 'mult/a=0..4,b={1;2}')" "0 0 1 2 2 4 3 6 4 8"
    is "$(results 'mult/b={1;2},a=0..4')" "0 1 2 3 4 0 2 4 6 8"
    is "$(results 'mult/0..4,1')" "0 1 2 3 4"
    is "$(links 'mult/0..10..5,1')" "a=0,b=1 a=5,b=1 a=10,b=1"
    is "$(results 'factorial/4..0..-2')" "24 2 1"
    is "$(dj cat 'tasks/mult/b={5},a=2/results')" \
        '{"b":5,"a":2,"run":"tasks/mult/a=2,b=5","status":"done","result":10}'
}

@test "values of every type" {
    printf 123 > one
    printf 12345 > two
    is "$(results 'echo/{a;b c;}')" '"a" "b c" ""'
    is "$(dj cat 'tasks/scale/{1;2.5}/results')" '{"x":1.0,"run":"tasks/scale/1.0","status":"done","result":1.0}
{"x":2.5,"run":"tasks/scale/2.5","status":"done","result":2.5}'
    is "$(results 'flag/{true;false}')" '"true null" "false null"'
    is "$(results 'flag/true,{{"a;b":1};"}";[1,2]}')" \
        '"true {\"a;b\":1}" "true \"}\"" "true [1,2]"'
    is "$(results "size/{${PWD//\//%2F}%2Fone;${PWD//\//%2F}%2Ftwo}")" "3 5"
    is "$(results "size/{$(dj path size one | cut -d/ -f3);${PWD//\//%2F}%2Ftwo}")" "3 5"
    is "$(links 'list/{1;2}')" "1; 2;"
    is "$(results 'list/{1;2}')" '"<1>" "<2>"'
    is "$(links 'list/1..2;5;7..8;')" "1;5;7; 1;5;8; 2;5;7; 2;5;8;"
    is "$(links 'list/1;2..3')" "$(links 'list/1;2..3;')"
    is "$(MODE=fast results 'mode/1..2')" '"fast 1" "fast 2"'
    # What JSON cannot hold is spelled so that it leads to the run.
    is "$(dj cat 'tasks/echo/{%ff}/results')" \
        '{"x":"�","run":"tasks/echo/%FF","status":"done","result":"tasks/echo/%FF/result"}'
    is "$(dj cat tasks/echo/%FF/result)" $'\xff'
    exits 2 dj get echo 'x={a;%ff}'
    has "$output" $'x: "\xff" is no UTF-8, which values that vary have to be here'
}

@test "what is encoded, and ranges of texts, are values" {
    is "$(dj get 'tasks/echo/0..9')" "0..9"
    is "$(dj path echo 0..9)" "tasks/echo/0.%2E9"
    is "$(dj cat 'tasks/echo/0..9/result')" "0..9"
    is "$(dj cat 'tasks/echo/%7Ba%3Bb%7D/result')" "{a;b}"
    is "$(results 'echo/{%7Ba%3B;0..9;x,y}')" '"{a;" "0..9" "x,y"'
    exits 2 dj cat 'tasks/factorial/0%2E%2E9/result'
    has "$output" 'n: "0..9" is not an int'
}

@test "an empty sweep has no rows; equal values have a row each and one link" {
    is "$(dj cat 'tasks/factorial/{}/results')" ""
    is "$(dj cat 'tasks/factorial/{}/table.csv')" "n,run,status,result,error"
    is "$(links 'factorial/{}')" ""
    is "$(links 'factorial/{3;03;2}')" "3 2"
    is "$(results 'factorial/{3;03;2}')" "6 6 2"
    # names of the files there, and too long ones
    is "$(links 'echo/{results;x}')" "%r0 x"
    is "$(dj cat 'tasks/echo/{results;x}/%r0/result')" results
    local long
    long=$(printf '%0300d' 7)
    is "$(links "echo/{$long;x}")" "%r0 x"
    is "$(dj cat "tasks/echo/{$long;x}/%r0/result")" "$long"
    # Too long with what does not count, so that two would have one name.
    dj define part ignore=j.v j:json -- sh -c 'cat "$DJ_ARGS"'
    local sweep="{{\"a\":1,\"v\":\"$long\"};{\"a\":1,\"v\":\"x$long\"};{\"a\":1}}"
    is "$(links "part/$sweep")" '%r0 %r1 %7B"a":1%7D'
    is "$(dj cat "tasks/part/$sweep/%r1/args")" '{"j":{"a":1}}'
}

@test "rows can be read while they come, and equal runs are shared by readers" {
    through_mount
    cat "$TASKS/gate/1..4/results" > all &
    local reader=$!
    wait_until test -e in1 -a -e in2 -a -e in3 -a -e in4
    touch open2
    cat "$TASKS/gate/1..3/results" > some &
    local other=$!
    touch open1
    wait_until grep -q '"n":2' all
    is "$(cat all)" '{"n":1,"run":"tasks/gate/1","status":"done","result":1}
{"n":2,"run":"tasks/gate/2","status":"done","result":2}'
    is "$(timeout $((20 * DJ_TIME_FACTOR)) head -n 1 "$TASKS/gate/1..4/results")" "$(head -n 1 all)"
    touch open
    wait "$reader" "$other"
    is "$(wc -l < all)/$(wc -l < some)" 4/3
    is "$(sort gates | paste -sd' ')" "1 2 3 4"
}

@test "who stops reading withdraws what nobody else waits for" {
    through_mount
    cat "$TASKS/gate/11..30/results" > all &
    local reader=$!
    wait_until test -e in11 -a -e in12 -a -e in13 -a -e in14
    kill "$reader" # an INT is ignored in the background of a script
    wait "$reader" || :
    touch open
    wait_until dj_is_idle
    is "$(sort gates | paste -sd' ')" "11 12 13 14"
    # the same without the mount
    rm -f open gates
    dj cat "tasks/gate/41..60/results" > all 2> said &
    reader=$!
    wait_until test -e in41 -a -e in42 -a -e in43 -a -e in44
    kill "$reader"
    wait "$reader" || :
    touch open
    wait_until dj_is_idle
    is "$(sort gates | paste -sd' ')" "41 42 43 44"
}

dj_is_idle()
{
    dj cat status | grep -qx 'busy 0' && dj cat status | grep -qx 'queued 0'
}

@test "a run that reads a sweep of its own task: one worker is enough, and each row is a call" {
    dj write sessions/default/max_workers 1
    is "$(get sum 6)" 32
    is "$(dj ls tasks/sum/6/deps | paste -sd' ')" "sum,0 sum,1 sum,2 sum,3 sum,4 sum,5"
    if fuse_usable; then
        is "$(get total | tail -n 1)" "3,tasks/sum/3,done,4,"
        is "$(dj ls tasks/total/_/deps | paste -sd' ')" "sum,0 sum,1 sum,2 sum,3"
    fi
    dj write sessions/default/max_workers 4
    dj bump sum > /dev/null
    is "$(dj cat tasks/sum/6/status)" stale
}

@test "an open that does not wait computes nothing; a read-only mount has the links alone" {
    through_mount
    touch open
    get gate 71 > /dev/null
    run dd if="$TASKS/gate/71..72/results" iflag=nonblock status=none
    [ "$status" -ne 0 ]
    has "$output" '{"n":71,"run":"tasks/gate/71","status":"done","result":71}'
    has "$output" "Resource temporarily unavailable"
    mkdir -p "$DJ_TMP/ro"
    djfs --connect "$DJ_CONNECT" -o ro "$DJ_TMP/ro"
    [ ! -e "$DJ_TMP/ro/tasks/gate/71..72/results" ] # nobody says when one reads there
    is "$(cat "$DJ_TMP/ro/tasks/gate/71..72/71/result")" 71
    [ ! -e "$DJ_TMP/ro/tasks/gate/71..72/72" ]
    [ -h "$DJ_TMP/ro/tasks/gate/71..72/72" ]
    fusermount3 -u "$DJ_TMP/ro"
    is "$(cat gates)" 71
}

@test "any part can be read, by programs of all kinds" {
    through_mount
    get factorial 5 > /dev/null
    cat "$TASKS/factorial/0..5/results" > all
    cp -r "$TASKS/factorial/0..5" copied
    cmp copied/results all
    is "$(readlink copied/3)" ../3
    is "$(tail -n 1 "$TASKS/factorial/0..5/results")" "$(tail -n 1 all)"
    is "$(grep -r '"n":4,' "$TASKS/factorial/0..5/" | cut -d: -f2-)" "$(sed -n 5p all)"
    is "$(python3 -c "
import sys
f = open(sys.argv[1], 'rb', 0)
first = f.read(10)
f.seek(200)
last = f.read(10)
f.seek(0)
print(first == f.read(10) == open('all', 'rb').read()[:10], last == open('all', 'rb').read()[200:210])
" "$TASKS/factorial/0..5/results")" "True True"
    # another daemon in the middle: the folder and the reader go on
    (cd "$TASKS/factorial/0..5" && exec 3< results && head -c 20 <&3 && kill_daemon && start_daemon &&
        cat <&3 && ls) > later
    is "$(head -n 6 later)" "$(cat all)"
    is "$(tail -n 2 later | paste -sd' ')" "results table.csv"
}

@test "a million runs are listed page by page; absurd sweeps are refused with a sentence" {
    is "$(dj ls tasks/factorial/1..1000000 | tail -n 1)" 1000000

    exits 2 dj ls tasks/factorial/0..1000000000000000000
    is "$output" "dj: tasks/factorial/0..1000000000000000000: factorial: these are more than 1000000000 runs"
    exits 2 dj ls tasks/mult/0..99999,0..99999
    has "$(dj cat tasks/mult/.ctl)" "refused: mult: these are more than 1000000000 runs"
    exits 2 dj ls tasks/factorial/0..1e18
    has "$output" "0..1e18: a range is LO..HI or LO..HI..STEP of whole numbers"
    exits 2 dj ls tasks/factorial/0..18446744073709551615
    has "$output" "0..18446744073709551615: the numbers of a range lie between -2^63 and 2^63-1"
    exits 2 dj ls tasks/factorial/-9223372036854775808..9223372036854775807
    has "$output" "these are too many values"
    exits 2 dj ls tasks/factorial/0..9..0
    has "$output" "0..9..0: a step of 0 never gets there"
    exits 2 dj ls tasks/factorial/9..0
    has "$output" "it begins above its end; a range that goes down has a step below 0, as in 9..0..-1"
    exits 2 dj ls "tasks/echo/{a;$(printf '%01200d' 0)}"
    has "$output" "echo: the name of a sweep has at most 1024 bytes; \`dj get\` and \`dj frame\` take more"
    exits 5 dj ls 'tasks/echo/{*;a}'
    has "$output" "echo: no run matches; as part of a value write * as %2A"
    exits 2 dj cat tasks/scale/0..1/results
    has "$output" "scale: x: 0..1: only an int has ranges; values of a float are written {A;B;C}"
    exits 2 dj cat 'tasks/factorial/{1;x}/results'
    has "$output" 'factorial: n: "x" is not an int'
    exits 2 dj cat 'tasks/echo/a{b}/results'
    has "$output" "{ and } stand around all values of a parameter"
    exits 5 dj cat 'tasks/factorial/0..9/11/result'
    has "$output" "this is a sweep: it has results, table.csv and links to its runs"
    if fuse_usable; then
        run ls "$MNT/tasks/factorial/0..1000000000000"
        has "$output" "Argument list too long"
        run ls "$MNT/tasks/factorial/-9223372036854775808..9223372036854775807"
        has "$output" "Argument list too long"
        run ls "$MNT/tasks/echo/{a;$(printf '%0250d' 0)}"
        has "$output" "$(printf '%0250d' 0)"
        run ls "$MNT/tasks/factorial/{1;x}"
        has "$output" "Invalid argument"
        run rmdir "$MNT/tasks/factorial/0..9"
        has "$output" "Operation not permitted"
    fi
}

@test "a task with other parameters has other rows" {
    through_mount
    is "$(cat "$TASKS/other/1..2/results" | wc -l)" 2
    cd "$TASKS/other/1..2"
    dj define other n -- echo '{n}'
    run ls
    has "$output" "Stale file handle"
    cd "$DJ_TMP"
    is "$(dj cat tasks/other/1..2/result)" "1..2"
}

@test "a task whose rules change has other rows: no folder, reader or name answers by the old ones" {
    through_mount
    local sweep='{{"a":1,"b":2};{"a":1,"b":3}}'
    dj define fit ignore=j.b j:json -- sh -c 'cat $DJ_ARGS'
    is "$(results "fit/$sweep")" '{"j":{"a":1,"b":2}} {"j":{"a":1,"b":2}}'
    cd "$TASKS/fit/$sweep"
    exec 8< results
    (cd "$DJ_TMP" && dj define fit j:json -- sh -c 'cat $DJ_ARGS')
    # Rows that nobody had asked for yet are not computed under the keys of before.
    is "$(grep -c '"status":"done"' <&8)" 0
    exec 8<&-
    run ls
    has "$output" "Stale file handle"
    cd "$DJ_TMP"
    is "$(jq -c .result "$TASKS/fit/$sweep/results" | paste -sd' ')" \
        '{"j":{"a":1,"b":2}} {"j":{"a":1,"b":3}}'
    # The same of rules that are taken from another task, and of an added parameter that is told
    # from its default no more.
    dj define like ignore=j.b j:json -- true
    define_tasks <<'TASKS'
[follows]
command = sh -c 'cat $DJ_ARGS'
params = j:json
depend = j like like
TASKS
    is "$(jq -c .result "$TASKS/follows/$sweep/results" | paste -sd' ')" \
        '{"j":{"a":1,"b":2}} {"j":{"a":1,"b":2}}'
    dj define like j:json -- true
    is "$(jq -c .result "$TASKS/follows/$sweep/results" | paste -sd' ')" \
        '{"j":{"a":1,"b":2}} {"j":{"a":1,"b":3}}'
}

@test "dj get and dj path take sweeps by name and by words" {
    is "$(dj get tasks/factorial/0..3 | paste -sd' ')" "1 1 2 6"
    is "$(dj get factorial 0..3 | paste -sd' ')" "1 1 2 6"
    is "$(dj get 'mult/{2;3},4' | paste -sd' ')" "8 12"
    is "$(dj get echo 'x={a;b}' | paste -sd' ')" "a b"
    is "$(dj get scale '{1;2}' | paste -sd' ')" "1.0 2.0"
    printf 1 > one
    printf 22 > two
    is "$(dj get size '{one;two}' | paste -sd' ')" "1 2"
    is "$(dj get flag true 'j={"a;b";"c"}' | paste -sd' ')" 'true "a;b" true "c"'
    is "$(dj get flag true 'j={{"a":";"};7}' | paste -sd' ')" 'true {"a":";"} true 7'
    is "$(dj get flag true 'j={"a":1}')" 'true {"a":1}'
    is "$(dj get flag true 'j={}')" 'true {}'
    is "$(dj get list 1 2 3..4 | paste -sd' ')" "<1> <2> <3> <1> <2> <4>"
    is "$(dj get factorial '{}')" ""
    is "$(dj get echo '{}')" "{}"
    is "$(dj get echo '{a}')" "{a}"
    is "$(dj get echo '{a;b')" "{a;b"
    is "$(dj get echo '{a;{b}}')" "{a;{b}}"
    is "$(dj get echo '{%7Ba%3Bb%7D}')" "{a;b}"
    is "$(dj get echo '{a%3Bb;c}' | paste -sd' ')" "a;b c"
    is "$(dj get 'tasks/mult/b={1;2},3' | paste -sd' ')" "3 6"
    is "$(dj get scale '{nan;-0.0;1e3}' | paste -sd' ')" "nan -0.0 1000.0"
    is "$(dj get echo '{print; exit} {x}')" "{print; exit} {x}"
    is "$(dj path mult 0..1 '{3;4}')" "tasks/mult/a=0,b=3
tasks/mult/a=0,b=4
tasks/mult/a=1,b=3
tasks/mult/a=1,b=4"
    is "$(dj path 'tasks/odd/{1;3}' | dj get -f - | paste -sd' ')" "1 3"
    exits 2 dj get scale 0..1
    has "$output" "only an int has ranges"
    exits 2 dj get factorial 0..1000000
    has "$output" "these are more than 1000000 calls"
}

@test "the runs of a sweep are started, waited for, marked, exported and deleted" {
    dj define slow n:int -- sh -c 'while [ ! -e "$0" ]; do sleep 0.02; done; echo {n}' "$DJ_TMP/go"
    dj run slow 1..3
    dj run tasks/slow/4..5
    is "$(dj cancel 'slow/{5;05}' 2>&1)" ""
    : > go
    is "$(dj wait slow 1..4 | paste -sd' ')" "done done done done"
    is "$(dj wait slow/5..6 | paste -sd' ')" "cancelled absent"
    is "$(dj get --cached slow 1..4 | paste -sd' ')" "1 2 3 4"
    dj invalidate tasks/slow/1..2 slow/4
    is "$(dj wait slow 1..4 | paste -sd' ')" "stale stale done stale"
    dj accept slow '{1;4}'
    is "$(dj wait slow 1..4 | paste -sd' ')" "done stale done done"
    is "$(dj export 'slow/{1;3}' tasks/slow/3..4 2> /dev/null | tar -t | grep -c '/result$')" 3
    # Each is named that is refused, and keeps none from its turn.
    exits 5 dj rm slow 3..8
    has "$output" "tasks/slow/8: nothing is stored of this run"
    [[ $output != *slow/3:* ]]
    is "$(dj wait slow 3..4 | paste -sd' ')" "absent absent"
    exits 2 dj rm slow 3..1
    has "$output" "a range that goes down has a step below 0"
    exits 2 dj run slow 'x..3'
    has "$output" 'slow: n: "x..3" is not an int'
    exits 2 dj rm slow/x..3 slow/1
    is "$(dj wait slow/1)" absent
    exits 2 dj wait slow 0..1000000
    has "$output" "these are more than 1000000 calls"
    dj define pick f:file -- cat '{f}'
    printf 1 > one
    printf 2 > two
    dj run pick '{one;two}'
    is "$(dj wait pick '{one;two}' | paste -sd' ')" "done done"
}

@test "values of ignored parameters go to the runs that are started, and make no further ones" {
    cat > loud.dj << 'END'
[loud]
params = n:int v:int
default.v = 0
ignore = v
command = echo {n} {v}
END
    dj define loud.dj
    dj run loud 1 v=7
    dj run loud/2,v=7
    dj run loud 3..4 v=7
    dj run 'loud/5,v={8;9}'
    is "$(dj get loud 1..5 | paste -sd,)" "1 7,2 7,3 7,4 7,5 8"
    # Each once, whatever else they are asked for with.
    is "$(dj wait loud 5 'v={8;9}')" "done"
    is "$(dj rm loud 4..5 'v={8;9}' 2>&1)" ""
    is "$(dj wait loud 3..5 | paste -sd,)" "done,absent,absent"
}

@test "one of a sweep that is refused keeps no other from its start" {
    dj define pick f:file -- cat '{f}'
    printf 1 > one
    printf 3 > three
    exits 5 dj run pick '{one;nowhere;three}'
    has "$output" "/nowhere: No such file"
    [[ $output != *three:* ]]
    is "$(dj wait pick '{one;three}' | paste -sd,)" "done,done"
}

@test "a wait for many runs needs no more descriptors than one, and is interrupted at the last, too" {
    dj define quick n:int -- sh -c 'while [ {n} = 60 ]; do sleep 0.02; done; echo {n}'
    dj run quick 1..60
    (ulimit -n 40 && exec dj wait quick 1..60) > waited 2> err &
    waiting=$!
    wait_until eval '[ "$(wc -l < waited)" = 59 ]'
    kill -TERM $waiting
    wait_until eval '! kill -0 $waiting' || kill -KILL $waiting
    code=0
    wait $waiting || code=$?
    dj cancel quick 60
    is $code 130
}
