# What a change of a definition, a version or a file does to what is stored.

load helper/djfs

setup()
{
    dj_setup
    mkdir "$DJ_TMP/count"
    start_daemon --workers 2
}

teardown()
{
    dj_teardown
}

lines()
{
    wc -l < "$1"
}

# define TASK PARAMS [OPTION…]: a task that counts its runs and prints its arguments.
define()
{
    local task=$1 params=$2
    shift 2
    {
        printf '[%s]\n' "$task"
        printf "command = sh -c 'echo x >> %s/count/%s; cat \$DJ_ARGS' sh\n" "$DJ_TMP" "$task"
        printf 'params = %s\n' "$params"
        printf '%s\n' "$@"
    } > "$DJ_TMP/$task.ini"
    dj define "$DJ_TMP/$task.ini"
}

@test "a parameter added with a default keeps the stored runs, under their new names" {
    define t n:int
    dj get t 5
    dj get t 6
    is "$(dj ls tasks/t | tr '\n' ' ')" "5 6 "
    define t 'n:int b:int' 'default.b = 7'
    is "$(dj ls tasks/t | tr '\n' ' ')" "n=5,b=7 n=6,b=7 "
    is "$(dj get t 5)" '{"n":5}'
    is "$(dj get t 5 7)" '{"n":5}'
    is "$(dj cat tasks/t/5/status)" done
    is "$(dj cat tasks/t/n=5,b=7/status)" done
    is "$(dj get t 5 8)" '{"n":5,"b":8}'
    is "$(lines "$DJ_TMP/count/t")" 3
    # The default changes, and what was absent stays what it was.
    define t 'n:int b:int' 'default.b = 9'
    is "$(dj get t 5)" '{"n":5,"b":9}'
    is "$(dj get t 5 7)" '{"n":5}'
    # It goes and comes back with another default: the same.
    define t n:int
    is "$(dj ls tasks/t | grep -c '^[56]$')" 2
    define t 'n:int b:int' 'default.b = 11'
    is "$(dj get t 5)" '{"n":5,"b":11}'
    is "$(dj get t 5 9)" '{"n":5,"b":9}'
    is "$(dj get t 6 7)" '{"n":6}'
    is "$(lines "$DJ_TMP/count/t")" 5
    kill_daemon
    start_daemon --no-mount
    is "$(dj get --cached t 5 7)" '{"n":5}'
}

@test "a name never leads to a run with another key" {
    define t n:int
    is "$(dj get t 5)" '{"n":5}'
    local old
    define t n:float
    [[ "$(dj ls tasks/t)" == %k* ]]
    is "$(dj get t 5)" '{"n":5.0}'
    define t m:int
    is "$(dj cat tasks/t/5/status)" absent
    is "$(dj get t 5)" '{"m":5}'
    define t n
    is "$(dj cat tasks/t/5/result)" '{"n":"5"}'
    is "$(lines "$DJ_TMP/count/t")" 4
    # What cannot be spelled is listed by its key, is read, and is not computed.
    is "$(dj ls tasks/t | grep -c '^%k')" 3
    old=$(dj ls tasks/t | grep -m1 '^%k')
    [[ "$(dj cat "tasks/t/$old/result")" == '{"'* ]]
    [[ "$(dj cat "tasks/t/$old/args")" == '{"'* ]]
    run dj get --force "tasks/t/$old"
    [ "$status" -eq 2 ]
    [[ "$output" == *"do not fit the parameters"* ]]
    # Set back, and it has its name again.
    define t n:int
    is "$(dj get t 5)" '{"n":5}'
    is "$(dj cat tasks/t/5/status)" done
    is "$(lines "$DJ_TMP/count/t")" 4
    dj write tasks/t/.ctl 'delete all'
    is "$(dj ls tasks/t)" ""
}

@test "links of deps and dependents follow a renaming" {
    define child n:int
    dj define parent -- sh -c 'dj get child 5'
    dj get parent
    is "$(dj ls tasks/parent/_/deps)" child,5
    define child 'n:int b:int' 'default.b = 7'
    is "$(dj ls tasks/parent/_/deps)" child,n=5,b=7
    is "$(dj cat tasks/parent/_/deps/child,n=5,b=7/status)" done
    is "$(dj cat tasks/parent/_/deps/child,n=5,b=7/dependents/parent,_/status)" done
    define child n:float
    [[ "$(dj ls tasks/parent/_/deps)" == child,%k* ]]
    is "$(dj cat "tasks/parent/_/deps/$(dj ls tasks/parent/_/deps)/result")" '{"n":5}'
}

@test "a parameter whose type changes twice, over a restart" {
    define t n:int
    dj get t 1
    define t 'n:int b:int' 'default.b = 7'
    define t 'n:int b' 'default.b = x'
    kill_daemon
    start_daemon --no-mount
    is "$(dj get t 1)" '{"n":1,"b":"x"}'
    define t 'n:int b:int' 'default.b = 7'
    is "$(dj get t 1)" '{"n":1}'
}

@test "undefine, restart, define again: the runs are back" {
    define t n:int
    dj get t 1
    define t 'n:int b:int' 'default.b = 7'
    dj undefine t
    run dj get t 1
    [ "$status" -eq 5 ]
    kill_daemon
    start_daemon --no-mount
    define t 'n:int b:int' 'default.b = 7'
    is "$(dj get t 1)" '{"n":1}'
    is "$(lines "$DJ_TMP/count/t")" 1
}

@test "deleted under one set of parameters, brought back under another" {
    define t n:int
    dj get t 1
    dj rm t 1
    define t 'n:int b:int' 'default.b = 7'
    dj undelete t
    is "$(dj ls tasks/t)" n=1,b=7
    is "$(dj get t 1)" '{"n":1}'
    is "$(lines "$DJ_TMP/count/t")" 1
}

@test "track = command: an edit of the program is a new version, and set back it revives" {
    printf '#!/bin/sh\necho one\n' > "$DJ_TMP/prog"
    chmod 755 "$DJ_TMP/prog"
    printf '[t]\ncommand = ./prog\ntrack = command\n' > "$DJ_TMP/t.ini"
    dj define "$DJ_TMP/t.ini"
    dj define up -- sh -c 'dj get t'
    is "$(dj get up)" one
    printf '#!/bin/sh\necho two\n' > "$DJ_TMP/prog"
    is "$(dj cat tasks/up/_/status)" stale
    is "$(dj get up)" two
    printf '#!/bin/sh\necho one\n' > "$DJ_TMP/prog"
    is "$(dj get --cached up)" one
}

@test "invalidating one run or a task, bumping, and setting back" {
    define t n:int
    dj define up n:int -- sh -c 'dj get t $1' sh '{n}'
    dj get up 1
    dj get up 2
    dj invalidate t 1
    is "$(dj cat tasks/up/1/status) $(dj cat tasks/up/2/status)" "stale done"
    dj get up 1
    dj write tasks/t/.ctl invalidate
    is "$(dj cat tasks/up/1/status) $(dj cat tasks/up/2/status)" "stale stale"
    dj get up 2
    is "$(dj bump t)" 2
    is "$(dj cat tasks/up/2/status)" stale
    is "$(dj get up 2)" '{"n":2}'
    dj write tasks/t/.version 1
    is "$(dj cat tasks/up/2/status) $(dj cat tasks/up/1/status)" "done stale"
}

@test "a text that changed under a merge makes the merge stale" {
    mkdir "$DJ_TMP/texts"
    printf 'a b c\n' > "$DJ_TMP/texts/1"
    printf 'd e\n' > "$DJ_TMP/texts/2"
    cat > "$DJ_TMP/t.ini" <<'TASKS'
[words]
command = sh -c 'wc -w < "$1"' sh {text}
params = text:file

[merge]
command = sh -c 's=0; for f; do s=$((s + $(dj get words "$f"))); done; echo $s' sh {texts}
params = texts:file*

[all]
command = sh -c 's=0; for f in "$1"/*; do s=$((s + $(dj get words "$f"))); done; echo $s' sh {dir}
params = dir
TASKS
    dj define "$DJ_TMP/t.ini"
    is "$(dj get merge "$DJ_TMP/texts/1" "$DJ_TMP/texts/2")" 5
    is "$(dj get all "$DJ_TMP/texts")" 5
    local before
    before=$(dj path merge "$DJ_TMP/texts/1" "$DJ_TMP/texts/2")
    printf 'a b c d\n' > "$DJ_TMP/texts/1"
    [ "$(dj path merge "$DJ_TMP/texts/1" "$DJ_TMP/texts/2")" != "$before" ]
    is "$(dj cat "$before/status")" stale
    is "$(dj cat tasks/all/*/status 2> /dev/null || dj cat "tasks/all/$(dj ls tasks/all)/status")" stale
    is "$(dj get merge "$DJ_TMP/texts/1" "$DJ_TMP/texts/2")" 6
    is "$(dj get all "$DJ_TMP/texts")" 6
}
