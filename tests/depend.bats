# Which parts of a json parameter count: ignore, keep and depend by path, in each form that the manual
# has, per call, in names and keys, and what becomes of stored runs when the rules change.

load helper/djfs

setup()
{
    dj_setup
    start_daemon --workers 2 --no-mount
}

teardown()
{
    dj_teardown
}

# task NAME LINE…: a task of two parameters that gives its arguments and counts its runs.
task()
{
    local name=$1
    shift
    {
        printf '[%s]\ncommand = sh -c "echo %s >> %s/count; cat $DJ_ARGS"\n' "$name" "$name" "$DJ_TMP"
        printf 'params = config:json, n:int\ndefault.n = 1\n'
        printf '%s\n' "$@"
    } | define_tasks
}

computed()
{
    cat count 2> /dev/null | wc -l
}

# one_run TASK VALUE…: all are one call.
one_run()
{
    local task=$1 before
    shift
    before=$(computed)
    for value; do
        dj get "$task" "$value" > /dev/null
    done
    is "$(($(computed) - before))" 1
    is "$(dj ls "tasks/$task" | wc -l)" 1
}

# others TASK VALUE…: each is a call of its own, computed now.
others()
{
    local task=$1 before
    shift
    before=$(computed)
    for value; do
        dj get "$task" "$value" > /dev/null
    done
    is "$(($(computed) - before))" $#
}

# ---- the definition --------------------------------------------------------------------------------

@test "ignore by path: what differs there only is one call, what differs elsewhere is not" {
    task fit 'ignore = config.verbose'
    one_run fit '{"lr":1,"verbose":true}' '{"lr":1,"verbose":false}' '{"lr":1}' '{"verbose":{},"lr":1}'
    others fit '{"lr":2}' '{"lr":1.0}' '{"lr":1,"x":{"verbose":1}}' '[1]' '{}' 7
    task whole
    others whole '{"a":1}' '{"a":1,"b":2}'
}

@test "keep by path: nothing else of the value counts, and no other parameter" {
    task fit 'keep = config.model.lr'
    one_run fit '{"model":{"lr":1,"name":"a"},"seed":3}' '{"model":{"lr":1}}' '{"model":{"lr":1},"n":[]}'
    is "$(dj get fit '{"model":{"lr":1}}' 9)" '{"config":{"model":{"lr":1,"name":"a"},"seed":3},"n":1}'
    others fit '{"model":{"lr":2}}' '{"seed":3}'
    is "$(dj get fit '{}')" '{"config":{"seed":3},"n":1}'
    is "$(dj get fit '{"model":5}')" '{"config":{"seed":3},"n":1}'
    is "$(computed)" 3
}

@test "depend by path: of that parameter only these parts count; other parameters are as they were" {
    task fit 'depend = config.model, config.seed'
    one_run fit '{"model":{"lr":1},"seed":2,"log":"a"}' '{"model":{"lr":1},"seed":2}'
    others fit '{"model":{"lr":1},"seed":3}' '{"model":{},"seed":2}'
    dj get fit '{"model":{"lr":1},"seed":2}' 5 > /dev/null
    is "$(computed)" 4
}

@test "nested: what counts in what is ignored, what is ignored in what counts, four levels deep" {
    task fit 'ignore = config.b, config.model.name' 'depend = config.b.c'
    one_run fit '{"a":1,"b":{"c":2,"d":3},"model":{"name":1}}' '{"a":1,"b":{"c":2},"model":{"name":2}}'
    others fit '{"a":2,"b":{"c":2}}' '{"a":1,"b":{"c":3}}'
    task deep 'ignore = config.m.a.b' 'depend = config.m, config.m.a.b.c'
    one_run deep '{"m":{"a":{"b":{"c":1,"d":2},"e":3}},"z":1}' '{"m":{"a":{"b":{"c":1},"e":3}}}'
    others deep '{"m":{"a":{"b":{"c":2},"e":3}}}' '{"m":{"a":{"b":{"c":1},"e":4}}}'
    # The whole is ignored and something in it is not.
    task inside 'ignore = config' 'depend = config.m.lr'
    one_run inside '{"m":{"lr":1,"x":1}}' '{"m":{"lr":1},"s":1}'
    others inside '{"m":{"lr":2}}'
}

@test "lists by index and each element or member; odd names in quotes; a parameter that is a list" {
    task fit 'ignore = config.layers[].name, config.first[0], config."a.b, c"'
    one_run fit '{"layers":[{"name":"x","size":3},{"name":"y"}],"first":[1,2],"a.b, c":1}' \
        '{"layers":[{"size":3},{}],"first":[7,2]}'
    others fit '{"layers":[{"size":4},{}],"first":[7,2]}' '{"layers":[{"size":3}],"first":[7,2]}' \
        '{"layers":[{"size":3},{}],"first":[7,3]}'
    one_run_of_members
    define_tasks <<TASKS
[many]
command = sh -c 'echo many >> $DJ_TMP/count; echo "\$@"' sh {configs}
params = configs:json*
ignore = configs[].verbose
TASKS
    is "$(dj get many '{"a":1,"verbose":2}' '{"a":3}')" '{"a":1,"verbose":2} {"a":3}'
    is "$(dj get many '{"a":1}' '{"verbose":5,"a":3}')" '{"a":1,"verbose":2} {"a":3}'
    is "$(dj ls tasks/many)" '%7B"a":1%7D;%7B"a":3%7D;'
    define_tasks <<TASKS
[first]
command = sh -c 'echo "\$@"' sh {configs}
params = configs:json*
ignore = configs[0]
TASKS
    is "$(dj get first 1 2) $(dj get first 3 2) $(dj get first 2 3) $(dj get first 7) $(dj get first 8)" \
        "1 2 1 2 2 3 7 7"
    is "$(dj ls tasks/first | paste -sd' ')" "null; null;2; null;3;"
}

one_run_of_members()
{
    task members 'ignore = config.models[].name'
    one_run members '{"models":{"p":{"name":1,"lr":2}}}' '{"models":{"p":{"name":3,"lr":2}}}'
}

@test "every form of a definition: task file, defaults, script, shell function, one line, .definition" {
    define_tasks <<'TASKS'
[defaults]
params = config:json n:int
ignore = config.x, n
command = cat {config@}
[inherits]
[own]
ignore = config.y
[kept]
keep = config.z
TASKS
    has "$(dj cat tasks/inherits/.definition)" "ignore = config.x, n"
    has "$(dj cat tasks/own/.definition)" "ignore = config.y"
    has "$(dj cat tasks/kept/.definition)" $'ignore = n\ndepend = config.z'
    printf '#!/bin/sh\n#DJ params = config:json\n#DJ ignore = config.x\n#DJ depend = config.x.y\ncat "$DJ_ARGS"\n' > script.sh
    chmod +x script.sh
    dj define script.sh
    is "$(dj get script '{"x":{"y":1,"z":2}}')" '{"config":{"x":{"y":1,"z":2}}}'
    is "$(dj get script '{"x":{"y":1}}')" '{"config":{"x":{"y":1,"z":2}}}'
    printf '#DJ params = config:json\n#DJ ignore = config.x\nf() { echo "$1"; }\n' > lib.sh
    dj define lib.sh f
    is "$(dj get f '{"a":1,"x":2}') $(dj get f '{"a":1,"x":3}')" '{"a":1,"x":2} {"a":1,"x":2}'
    dj define line ignore=config.x config:json -- echo "{config}"
    is "$(dj get line '{"a":1,"x":2}') $(dj get line '{"a":1,"x":3}')" '{"a":1,"x":2} {"a":1,"x":2}'
    dj define line2 depend=config.a config:json -- echo "{config}"
    is "$(dj get line2 '{"a":1,"x":2}') $(dj get line2 '{"a":1,"x":3}')" '{"a":1,"x":2} {"a":1,"x":2}'
    dj define line3 keep=config.a config:json n:int -- echo "{config}"
    is "$(dj get line3 '{"a":1,"x":2}' 1) $(dj get line3 '{"a":1,"x":3}' 2)" '{"a":1,"x":2} {"a":1,"x":2}'
    # Written as it reads, it defines the same.
    dj cat tasks/script/.definition > again
    sed -i 's/^command.*/command = cat {config@}/' again
    dj write tasks/script/.definition "$(cat again)"
    has "$(dj cat tasks/script/.definition)" $'ignore = config.x\ndepend = config.x.y'
    has "$(dj show script)" "depend = config.x.y"
}

@test "whole parameters in every form of a definition" {
    printf '#!/bin/sh\n#DJ params = n:int v:int\n#DJ ignore = v\necho "$@"\n' > script.sh
    chmod +x script.sh
    dj define script.sh
    is "$(dj get script 1 2) $(dj get script 1 3)" "1 2 1 2"
    printf '#DJ params = n:int v:int\n#DJ keep = n\nf() { echo "$@"; }\n' > lib.sh
    dj define lib.sh f
    is "$(dj get f 1 2) $(dj get f 1 3)" "1 2 1 2"
    dj define line ignore=v n:int v:int -- echo "{n}" "{v}"
    is "$(dj get line 1 2) $(dj get line 1 3)" "1 2 1 2"
    dj define line2 keep=n n:int v:int -- echo "{n}" "{v}"
    is "$(dj get line2 1 2) $(dj get line2 1 3) $(dj get line2 2 3)" "1 2 1 2 2 3"
    define_tasks <<'TASKS'
[kept]
command = echo {n} {v} {w}
params = n:int v:int w:int
keep = n w
TASKS
    is "$(dj get kept 1 2 3) $(dj get kept 1 9 3) $(dj get kept 1 9 4)" "1 2 3 1 2 3 1 9 4"
}

@test "what cannot be is refused where it stands, and nothing is defined" {
    local line want
    while IFS='|' read -r line want; do
        printf '[bad]\ncommand = x\nparams = config:json n:int l:json*\n%s\n' "$line" > bad.ini
        exits 2 dj define bad.ini
        has "$output" "bad.ini:$want"
    done <<'CASES'
ignore = n.x|4: bad: n is of type int, of which there are no parts to ignore; only json has some
keep = config.|4: bad: config: no name at "."
depend = config[x]|4: bad: config: no index at "[x]"
depend = config|4: bad: name a part of config to depend on, as config.KEY, or `config like TASK`
depend = other.x|4: bad has no parameter other.x to depend on
ignore = l.x|4: bad: l is a list: write l[] for each of its values
depend = config like|4: bad: `config like` needs the name of a task behind it
CASES
    printf '[bad]\ncommand = x\nparams = config:json\nignore = config.\xff\n' > bad.ini
    exits 2 dj define bad.ini
    has "$output" "bad.ini:4: bad: config: no UTF-8, which all of JSON is, at"
    printf '[bad]\ncommand = x\nparams = config:json\nignore = config.a\ndepend = config.a\n' > bad.ini
    exits 2 dj define bad.ini
    has "$output" "bad.ini:5: bad: config: two rules for .a contradict each other"
    exits 5 dj get bad 1
}

# ---- like other tasks -----------------------------------------------------------------------------

@test "like: what counts for other tasks counts, of one, of two, of a part, through a third" {
    task train 'depend = config.lr'
    task eval 'depend = config.seed' 'ignore = config.seed.name'
    task both 'depend = config like train, config like eval'
    one_run both '{"lr":1,"seed":{"a":1,"name":"x"},"log":1}' '{"lr":1,"seed":{"a":1}}'
    others both '{"lr":2,"seed":{"a":1}}' '{"lr":1,"seed":{"a":2}}'
    task more 'depend = config like train, config.more' 'ignore = config.more.x'
    one_run more '{"lr":1,"more":{"x":1,"y":2}}' '{"lr":1,"more":{"y":2},"seed":1}'
    others more '{"lr":2,"more":{"y":2}}' '{"lr":1,"more":{"y":3}}'
    task third 'depend = config like more'
    one_run third '{"lr":1,"more":{"x":1,"y":2}}' '{"lr":1,"more":{"y":2},"seed":1}'
    has "$(dj cat tasks/both/.definition)" "depend = config like train, config like eval"
    task part 'depend = config.seed like eval'
    one_run part '{"lr":1,"seed":{"a":1,"name":"x"}}' '{"lr":1,"seed":{"a":1}}'
    others part '{"lr":2,"seed":{"a":1}}' '{"lr":1,"seed":{"a":2}}'
    task only 'ignore = config' 'depend = config.seed like eval'
    one_run only '{"lr":1,"seed":{"a":1,"name":"x"}}' '{"lr":2,"seed":{"a":1}}'
    others only '{"lr":1,"seed":{"a":2}}'
    has "$(dj cat tasks/only/.definition)" $'ignore = config\ndepend = config.seed like eval'
    # What another ignores as a whole does not count for it.
    task none 'ignore = config'
    task nothing 'depend = config like none'
    one_run nothing '{"lr":1}' '[7]'
    task all
    task everything 'depend = config like none, config like all'
    others everything '{"lr":1}' '[7]'
}

@test "like: tasks of one file in any order; a task that is not there, has no such parameter, a circle" {
    printf '[a]\ncommand = x\nparams = config:json\ndepend = config like b\n[b]\ncommand = x\nparams = config:json\nignore = config.x\n' |
        define_tasks
    has "$(dj key a '{"x":1}')" "parts config -.x"
    printf '[c]\ncommand = x\nparams = config:json\ndepend = config like nobody\n' > c.ini
    exits 2 dj define c.ini
    has "$output" "c: depend: there is no task nobody that config could be like"
    exits 5 dj get c 1
    dj define other n:int -- x
    sed -i 's/nobody/other/' c.ini
    exits 2 dj define c.ini
    has "$output" "c: depend: other has no parameter config"
    sed -i 's/other/c/' c.ini
    exits 2 dj define c.ini
    has "$output" "c: depend: what counts of config goes round in a circle"
    printf '[b]\ncommand = x\nparams = config:json\ndepend = config like a\n' > b.ini
    exits 2 dj define b.ini
    has "$output" "goes round in a circle"
    has "$(dj cat tasks/b/.definition)" "ignore = config.x"
}

@test "like: the other task is defined anew, loses the parameter, is undefined; a restart" {
    task train 'depend = config.lr'
    task fit 'depend = config like train'
    dj get fit '{"lr":1,"seed":1}' > /dev/null
    is "$(dj get fit '{"lr":1,"seed":2}')" '{"config":{"lr":1,"seed":1},"n":1}'
    is "$(computed)" 1
    # Seeds count for it now, so they do here: no run from before answers.
    task train 'depend = config.lr, config.seed'
    has "$(dj key fit '{"lr":1,"seed":2}')" "parts config -,+.lr,+.seed"
    is "$(dj get fit '{"lr":1,"seed":2}')" '{"config":{"lr":1,"seed":2},"n":1}'
    is "$(dj get fit '{"lr":1,"seed":1}')" '{"config":{"lr":1,"seed":1},"n":1}'
    is "$(computed)" 3
    kill_daemon
    start_daemon --workers 2 --no-mount
    has "$(dj key fit '{"lr":1,"seed":2}')" "parts config -,+.lr,+.seed"
    is "$(dj get --cached fit '{"lr":1,"seed":2,"x":1}')" '{"config":{"lr":1,"seed":2},"n":1}'
    # As they were: the first run answers again.
    task train 'depend = config.lr'
    is "$(dj get fit '{"lr":1,"seed":9}')" '{"config":{"lr":1,"seed":1},"n":1}'
    is "$(computed)" 3
    # Without a definition its last one stands.
    dj undefine train
    is "$(dj get fit '{"lr":1,"seed":9}')" '{"config":{"lr":1,"seed":1},"n":1}'
    # Also when another task is defined, and after a restart.
    dj define unrelated -- true
    is "$(dj get fit '{"lr":1,"seed":9}')" '{"config":{"lr":1,"seed":1},"n":1}'
    kill_daemon
    start_daemon --workers 2 --no-mount
    dj define unrelated -- false
    is "$(dj get fit '{"lr":1,"seed":9}')" '{"config":{"lr":1,"seed":1},"n":1}'
    # What is not there any more to be taken counts.
    dj define train m:int -- x
    is "$(dj get fit '{"lr":1,"seed":9}')" '{"config":{"lr":1,"seed":9},"n":1}'
    is "$(dj get fit '{"lr":1,"seed":8}')" '{"config":{"lr":1,"seed":8},"n":1}'
    is "$(computed)" 5
}

# ---- a change of the rules --------------------------------------------------------------------------

@test "no run answers under other rules than those that it was computed under" {
    local rules value before
    task fit 'ignore = config.b'
    is "$(dj get fit '{"a":1,"b":2}')" '{"config":{"a":1,"b":2},"n":1}'
    for rules in '' 'ignore = config.c' 'depend = config.a' 'keep = config.a' 'ignore = n' \
        'ignore = config.b, config.c' 'ignore = config' 'ignore = config.b[0]'; do
        task fit "$rules"
        before=$(computed)
        is "$(dj get fit '{"a":1}')" '{"config":{"a":1},"n":1}'
        is "$(computed)" $((before + 1))
    done
    # The first ones again: what was computed under them.
    task fit 'ignore = config.b'
    is "$(dj get fit '{"a":1}')" '{"config":{"a":1,"b":2},"n":1}'
    is "$(dj ls tasks/fit | grep -v '^%k')" 'config=%7B"a":1%7D,n=1'
    task fit ''
    is "$(dj get fit '{"a":1}')" '{"config":{"a":1},"n":1}'
    is "$(computed)" 9
    is "$(dj fsck | tail -1 | sed 's/.*: //')" "0 findings"
}

@test "no run that was computed with an ignored value answers when it counts: an added parameter" {
    dj define f n:int -- sh -c 'cat $DJ_ARGS'
    dj get f 5 > /dev/null
    # It is added, which keeps the run; ignored, and computed with another value than its default.
    dj define f n:int v:int=0 -- sh -c 'cat $DJ_ARGS'
    is "$(dj get --cached f 5)" '{"n":5}'
    dj define f ignore=v n:int v:int=0 -- sh -c 'cat $DJ_ARGS'
    is "$(dj get --force f 5 v=7)" '{"n":5,"v":7}'
    dj define f n:int v:int=0 -- sh -c 'cat $DJ_ARGS'
    is "$(dj get f 5)" '{"n":5,"v":0}'
    is "$(dj get f 5 7)" '{"n":5,"v":7}'
    # The same, of a parameter that is added as an ignored one, and that goes and comes back.
    dj define g n:int -- sh -c 'cat $DJ_ARGS'
    dj get g 5 > /dev/null
    dj define g ignore=v n:int v:int=0 -- sh -c 'cat $DJ_ARGS'
    is "$(dj get --force g 5 v=7)" '{"n":5,"v":7}'
    dj define g n:int -- sh -c 'cat $DJ_ARGS'
    dj define g n:int v:int=0 -- sh -c 'cat $DJ_ARGS'
    is "$(dj get g 5)" '{"n":5,"v":0}'
    # And of parts.
    dj define h n:int -- sh -c 'cat $DJ_ARGS'
    is "$(dj get h 5)" '{"n":5}'
    dj define h ignore=c.b n:int 'c:json={"a":1}' -- sh -c 'cat $DJ_ARGS'
    is "$(dj get --cached h 5 '{"a":1,"b":1}')" '{"n":5}'
    is "$(dj get --force h 5 '{"a":1,"b":2}')" '{"n":5,"c":{"a":1,"b":2}}'
    is "$(dj get --cached h 5)" '{"n":5,"c":{"a":1,"b":2}}'
    dj define h n:int 'c:json={"a":1}' -- sh -c 'cat $DJ_ARGS'
    is "$(dj get h 5)" '{"n":5,"c":{"a":1}}'
}

# ---- names and keys --------------------------------------------------------------------------------

@test "by path: the canonical name leaves the part out, a spelling with it is a folder that remembers it" {
    task fit 'ignore = config.verbose'
    is "$(dj path fit '{"lr":1,"verbose":2}')" 'tasks/fit/config=%7B"lr":1%2C"verbose":2%7D,n=1'
    is "$(dj path fit '{"lr":1}')" 'tasks/fit/config=%7B"lr":1%7D,n=1'
    local full='tasks/fit/config=%7B"lr":1%2C"verbose":2%7D,n=1' short='tasks/fit/config=%7B"lr":1%7D,n=1'
    is "$(dj cat "$full/args")" '{"config":{"lr":1,"verbose":2},"n":1}'
    is "$(dj cat "$short/args")" '{"config":{"lr":1},"n":1}'
    has "$(dj cat "$full/command")" 'DJ_ARG_config={"lr":1,"verbose":2}'
    is "$(dj cat "$full/result")" '{"config":{"lr":1,"verbose":2},"n":1}'
    is "$(dj cat "$short/result")" '{"config":{"lr":1,"verbose":2},"n":1}'
    is "$(dj cat "$short/args")" '{"config":{"lr":1,"verbose":2},"n":1}'
    is "$(dj ls tasks/fit)" 'config=%7B"lr":1%7D,n=1'
    is "$(computed)" 1
    dj write 'tasks/fit/config=%7B"lr":1%2C"verbose":3%7D,n=1/ctl' force
    is "$(dj cat "$short/result")" '{"config":{"lr":1,"verbose":3},"n":1}'
    dj write tasks/fit/.ctl 'force config=%7B"verbose":4%2C"lr":1%7D'
    is "$(dj cat "$short/result")" '{"config":{"lr":1,"verbose":4},"n":1}'
    is "$(dj get "tasks/fit/config=%7B\"lr\":2%2C\"verbose\":5%7D,n=1")" '{"config":{"lr":2,"verbose":5},"n":1}'
    is "$(dj cat 'tasks/fit/config=%7B"lr":2%7D,n=1/args')" '{"config":{"lr":2,"verbose":5},"n":1}'
    # A run that is stale is computed again with what it was asked for first.
    dj bump fit > /dev/null
    is "$(dj cat 'tasks/fit/config=%7B"lr":2%7D,n=1/result')" '{"config":{"lr":2,"verbose":5},"n":1}'
    kill_daemon
    start_daemon --workers 2 --no-mount
    is "$(dj get --cached fit '{"lr":2}')" '{"config":{"lr":2,"verbose":5},"n":1}'
}

@test "through a mount" {
    requires_fuse
    stop_daemon
    start_daemon --workers 2
    task fit 'ignore = config.verbose'
    is "$(cat "$MNT"/tasks/fit/'config=%7B"lr":1%2C"verbose":2%7D,n=1/result')" '{"config":{"lr":1,"verbose":2},"n":1}'
    is "$(cat "$MNT"/tasks/fit/'config=%7B"lr":1%7D,n=1/result')" '{"config":{"lr":1,"verbose":2},"n":1}'
    is "$(readlink "$MNT"/tasks/fit/'n=1,config=%7B"verbose":3%2C"lr":1%7D')" 'config=%7B"lr":1%2C"verbose":3%7D,n=1'
    is "$(ls "$MNT/tasks/fit")" 'config=%7B"lr":1%7D,n=1'
    is "$(computed)" 1
}

@test "key and why say what is left out, and by what rules" {
    task fit 'ignore = config.verbose, config.l[].x'
    dj get fit '{"lr":1,"verbose":true,"l":[{"x":1,"y":2}]}' > /dev/null
    is "$(dj key fit '{"lr":1,"l":[{"y":2}]}' | sed -n '/^arg config/,/^arg n/p')" \
        'arg config json {"l":[{"y":2}],"lr":1}
parts config -.l[].x,-.verbose
ignored config.l[0].x json 1
ignored config.verbose json true
arg n int 1'
    is "$(dj why fit '{"lr":1,"l":[{"y":2}]}')" "hit; leaves out config.l[0].x, config.verbose"
    dj get fit '{"lr":2}' > /dev/null
    is "$(dj why fit '{"lr":2}')" "hit"
    is "$(dj why fit '{"lr":3}')" "never run"
    dj get fit '{"lr":4,"l":[{"x":1},{"x":2},{"x":3},{"x":4},{"x":5},{"x":6},{"x":7}]}' > /dev/null
    is "$(dj why fit '{"lr":4,"l":[{},{},{},{},{},{},{}]}')" \
        "hit; leaves out config.l[0].x, config.l[1].x, config.l[2].x, config.l[3].x, config.l[4].x and 2 more"
}

@test "a run that calls one records the run of its key; tables and sweeps take it as any parameter" {
    task fit 'ignore = config.verbose'
    printf '#!/bin/sh\n#DJ params = v:int\ndj get fit "{\\"lr\\":1,\\"verbose\\":$1}" > /dev/null; echo "$1"\n' > top
    chmod +x top
    dj define top
    is "$(dj get top 1) $(dj get top 2)" "1 2"
    is "$(dj ls tasks/top/1/deps) $(dj ls tasks/top/2/deps)" \
        'fit,config=%7B"lr":1%7D,n=1 fit,config=%7B"lr":1%7D,n=1'
    is "$(computed)" 1
    is "$(dj frame v=1..3 | dj map fit 'config:={lr:1,verbose:.v}' | jq -c .result)" \
        '"{\"config\":{\"lr\":1,\"verbose\":1},\"n\":1}\n"
"{\"config\":{\"lr\":1,\"verbose\":1},\"n\":1}\n"
"{\"config\":{\"lr\":1,\"verbose\":1},\"n\":1}\n"' || dj frame v=1..3 | dj map fit 'config:={lr:1,verbose:.v}'
    is "$(computed)" 1
}

@test "runs travel with what their keys leave out" {
    task fit 'ignore = config.verbose' 'depend = config.l[0]'
    dj get fit '{"l":[{"a":1},2],"verbose":true}' > /dev/null
    dj export -o out.tar fit 2> /dev/null || dj export fit > out.tar
    stop_daemon
    DJ_STORE=$DJ_TMP/second
    start_daemon --workers 2 --no-mount
    dj import out.tar
    task fit 'ignore = config.verbose' 'depend = config.l[0]'
    is "$(dj get --cached fit '{"l":[{"a":1}]}')" '{"config":{"l":[{"a":1},2],"verbose":true},"n":1}'
    is "$(computed)" 1
    is "$(dj fsck | tail -1 | sed 's/.*: //')" "0 findings"
}

# ---- per call --------------------------------------------------------------------------------------

@test "get --ignore and --keep by path" {
    task fit
    is "$(dj get fit '{"lr":1,"verbose":1}')" '{"config":{"lr":1,"verbose":1},"n":1}'
    is "$(dj get --ignore config.verbose fit '{"lr":1,"verbose":2}')" '{"config":{"lr":1,"verbose":1},"n":1}'
    is "$(dj get --ignore config.verbose fit '{"lr":1}')" '{"config":{"lr":1,"verbose":1},"n":1}'
    is "$(dj get --ignore config.verbose --ignore n fit '{"lr":1}' 4)" '{"config":{"lr":1,"verbose":1},"n":1}'
    is "$(dj get --ignore config.verbose,n fit '{"lr":1}' 5)" '{"config":{"lr":1,"verbose":1},"n":1}'
    is "$(dj get --keep config.lr fit '{"lr":1,"x":7}' 6)" '{"config":{"lr":1,"verbose":1},"n":1}'
    is "$(dj get --keep config.lr --keep n fit '{"lr":1,"x":7}')" '{"config":{"lr":1,"verbose":1},"n":1}'
    is "$(dj get --ignore 'config["verbose"]' fit 1 2>&1 || true)" \
        'dj: fit: config: no index at "["verbose"]": a path is written .NAME, ."ANY NAME", [NUMBER] or [] for each'
    is "$(dj get --ignore 'config."verbose"' tasks/fit/config=%7B%22lr%22:1%7D,n=1)" '{"config":{"lr":1,"verbose":1},"n":1}'
    is "$(computed)" 1
    # What differs elsewhere does not answer, and the call itself is computed under its full key.
    is "$(dj get --ignore config.verbose fit '{"lr":2,"verbose":2}')" '{"config":{"lr":2,"verbose":2},"n":1}'
    is "$(dj get --keep config.lr,n fit '{"lr":1}' 2)" '{"config":{"lr":1},"n":2}'
    exits 3 dj get --cached --ignore config.verbose fit '{"lr":3}'
    exits 3 dj get --cached fit '{"lr":1}'
    exits 2 dj get --ignore n.x fit '{"lr":1}'
    has "$output" "fit: n is of type int, of which there are no parts to ignore"
    exits 2 dj get --keep bogus.x fit '{"lr":1}'
    has "$output" "fit has no parameter bogus.x to keep"
}

@test "get --ignore and --keep are for what the definition leaves" {
    task fit 'ignore = config.a' 'depend = config.b'
    is "$(dj get fit '{"a":1,"b":{"x":1,"y":1}}')" '{"config":{"a":1,"b":{"x":1,"y":1}},"n":1}'
    is "$(dj get --ignore config.b.x fit '{"a":2,"b":{"x":2,"y":1}}')" '{"config":{"a":1,"b":{"x":1,"y":1}},"n":1}'
    is "$(dj get --keep config fit '{"a":3,"b":{"x":1,"y":1}}' 2)" '{"config":{"a":1,"b":{"x":1,"y":1}},"n":1}'
    is "$(dj get --keep config.b.y fit '{"a":3,"b":{"x":5,"y":1}}' 2)" '{"config":{"a":1,"b":{"x":1,"y":1}},"n":1}'
    is "$(computed)" 1
    exits 3 dj get --cached --ignore config.b.x fit '{"b":{"x":2,"y":2}}'
    # Other rules of the definition: what was known is forgotten.
    task fit 'depend = config.b.x'
    exits 3 dj get --cached --ignore n fit '{"b":{"x":1}}'
}
