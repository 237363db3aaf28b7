# The tree of tasks and runs, each test both ways: through the mount, and by dj ls, cat and write.

bats_require_minimum_version 1.5.0
load helper/djfs

setup_file()
{
    dj_setup
    start_daemon --workers 2
    cat > gate.sh << 'GATE'
echo begun >&2
while ! test -e "${0%/*}/open-$1"; do sleep .05; done
echo over >&2
echo through
GATE
    define_tasks << TASKS
[sum]
command = sh -c 'echo \$((\$1 + \$2))' sh {a} {b}
params = a:int b:int
default.b = 4

[list]
command = sh -c 'IFS=+; echo "\$*"' sh {x}
params = x:int*

[typed]
command = printf '%s\n' {f} {b?--yes} {j} {s}
params = f:float, b:bool, j:json, s:str*

[reads]
command = cat {from} {more}
params = from:file, more:path*

[of]
command = echo {r}
params = r:run

[text]
command = printf %s {text}
params = text

[none]
command = sh -c 'mkdir -p a/b; printf deep > a/b/c; ln -s a/b/c link; chmod 755 a/b/c; echo ok'
params =

[gate]
command = sh {here}/gate.sh {n}
params = n

[calls]
command = sh -c 'dj get sum \$1 1; dj cat self/status' sh {n}
params = n:int

[fails]
command = sh -c 'echo oh dear >&2; exit 3' sh {n}
params = n:int
TASKS
}

teardown_file()
{
    dj_teardown
}

setup()
{
    cd "$DJ_TMP" || return
}

# both_ways FUNCTION: by dj, and through the mount where there is one. $way is in the names of runs,
# so that both compute.
both_ways()
{
    DJ_WAY=dj way=1 "$1"
    ! fuse_usable || DJ_WAY=fuse way=2 "$1"
}

# refused ERRNO CODE CMD ARGUMENT…: through the mount as errno, by dj as its exit status.
refused()
{
    local errno=$1 code=$2

    shift 2
    if [ "$DJ_WAY" = fuse ]; then
        gives_errno "$errno" "$@"
    else
        exits "$code" "$@"
    fi
}

tree_status_is()
{
    [ "$(tree_cat "tasks/$1/status")" = "$2" ]
}

names_links_and_types()
{
    is "$(tree_cat "tasks/sum/a=$way,b=5/result")" $((way + 5))
    is "$(tree_cat "tasks/sum/$way,5/result")" $((way + 5))
    is "$(tree_cat "tasks/sum/b=5,a=0$way/result")" $((way + 5))
    is "$(tree_cat "tasks/sum/$way/result")" $((way + 4))
    has "$(tree_ls tasks/sum)" "a=$way,b=5"
    not has "$(tree_ls tasks/sum)" "$way,5" 2> err || is "$(tree_ls tasks/sum | grep -cx "$way,5")" 0
    is "$(tree_cat "tasks/list/$way;2;3;/result")" "$way+2+3"
    is "$(tree_cat "tasks/none/_/result")" ok
    is "$(tree_cat "tasks/sum/a=$way,b=5/args")" "{\"a\":$way,\"b\":5}"
}
@test "canonical names, other spellings, defaults, lists, no parameters" {
    both_ways names_links_and_types
}

typed()
{
    local name dir=${DJ_TMP//\//%2F}

    name="f=${way}000.0,b=true,j=%7B\"a\":[]%2C\"b\":1%7D,s=x;y;"
    is "$(tree_cat "tasks/typed/${way}e3,true,%7B\"b\"%3A1%2C\"a\"%3A[]%7D,x;y;/result")" \
        "${way}000.0"$'\n--yes\n{"a":[],"b":1}\nx\ny'
    has "$(tree_ls tasks/typed)" "$name"
    is "$(tree_cat "tasks/typed/$name/args")" \
        "{\"f\":${way}000.0,\"b\":true,\"j\":{\"a\":[],\"b\":1},\"s\":[\"x\",\"y\"]}"
    refused EINVAL 2 tree_cat "tasks/typed/f=1,b=maybe,j=1,s=;/result"
    refused EINVAL 2 tree_cat "tasks/typed/f=1,b=true,j=%7B,s=;/result"
    echo "text $way" > "text-$way"
    is "$(tree_cat "tasks/reads/$dir%2Ftext-$way,$dir%2Ftasks.ini;/result" | head -n 1)" \
        "text $way"
    name=$(tree_ls tasks/reads | grep "^from=text-$way@")
    [[ $name =~ ^from=text-$way@[0-9a-f]{10},more=tasks.ini@[0-9a-f]{10}\;$ ]]
    is "$(tree_cat "tasks/reads/$name/status")" 'done'
    has "$(tree_cat "tasks/of/sum%2F2%2C$way/result")" "/tasks/sum/a=2,b=$way/result"
    is "$(tree_ls tasks/of | grep -c "^sum%2Fa%3D2%2Cb%3D$way@[0-9a-f]\{10\}$")" 1
}
@test "typed parameters: float, bool, json, lists, files, paths, runs" {
    both_ways typed
}

any_bytes()
{
    local text name

    for text in 'a%2Fb' '%2E%2E' '%2Ehidden' '%e' '%25' 'a b' $'\xff\xfe' "it's" 'x%3D1%2Cy' '%7Ba%3Bb%7D' \
        '%0A' 'ü'; do
        name=$(printf %b "$(sed 's/%e//; s/%/\\x/g' <<< "$text")"; printf .)
        is "$(tree_cat "tasks/text/$text/result"; printf .)" "$name" "$text"
        has "$(tree_ls tasks/text)" "$text"
    done
    name=$(printf '%0400d' "$way")
    tree_write tasks/text/.ctl "run $name"
    wait_until eval "tree_ls tasks/text | grep -q '^%h'"
    for name in $(tree_ls tasks/text | grep '^%h'); do
        is "$(tree_cat "tasks/text/$name/result" | wc -c)" 400
    done
}
@test "names of any bytes, long ones, bytes that are not UTF-8" {
    both_ways any_bytes
}

files_of_any_depth()
{
    is "$(tree_cat tasks/none/_/result)" ok
    is "$(tree_ls tasks/none/_/files)" $'a\nlink'
    is "$(tree_cat tasks/none/_/files/a/b/c)" deep
    is "$(tree_cat tasks/none/_/files/link)" deep
    if [ "$DJ_WAY" = fuse ]; then
        is "$(stat -c %a "$MNT/tasks/none/_/files/a/b/c")" 555
        is "$(readlink "$MNT/tasks/none/_/files/link")" a/b/c
    else
        has "$(dj ls -l tasks/none/_/files/a/b)" -r-xr-xr-x
    fi
    refused ENOENT 5 tree_cat tasks/none/_/files/missing
}
@test "files of any depth, with modes and links" {
    both_ways files_of_any_depth
}

states_log_and_wait()
{
    local run=gate/s$way

    is "$(tree_cat "tasks/$run/status")" absent
    is "$(tree_ls "tasks/$run" | grep -cE '^(result|files|wait)$')" 0
    tree_write "tasks/$run/ctl" run
    wait_until tree_status_is "$run" running
    wait_until eval "tree_cat tasks/$run/log | grep -q begun"
    is "$(tree_cat "tasks/$run/log")" begun
    has "$(tree_ls tasks/gate)" "s$way"
    is "$(tree_ls "tasks/$run" | grep -cE '^(result|files|wait)$')" 0
    touch "open-s$way"
    is "$(tree_cat "tasks/$run/wait")" 'done'
    is "$(tree_cat "tasks/$run/log")" $'begun\nover'
    is "$(tree_ls "tasks/$run" | sort | tr '\n' ' ')" \
        "args command ctl dependents deps files history key log meta result status why "
    is "$(tree_cat "tasks/$run/result")" through
    is "$(tree_cat "tasks/$run/meta" | jq -r '.status, .ended_by, .code, .result.size')" \
        $'done\nexit\n0\n8'
}
@test "status, live log, wait, meta: from absent to done" {
    both_ways states_log_and_wait
}

edges()
{
    is "$(tree_cat "tasks/calls/3$way/result")" "3$((way + 1))"$'\n'"running"
    is "$(tree_ls "tasks/calls/3$way/deps")" "sum,a=3$way,b=1"
    is "$(tree_ls "tasks/sum/a=3$way,b=1/dependents")" "calls,3$way"
    is "$(tree_cat "tasks/calls/3$way/deps/sum,a=3$way,b=1/status")" 'done'
    is "$(tree_cat "tasks/sum/a=3$way,b=1/dependents/calls,3$way/status")" 'done'
}
@test "deps, dependents and self" {
    both_ways edges
}

the_root()
{
    local name

    for name in README ctl events status tasks; do
        has "$(tree_ls .)" "$name"
    done
    has "$(tree_cat status)" "workers 2"
    tree_write ctl pause
    has "$(tree_cat status)" "paused yes"
    tree_write ctl resume
    has "$(tree_cat status)" "paused no"
    refused EINVAL 2 tree_write ctl fly
    has "$(tree_cat ctl)" fly
    is "$(tree_cat "tasks/sum/a=7$way,b=0/result")" "7$way"
    is "$(tree_cat events | jq -r "select(.run == \"a=7$way,b=0\") | .event" | xargs)" \
        "queued started done"
}
@test "the root: README, status, events, ctl" {
    both_ways the_root
}

deleting()
{
    is "$(tree_cat "tasks/sum/a=4$way,b=0/result")" "4$way"
    tree_write "tasks/sum/a=4$way,b=0/ctl" delete
    is "$(tree_cat "tasks/sum/a=4$way,b=0/status")" absent
    refused ENOENT 5 tree_write "tasks/sum/a=4$way,b=0/ctl" delete
    dj undelete sum "a=4$way,b=0"
    is "$(tree_cat "tasks/sum/a=4$way,b=0/status")" 'done'
    tree_write tasks/sum/.ctl "delete a=4$way,b=0"
    is "$(tree_cat "tasks/sum/a=4$way,b=0/status")" absent
    not grep -qx "a=4$way,b=0" <(tree_ls tasks/sum)
}
@test "delete by ctl, and undelete" {
    both_ways deleting
}

refusals()
{
    refused ENOENT 5 tree_cat tasks/nosuch/1/result
    refused ENOENT 5 tree_cat tasks/sum/.hidden/result
    refused EINVAL 2 tree_cat tasks/sum/1,2,3/result
    refused EINVAL 2 tree_cat tasks/sum/a=x/result
    refused EINVAL 2 tree_write "tasks/sum/1,$way/ctl" fly
    refused EINVAL 2 tree_write "tasks/sum/1,$way/ctl" $'run\nfly'
    is "$(tree_cat "tasks/sum/a=1,b=$way/status")" absent "all or nothing"
    refused EACCES 4 tree_write tasks/none/_/result x
    refused EIO 1 tree_cat "tasks/fails/$way/result"
    is "$(tree_cat "tasks/fails/$way/status")" failed
    is "$(tree_cat "tasks/fails/$way/log")" "oh dear"
}
@test "what is refused, and how" {
    both_ways refusals
}

versions()
{
    local before

    before=$(tree_cat tasks/sum/.version)
    is "$(tree_cat "tasks/sum/a=5$way,b=0/result")" "5$way"
    tree_write tasks/sum/.version "v$way"
    is "$(tree_cat tasks/sum/.version)" "v$way"
    is "$(tree_cat "tasks/sum/a=5$way,b=0/status")" stale
    has "$(tree_cat tasks/sum/.status)" stale
    tree_write tasks/sum/.version "$before"
    is "$(tree_cat "tasks/sum/a=5$way,b=0/status")" 'done'
    has "$(tree_cat tasks/sum/.definition)" "params = a:int, b:int"
    tree_cat tasks/sum/.definition | sed "s/^default.b = .*/default.b = 10$way/" > section
    tree_write tasks/sum/.definition "$(cat section)"
    is "$(tree_cat "tasks/sum/6$way/result")" $((60 + way + 100 + way))
}
@test "a task's .version, .status and .definition" {
    both_ways versions
}

# ---- only a mount has these ----------------------------------------------------------------------

@test "mount: ctl answers through the same descriptor" {
    requires_fuse
    exec 5<> "$MNT/tasks/sum/a=8,b=8/ctl"
    echo incognito >&5
    is "$(cat <&5)" 16
    exec 5>&-
    is "$(cat "$MNT/tasks/sum/a=8,b=8/status")" absent
}

@test "mount: rm of the result, rmdir, rm -r; tasks stay" {
    requires_fuse
    for how in 'rm -f $1/result' 'rmdir $1' 'rm -r $1'; do
        cat "$MNT/tasks/none/_/result" > out
        run -0 bash -c "$how" - "$MNT/tasks/none/_"
        is "$(cat "$MNT/tasks/none/_/status")" absent "$how"
        is "$(ls "$MNT/tasks/none")" ""
    done
    gives_errno EPERM rmdir "$MNT/tasks/none"
    gives_errno EPERM rm -r "$MNT/tasks/none"
    gives_errno EPERM rm "$MNT/tasks/none/.version"
    [ -d "$MNT/tasks/none" ]
}

# The kernel may know its names for a moment longer.
@test "mount: nothing is read of what was deleted from elsewhere, nor of its history" {
    local run=$MNT/tasks/none/_

    requires_fuse
    cat "$run/result" > /dev/null
    for name in result files/a/b/c log meta; do
        cat "$run/history/1/$name" > "before-${name##*/}"
    done
    dj rm none
    for name in result files/a/b/c log meta; do
        gives_errno ENOENT cat "$run/history/1/$name"
    done
    dj undelete none
    for name in result files/a/b/c log meta; do
        same "before-${name##*/}" "$run/history/1/$name"
    done
}

touched_after()
{
    touch after && [ after -nt "$1" ]
}

@test "mount: the time of a result is the end of its run: make and find -newer work" {
    requires_fuse
    touch before
    cat "$MNT/tasks/text/made/result" > out
    wait_until touched_after "$MNT/tasks/text/made/result"
    is "$(find "$MNT/tasks/text" -path '*/made/result' -newer before)" "$MNT/tasks/text/made/result"
    is "$(find "$MNT/tasks/text" -path '*/made/result' -newer after)" ""
    printf 'built: %s\n\tcp $< $@\n' "$MNT/tasks/text/made/result" > Makefile
    run -0 make -s
    is "$(cat built)" made
    run -0 make -q
    echo force > "$MNT/tasks/text/made/ctl"
    cat "$MNT/tasks/text/made/result" > out
    run -1 make -q
}

@test "mount: events has a true size, tail -f follows it and grep ends" {
    requires_fuse
    is "$(stat -c %s "$MNT/events")" "$(wc -c < "$MNT/events")"
    tail -n 0 -f "$MNT/events" > tailed 3>&- &
    tail=$!
    wait_until eval '[ -e tailed ] && grep -q "^pos:" /proc/'"$tail"'/fdinfo/*'
    cat "$MNT/tasks/sum/a=10,b=10/result" > out
    wait_until grep -q '"done".*"a=10,b=10"' tailed
    kill "$tail"
    run -0 timeout 10 grep -c '"done"' "$MNT/events"
}

@test "mount: events is bounded, drops whole lines, and has a true size then, too" {
    requires_fuse
    last=$(printf '%0200d' 300)
    for i in {1..300}; do
        printf 'run %0200d\n' "$i"
    done > words
    cat words > "$MNT/tasks/text/.ctl"
    wait_until grep -q "\"done\".*$last" "$MNT/events"
    wait_until grep -q '^busy 0' "$MNT/status"
    [ "$(stat -c %s "$MNT/events")" -le 262144 ]
    is "$(stat -c %s "$MNT/events")" "$(wc -c < "$MNT/events")"
    is "$(head -n 1 "$MNT/events" | jq -r .run | grep -c "$(printf '^%0200d' 1)$")" 0
    run -0 jq -e .event "$MNT/events"
}

@test "mount: df has the room of the store, du the sizes of results" {
    requires_fuse
    is "$(df -B1 --output=size "$MNT" | tail -n 1 | xargs)" \
        "$(df -B1 --output=size "$DJ_STORE" | tail -n 1 | xargs)"
    head -c 70000 /dev/zero | tr '\0' a > long
    cat "$MNT/tasks/none/_/result" > out
    is "$(du --apparent-size -b "$MNT/tasks/none/_/result" | cut -f 1)" 3
    is "$(du -B1 "$MNT/tasks/none/_/files/a/b/c" | cut -f 1)" 512
}

@test "mount: self is the run of who looks" {
    requires_fuse
    dj define own -- sh -c 'readlink $DJ/self; setsid -w cat $DJ/self/status'
    is "$(cat "$MNT/tasks/own/_/result")" $'tasks/own/_\nrunning'
    gives_errno ENOENT readlink -v "$MNT/self"
}
