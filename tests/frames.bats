# Rows: dj frame, set, map, load, group and compare.

bats_require_minimum_version 1.5.0
load helper/djfs

setup()
{
    dj_setup
    cd "$DJ_TMP" || return 1
    start_daemon --no-mount --workers 4
    define_tasks <<'TASKS'
[factorial]
command = sh -c 'echo x >> "$1/runs"; if [ "$2" = 0 ]; then echo 1; else echo $(($(dj get factorial $(($2 - 1))) * $2)); fi' sh {here} {n}
params = n:int

[mult]
command = sh -c 'echo $(($1 * $2))' sh {a} {b}
params = a:int b:int

[odd]
command = sh -c 'if [ $(($1 % 2)) = 0 ]; then echo "$1 is even" >&2; exit 3; fi; echo "$1"' sh {n}
params = n:int

[gate]
command = sh -c 'touch "$1/in$2"; until test -e "$1/open$2" || test -e "$1/open"; do sleep 0.02; done; echo "through $2"' sh {here} {n}
params = n:int

[vector]
command = sh -c 'seq "$1" > vec.txt; mkdir sub; printf "[1.0,%s]" "$1" > sub/vec.json; printf "\377" > bytes' sh {n}
params = n:int

[echo]
command = printf %s {x}
params = x

[all]
command = sh -c 'for i; do echo "<$i>"; done' sh {l}
params = l:str*

[mode]
command = sh -c 'echo "$MODE $1"' sh {n}
params = n:int
env = MODE
TASKS
}

teardown()
{
    touch "$DJ_TMP/open"
    dj_teardown
}

# results: the column of that name, one value a line.
column()
{
    jq -c ".$1"
}

@test "the tutorial's first sweep: a task over a range, nothing computed twice" {
    run -0 dj frame n=0..9
    is "$output" "$(jq -nc 'range(10) | {n:.}')"
    run -0 --separate-stderr bash -c 'dj frame n=0..9 n=0..9 | dj map factorial'
    is "$(column result <<< "$output" | paste -sd' ')" \
        "1 1 2 6 24 120 720 5040 40320 362880 1 1 2 6 24 120 720 5040 40320 362880"
    is "$(head -n 4 <<< "$output" | tail -n 1)" \
        '{"n":3,"run":"tasks/factorial/3","status":"done","result":6}'
    is "$(wc -l < runs)" 10
}

@test "the tutorial's second sweep: every result times every result" {
    run -0 --separate-stderr bash -c 'dj frame n=0..9 m=0..9 | dj map --as a factorial n:=.n | dj map --as b factorial n:=.m | dj map mult'
    is "$(column result <<< "$output")" \
        "$(jq -nc '[1,1,2,6,24,120,720,5040,40320,362880] as $f | $f[] as $a | $f[] | $a * .')"
    is "$(wc -l < runs)" 10
}

@test "the tutorial's third sweep: other values for some rows, a call of a call" {
    run -0 --separate-stderr bash -c "dj frame a=0..4 b=1 | dj set --where '.a % 2 == 0' b:='range(.a)' | dj map --as ab mult | dj map mult b:=.ab"
    # as datajuicer has it: f[\"a\"] * (f[\"a\"] * f[\"b\"])
    is "$(jq -c '[.a, .b, .ab, .result]' <<< "$output")" "[1,1,1,1]
[2,0,0,0]
[2,1,2,4]
[3,1,3,9]
[4,0,0,0]
[4,1,4,16]
[4,2,8,32]
[4,3,12,48]"
    run -0 --separate-stderr bash -c "dj frame a=0..4 b=1 | dj set --where '.a % 2 == 0' b=1 b=2"
    is "$(jq -c '[.a, .b]' <<< "$output" | paste -sd' ')" \
        "[0,1] [0,2] [1,1] [2,1] [2,2] [3,1] [4,1] [4,2]"
}

@test "dj get with series: a result for every combination, a line each, in order" {
    is "$(dj get factorial n=0..9 | paste -sd' ')" "1 1 2 6 24 120 720 5040 40320 362880"
    is "$(dj get factorial 9..5..-2 | paste -sd' ')" "362880 5040 120"
    is "$(dj get mult 1..2 b=3..4 | paste -sd' ')" "3 4 6 8"
    is "$(dj get mult b=3..4 'a={5;6}' | paste -sd' ')" "15 18 20 24"
    is "$(dj get echo '{a;b 1;}'; printf .)" $'a\nb 1\n\n.'
    is "$(dj get echo '{%7Ba%3Bb%7D}')" '{a;b}'
    # what is no series is the text that it is
    is "$(dj get echo 0..9)" "0..9"
    is "$(dj get echo ../x)" "../x"
    is "$(dj get echo '{a}')" "{a}"
    exits 2 dj get factorial 9..0
    is "$output" "dj: factorial: n: 9..0: it begins above its end; a range that goes down has a step below 0, as in 9..0..-1"
    exits 2 dj get factorial 0..9999999
    has "$output" "these are more than 1000000 calls"
    exits 1 dj get odd 1..3
    has "$output" "dj: odd/2 failed with exit code 3: 2 is even"
    exits 5 dj get nothing 0..9
}

@test "rows come out as they went in, in every format" {
    local row='{"n":9007199254740993,"x":1.0,"o":{"b": 1,"a":[1.50]},"s":"5","e":""}'

    printf '%s\n' "$row" > in
    for command in "set" "set --where .n" "set --to jsonl" "group n x o s e"; do
        is "$(dj $command < in)" "$row" "$command"
    done
    is "$(dj map --as r mult a=1 b=2 < in)" \
        "${row%\}},\"run\":\"tasks/mult/a=1,b=2\",\"status\":\"done\",\"r\":2}"
    is "$(dj set y:=.n z:=.x p:=.o.a q:='.n | .' < in | jq -R .)" \
        "$(jq -R . <<< "${row%\}},\"y\":9007199254740993,\"z\":1.0,\"p\":[1.50],\"q\":9007199254740993}")"
    dj set --to csv < in > in.csv
    is "$(cat in.csv)" 'n,x,o,s,e
9007199254740993,1.0,"{""b"": 1,""a"":[1.50]}","5",""'
    is "$(dj set --csv -i in.csv --to csv)" "$(cat in.csv)"
    is "$(dj set --csv -i in.csv --to tsv | cut -f1,2 | tail -n 1)" $'9007199254740993\t1.0'
    is "$(dj map echo x:=.n < in | sed 's/.*"result"://')" "9007199254740993}"
    is "$(dj map echo x:=.x < in | sed 's/.*"result"://')" "1.0}"
}

@test "arguments: lists, JSON, strings, lines, variables of the caller's" {
    is "$(dj frame l='["a b","c\nd",3]' | dj map all | column result)" '"<a b>\n<c\nd>\n<3>"'
    is "$(printf 'x y\n"q"\n\n' | dj map -R echo | column result)" '"x y"
"q"
""'
    is "$(MODE=fast dj map mode < <(dj frame n=1..2) | column result | paste -sd' ')" \
        '"fast 1" "fast 2"'
    is "$(dj frame n=1 | MODE=slow dj map mode | column result)" '"slow 1"'
    is "$(dj frame --to csv a=1..2 b=3 | dj map --csv --to tsv mult)" \
        $'a\tb\trun\tstatus\tresult\terror\n1\t3\ttasks/mult/a=1,b=3\tdone\t3\t\n2\t3\ttasks/mult/a=2,b=3\tdone\t6\t'
    dj frame n=1 | dj map --lazy factorial > lazy
    is "$(cat lazy)" '{"n":1,"run":"tasks/factorial/1"}'
    [ ! -e runs ]
    is "$(column run < lazy | tr -d '"' | dj get -f -)" 1
}

@test "many at a time, in order, and each row as soon as it is its turn" {
    mkfifo rows
    dj map --to jsonl gate < rows > out 2> err &
    exec 5> rows
    printf '{"n":%s}\n' 1 2 3 >&5
    wait_until test -e in1 -a -e in2 -a -e in3
    touch open2 open3
    wait_until is_done gate/3
    is "$(cat out)" ""
    touch open1
    wait_until has_lines 3 out
    is "$(column n < out | paste -sd' ')" "1 2 3"
    printf '{"n":4}\n' >&5
    touch open4
    wait_until has_lines 4 out
    exec 5>&-
    wait $!
    is "$(column result < out | tail -n 1)" '"through 4"'
}

is_done()
{
    [ "$(dj cat "tasks/$1/status")" = done ]
}

has_lines()
{
    [ "$(wc -l < "$2")" = "$1" ]
}

@test "a failed row: told with its line, the first one is the last unless -k or --max-fails" {
    dj frame n=1..9 > in
    run -1 dj -q map -k -i in odd
    is "$(grep -c '"status":"done"' <<< "$output")" 5
    has "$output" "dj: in:2: odd/2 failed with exit code 3: 2 is even"
    is "$(grep '"n":4' <<< "$output")" '{"n":4,"run":"tasks/odd/4","status":"failed","result":null,"error":"odd/4 failed with exit code 3: 4 is even"}'
    run -1 dj -q map -i in odd
    has "$output" "-k goes on"
    run -1 dj -q map --max-fails 2 -i in odd
    has "$output" "--max-fails allows no more"
    # CSV has the column from the first row on
    run -1 --separate-stderr dj -q map -k --to csv -i in odd
    is "${lines[0]}" "n,run,status,result,error"
    is "${lines[2]}" "2,tasks/odd/2,failed,,odd/2 failed with exit code 3: 2 is even"
    # the rows that failed, again and alone
    is "$(dj -q map -k -i in odd 2> /dev/null | dj set --where '.status == "done"' status:=empty | column n | paste -sd' ')" \
        "2 4 6 8"
    # a result of an earlier map goes when the row fails, and the error when it does not
    echo '{"n":2,"result":7}' | dj map odd 2> /dev/null > failed || :
    is "$(column result < failed)" null
    is "$(dj set n=3 < failed | dj map odd)" '{"n":3,"result":3,"run":"tasks/odd/3","status":"done"}'
}

@test "Ctrl-C gives what is done, and the same command takes it up" {
    dj frame n=1..4 > in
    dj map -i in gate > out 2> err &
    wait_until test -e in1 -a -e in2 -a -e in3 -a -e in4
    touch open1 open3
    wait_until is_done gate/3
    wait_until has_lines 1 out
    kill -INT $!
    code=0
    wait $! || code=$?
    is "$code" 130
    is "$(column n < out | paste -sd' ')" "1 3"
    has "$(cat err)" "2 rows are done, and what was started goes on: the same command takes them up"
    touch open
    is "$(dj map -i in gate | column result | wc -l)" 4
    exits 124 bash -c 'echo "{\"n\":9}" > nine; rm open; dj map -i nine --timeout 200ms gate'
    touch open
}

@test "force, incognito, cached" {
    dj frame n=0..2 > in
    run -1 dj -q map --cached -k -i in factorial
    is "$(grep -c '"status":"absent"' <<< "$output")" 3
    dj map --incognito -i in factorial > out
    is "$(column result < out | paste -sd' ')" "1 1 2"
    rm runs
    dj map -i in factorial > out
    dj map --force -i in factorial > out
    is "$(column result < out | paste -sd' ')" "1 1 2"
    is "$(dj ls tasks/factorial/2/history | wc -l)" 1
}

@test "load: what each run left, as a column" {
    dj frame n=1..2 | dj map vector > in
    is "$(dj load --as v sub/vec.json < in | sed 's/.*"v"://')" "[1.0,1]}
[1.0,2]}"
    is "$(dj load vec.txt < in | jq -c '."vec.txt"')" '1
"1\n2"'
    is "$(dj load --as b bytes < in | column b | head -n 1)" '"tasks/vector/1/files/bytes"'
    run -1 --separate-stderr dj load --as v nothing < in
    is "$(column v <<< "$output" | paste -sd' ')" "null null"
    has "$stderr" "dj: stdin:1: "
    run -1 --separate-stderr dj load x <<< '{"a":1}'
    is "$stderr" "dj: stdin:1: the row has no run; \`dj map\` gives it one"
    run -1 --separate-stderr dj load x <<< '{"run":"tasks/vector/7","status":"failed"}'
    is "$stderr" "dj: stdin:1: its run is not done"
    run -1 --separate-stderr dj load x <<< '{"run":"README"}'
    is "$stderr" "dj: stdin:1: README is not the path of a run, which is tasks/TASK/NAME"
}

@test "group: equal rows become one, the rest lists" {
    is "$(printf '%s\n' '{"a":1,"b":1.0}' '{"a":2,"b":2}' '{"a":1,"c":"x"}' '{"a":1.0,"b":7}' '{"a":1,"b":9007199254740993}' | dj group a)" \
        '{"a":1,"b":[1.0,null,9007199254740993],"c":[null,"x",null]}
{"a":2,"b":[2]}
{"a":1.0,"b":[7]}'
    is "$(dj frame a=0..1 b=0..2 | dj map mult | dj group a | jq -c '[.a, .result]')" '[0,[0,0,0]]
[1,[0,1,2]]'
    is "$(dj group a < /dev/null)" ""
}

@test "compare: where two frames differ" {
    dj frame a=1..3 b=1.0 > one
    dj compare one one
    dj set b=1e0 < one | dj compare one -
    run -1 dj compare one <(dj set --where '.a == 2' b=1 < one)
    is "$output" "row 2: column b: 1.0 and 1"
    run -1 dj compare one <(head -n 2 one)
    has "$output" "ends before row 3"
    run -1 dj compare one <(dj set c=1 < one)
    is "$output" "row 1: column c: not there and 1"
    exits 2 dj compare one nothing
    exits 2 dj compare - -
    exits 2 dj compare
}

# refused STATUS SENTENCE CMD…: nothing on stdout, that sentence on stderr.
refused()
{
    run --separate-stderr "${@:3}" < "${IN:-/dev/null}"
    is "$status" "$1" "${*:3}: $stderr"
    is "$stderr" "dj: $2"
}

@test "words, expressions and rows that are refused" {
    refused 2 "n is neither COL=VALUE nor COL:=EXPRESSION" dj frame n
    refused 2 "=1: a column needs a name" dj frame =1
    refused 2 "n: 9..0: it begins above its end; a range that goes down has a step below 0, as in 9..0..-1" dj frame n=9..0
    refused 2 "n: 0..9..0: a step of 0 never gets there" dj frame n=0..9..0
    refused 2 "n: 0.5..2: a range is LO..HI or LO..HI..STEP of whole numbers" dj frame n=0.5..2
    refused 2 "n: {\"a\": this is not JSON: a name without its colon at byte 5; text that begins so is written as a JSON string" dj frame 'n={"a"'
    refused 2 "nothing: No such file or directory" dj frame n=@nothing
    refused 2 "these are too many rows" dj frame a=0..4000000000 b=0..4000000000
    refused 2 "--zip: a has 2 values, and b has 3" dj frame --zip a=0..1 b=0..2
    refused 2 "xml is no format of rows, which are jsonl, csv and tsv" dj frame --to xml
    refused 1 "a.b: b has no place in what is no object" dj frame a=1 a.b=2
    refused 2 "--where: .a %: syntax error, unexpected \$end (Unix shell quoting issues?) at <top-level>, line 1:" dj set --where '.a %'
    refused 2 "b: .a %: syntax error, unexpected \$end (Unix shell quoting issues?) at <top-level>, line 1:" dj set b:='.a %'
    refused 2 "one --where is enough: join expressions by \`and\`" dj set --where .a --where .b
    refused 2 "the rows that come in have one format: --csv, --tsv or -R" dj set --csv --tsv
    refused 5 "nothing: No such file or directory" dj map -i nothing mult
    refused 5 "there is no task nope; \`dj tasks\` lists those that are defined" dj map nope
    refused 2 "there is no parameter c; the task has a, b" dj map mult c=1
    refused 2 "a is given twice; \`dj set\` makes rows of several values" dj map mult a=1 a=2
    refused 2 "a: .x |: syntax error, unexpected \$end (Unix shell quoting issues?) at <top-level>, line 1:" dj map mult a:='.x |'
    refused 2 "--as status: the column status says how the call went" dj map --as status mult
    refused 2 "--max-fails: it is 1 or more; -k goes on whatever fails" dj map --max-fails 0 mult
    refused 2 "--force computes and --cached never does" dj map --force --cached mult
    exits 2 dj map
    exits 2 dj map --nothing mult
    exits 2 dj load
    exits 2 dj group
}

@test "rows that are refused: by line, and nothing behind them is done" {
    printf '{"a":1}\n[2]\n' > IN
    IN=IN refused 1 "stdin:2: a row is a JSON object" dj set b=1
    is "$output" '{"a":1,"b":1}'
    printf '{"a":1,"a":2}\n' > IN
    IN=IN refused 1 "stdin:1: the column a is there twice" dj set
    printf '{"a":"x"}\n' > IN
    IN=IN refused 1 "stdin:1: .a.b: Cannot index string with string \"b\"" dj set c:=.a.b
    IN=IN refused 1 'stdin:1: error("x"): x' dj set --where 'error("x")'
    printf 'a,b\n1\n' > IN
    IN=IN refused 1 "stdin:2: there are 1 fields, and the header has 2" dj set --csv
    printf '{"a":1}\n{"b":1}\n' > IN
    IN=IN run -1 --separate-stderr dj set --to csv < IN
    is "$stderr" "dj: stdin:2: row 2 has a column b, which the first row has not; JSON Lines can hold such rows"
    # of a map only that row fails
    printf '{"a":1,"b":"x"}\n{"a":2,"b":3}\n{"a":2,"b":{"c":1}}\n{"a":"\\u0000","b":1}\n' > IN
    run -1 --separate-stderr dj map -k mult < IN
    is "$(column status <<< "$output" | paste -sd' ')" '"refused" "done" "refused" "refused"'
    has "$stderr" 'dj: stdin:1: mult: b: "x" is not an int'
    has "$stderr" "dj: stdin:4: a: an argument cannot hold a NUL byte"
    run -1 --separate-stderr dj map -k mult b:='range(.a)' <<< '{"a":2}'
    is "$stderr" "dj: stdin:1: b: range(.a): it gives several, and one value is wanted"
}
