# What makes two calls the same: each way in which keys can go wrong, end to end.

load helper/djfs

setup_file()
{
    dj_setup
    mkdir "$DJ_TMP/count"
    start_daemon --workers 2
    cat > "$DJ_TMP/tasks.ini" <<TASKS
[greets]
command = sh -c 'echo x >> $DJ_TMP/count/greets; echo "\$1 \${{WHO-nobody}}"' sh {n}
params = n:int
env = WHO

[where]
command = sh -c 'echo "[\${{PLACE-unset}}]"' sh
env = PLACE

[outer]
command = sh -c 'WHO=\$1 dj get greets 1; DJ_X=1 WHO=\$1 cat "\$DJ/tasks/greets/1/result"' sh {who}
params = who
TASKS
    dj define "$DJ_TMP/tasks.ini"
}

teardown_file()
{
    dj_teardown
}

lines()
{
    wc -l < "$1"
}

@test "env = NAME: the caller's value is part of the key and given to the run" {
    is "$(WHO=ann dj get greets 5)" "5 ann"
    is "$(WHO=ben dj get greets 5)" "5 ben"
    is "$(WHO=ann dj get greets 5)" "5 ann"
    is "$(lines "$DJ_TMP/count/greets")" 2
    is "$(WHO=ann dj path greets 5)" tasks/greets/n=5,env.WHO=ann
    is "$(dj ls tasks/greets | sort | tr '\n' ' ')" "n=5,env.WHO=ann n=5,env.WHO=ben "
    is "$(dj cat tasks/greets/n=5,env.WHO=ben/args)" '{"n":5,"env.WHO":"ben"}'
}

@test "env = NAME: a variable that is not set is another call than an empty one" {
    is "$(env -u PLACE dj get where)" "[unset]"
    is "$(PLACE='' dj get where)" "[]"
    is "$(env -u PLACE dj get where)" "[unset]"
    is "$(env -u PLACE dj path where)" tasks/where/env.PLACE=%u
    is "$(PLACE='' dj path where)" tasks/where/env.PLACE=%e
    is "$(PLACE='a,b=c/%u' dj get where)" "[a,b=c/%u]"
    is "$(PLACE=%u dj path where)" tasks/where/env.PLACE=%25u
    is "$(dj cat tasks/where/env.PLACE=%u/result)" "[unset]"
    is "$(dj cat tasks/where/env.PLACE=never-asked-for/result)" "[never-asked-for]"
}

@test "env = NAME: by the tree's messages, by words, by a list and by ctl" {
    is "$(WHO='cat' dj cat tasks/greets/7/result)" "7 cat"
    is "$(dj get greets 7 env.WHO=word)" "7 word"
    is "$(printf 'greets/8\ngreets/n=8,env.WHO=listed\n' | WHO=eve dj get -f -)" \
        "$(printf '8 eve\n8 listed')"
    WHO=ctl dj write tasks/greets/.ctl 'run 9'
    wait_until sh -c "dj cat tasks/greets/n=9,env.WHO=ctl/status | grep -q done"
    WHO=run dj run greets 9
    wait_until sh -c "dj cat tasks/greets/n=9,env.WHO=run/status | grep -q done"
}

@test "env = NAME: through the mount, by the opener's environment, and looking computes nothing" {
    requires_fuse
    is "$(WHO=moe cat "$MNT/tasks/greets/20/result")" "20 moe"
    is "$(WHO=may cat "$MNT/tasks/greets/20/result")" "20 may"
    is "$(env -u WHO cat "$MNT/tasks/greets/20/result")" "20 nobody"
    is "$(WHO=moe readlink "$MNT/tasks/greets/20")" n=20,env.WHO=moe
    cat "$MNT/tasks/greets/n=20,env.WHO=quin/result"
    local before
    before=$(lines "$DJ_TMP/count/greets")
    WHO=looker stat -L "$MNT/tasks/greets/21" > /dev/null
    WHO=looker ls -l "$MNT/tasks/greets/21/" > /dev/null
    find "$MNT/tasks/greets" > /dev/null
    is "$(lines "$DJ_TMP/count/greets")" "$before"
    WHO=pen bash -c "echo 'run 22' > '$MNT/tasks/greets/.ctl'"
    wait_until sh -c "dj cat tasks/greets/n=22,env.WHO=pen/status | grep -q done"
}

@test "env = NAME: from inside other runs" {
    requires_fuse
    is "$(dj get outer zoe)" "$(printf '1 zoe\n1 zoe')"
    is "$(dj ls tasks/outer/zoe/deps)" greets,n=1,env.WHO=zoe
}

@test "env = NAME: survives a restart" {
    WHO=ann dj get greets 30
    dj run greets 31 env.WHO=late
    wait_until sh -c "dj cat tasks/greets/n=31,env.WHO=late/status | grep -q done"
    kill_daemon
    start_daemon --workers 2 --no-mount
    is "$(WHO=ann dj get --cached greets 30)" "30 ann"
    is "$(dj cat tasks/greets/n=30,env.WHO=ann/args)" '{"n":30,"env.WHO":"ann"}'
    is "$(WHO=new dj get greets 30)" "30 new"
    [[ "$(dj cat tasks/greets/.definition)" == *"env = WHO"* ]]
}

@test "an ignored parameter set by path is a second directory, which remembers it for computing" {
    cat > "$DJ_TMP/ignored.ini" <<TASKS
[quiet]
command = sh -c 'echo x >> $DJ_TMP/count/quiet; cat \$DJ_ARGS' sh
params = n:int, verbose:int
default.verbose = 0
ignore = verbose
TASKS
    dj define "$DJ_TMP/ignored.ini"
    is "$(dj cat tasks/quiet/5,verbose=1/args)" '{"n":5,"verbose":1}'
    is "$(dj cat tasks/quiet/5,verbose=1/result)" '{"n":5,"verbose":1}'
    is "$(dj cat tasks/quiet/5/result)" '{"n":5,"verbose":1}'
    is "$(dj cat tasks/quiet/5/args)" '{"n":5,"verbose":1}'
    is "$(dj cat tasks/quiet/5,verbose=2/result)" '{"n":5,"verbose":1}'
    is "$(lines "$DJ_TMP/count/quiet")" 1
    # The value of the run before is not the default of the next.
    dj write tasks/quiet/5/ctl force
    is "$(dj cat tasks/quiet/5/result)" '{"n":5,"verbose":0}'
    dj write tasks/quiet/.ctl 'force verbose=3,5'
    is "$(dj cat tasks/quiet/5/result)" '{"n":5,"verbose":3}'
    dj write tasks/quiet/5,verbose=4/ctl force
    is "$(dj cat tasks/quiet/5/result)" '{"n":5,"verbose":4}'
    is "$(dj get quiet 6 verbose=5)" '{"n":6,"verbose":5}'
    is "$(dj get quiet 7 8)" '{"n":7,"verbose":8}'
    is "$(dj path quiet 6 verbose=5)" tasks/quiet/6,verbose=5
    is "$(dj path quiet 6 verbose=0)" tasks/quiet/6
    is "$(dj get tasks/quiet/9,verbose=1)" '{"n":9,"verbose":1}'
    is "$(dj ls tasks/quiet | tr '\n' ' ')" "5 6 7 9 "
    fuse_usable || return 0
    is "$(cat "$MNT/tasks/quiet/10,verbose=1/result")" '{"n":10,"verbose":1}'
    is "$(readlink "$MNT/tasks/quiet/verbose=1,10")" 10,verbose=1
    is "$(cat "$MNT/tasks/quiet/10/result")" '{"n":10,"verbose":1}'
}

@test "values that are alike and not the same never share a run" {
    cat > "$DJ_TMP/alike.ini" <<TASKS
[j]
command = cat {v@}
params = v:json

[f]
command = cat {v@}
params = v:float

[s]
command = cat {v@}
params = v

[l]
command = sh -c 'for w; do printf "<%s>" "\$w"; done' sh {v}
params = v:str*

[i]
command = cat {v@}
params = v:int
TASKS
    dj define "$DJ_TMP/alike.ini"
    local v
    for v in 1 1.0 '"1"' true '[]' '{}' null '[1]' '{"a":1}' '{"a":1,"b":2}' '-0.0' 0 0.0 '""'; do
        is "$(dj get j "$v")" "$v"
    done
    is "$(dj ls tasks/j | wc -l)" 14
    is "$(dj get j '{"b": 2, "a": 1}')" '{"a":1,"b":2}'
    is "$(dj get j '[ ]')" '[]'
    is "$(dj ls tasks/j | wc -l)" 14
    is "$(dj get f -0.0) $(dj get f 0) $(dj get f 1e3) $(dj get f 1000)" "-0.0 0.0 1000.0 1000.0"
    is "$(dj ls tasks/f | wc -l)" 3
    for v in "it's" '"q"' $'a\nb' $'\xff\xfe' 'a b' 'a  b' '' ' '; do
        is "$(dj get s v="$v"; printf .)" "$v."
    done
    is "$(dj ls tasks/s | wc -l)" 8
    is "$(dj get l a b) $(dj get l 'a b') $(dj get l ab)" "<a><b> <a b> <ab>"
    is "$(dj get l) $(dj get l '')" " <>"
    is "$(dj ls tasks/l | wc -l)" 5
    is "$(dj get i 9223372036854775808) $(dj get i +9223372036854775808)" \
        "9223372036854775808 9223372036854775808"
    is "$(dj ls tasks/i | wc -l)" 1
    run dj get f 1e400
    [ "$status" -eq 2 ]
    [[ "$output" == *"too large for a float"* ]]
    run dj get j 9223372036854775808
    [ "$status" -eq 2 ]
    # In another process, and in another daemon, a list is the same list.
    kill_daemon
    start_daemon --workers 2 --no-mount
    is "$(dj get --cached l a b)" "<a><b>"
    is "$(dj get --cached j '{"b":2,"a":1}')" '{"a":1,"b":2}'
}

# reads TASK TYPE: a task that counts its runs, waits for what gate holds it, and prints its file.
reads()
{
    printf '[%s]\ncommand = sh -c '\''echo x >> %s/count/%s; cat "$1"; while [ -e %s/gate ]; do sleep 0.05; done'\'' sh {f}\nparams = f:%s\n' \
        "$1" "$DJ_TMP" "$1" "$DJ_TMP" "$2" > "$DJ_TMP/$1.ini"
    dj define "$DJ_TMP/$1.ini"
}

@test "a file's old name is served while it is cached, and never computed from the new content" {
    cd "$DJ_TMP"
    reads old file
    echo one > a.txt
    local before after
    before=$(dj path old a.txt)
    echo two > a.txt
    run dj get "$before"
    [ "$status" -ne 0 ]
    [[ "$output" == *"a.txt does not hold any more what the name of the run says"* ]]
    run dj cat "$before/result"
    [ "$status" -ne 0 ]
    [ ! -e count/old ]
    is "$(dj get old a.txt)" two
    after=$(dj path old a.txt)
    [ "$before" != "$after" ]
    echo three > a.txt
    is "$(dj get "$after")" two
    run dj get --force "$after"
    [ "$status" -ne 0 ]
    [[ "$output" == *"does not hold any more"* ]]
    is "$(dj get "$after")" two
    is "$(lines count/old)" 1
    rm a.txt
    is "$(dj get "$after")" two
    run dj get "$before"
    [[ "$output" == *"does not hold any more"* ]]
    # The content is there again, with other times: the same run.
    echo one > a.txt
    is "$(dj get "$before")" one
    is "$(lines count/old)" 2
    fuse_usable || return 0
    echo four > a.txt
    run cat "$MNT/$before/result"
    is "$output" one
    before=$(dj path old a.txt)
    echo five > a.txt
    run cat "$MNT/$before/result"
    [ "$status" -ne 0 ]
    is "$(lines count/old)" 2
}

@test "a file that changes while its run is under way: nothing is kept under the old name" {
    cd "$DJ_TMP"
    reads during file
    echo old > b.txt
    touch gate
    local before getting
    before=$(dj path during b.txt)
    dj get during b.txt > got 2>&1 3>&- &
    getting=$!
    wait_until test -s count/during
    echo newer > b.txt
    rm gate
    wait "$getting"
    is "$(cat got)" newer
    is "$(lines count/during)" 2
    is "$(dj cat "$before/status")" failed
    [[ "$(dj cat "$before/error")" == *"b.txt changed while during/"*"is not kept under this name"* ]]
    run dj get "$before"
    [ "$status" -ne 0 ]
    is "$(lines count/during)" 2
}

@test "a run whose call was tried again for a changed file rests on the second try only" {
    cd "$DJ_TMP"
    reads during file
    dj define parent -- sh -c 'echo x >> "$1/count/parent"; dj get during "$1/d.txt"' sh "$DJ_TMP"
    echo old > d.txt
    touch gate
    dj run parent
    wait_until test -s count/during
    echo newer > d.txt
    rm gate
    is "$(dj get parent)" newer
    is "$(dj ls tasks/parent/_/deps | wc -l)" 1
    is "$(dj get parent)" newer
    is "$(lines count/parent)" 1
    # The failed try is tried again, with another file of that content: the parent never knew it.
    mkdir other
    echo old > other/d.txt
    is "$(dj get during other/d.txt)" old
    is "$(dj cat tasks/parent/_/status)" done
    is "$(dj get parent)" newer
    is "$(lines count/parent)" 1
    echo newest > d.txt
    is "$(dj cat tasks/parent/_/status)" stale
}

@test "a file that changes while it is read through the mount: the opener gets the new content" {
    requires_fuse
    cd "$DJ_TMP"
    reads opened file
    echo old > c.txt
    touch gate
    cat "$MNT/tasks/opened/${DJ_TMP//\//%2F}%2Fc.txt/result" > got 2>&1 3>&- &
    local getting=$!
    wait_until test -s count/opened
    echo newer > c.txt
    rm gate
    wait "$getting"
    is "$(cat got)" newer
}

@test "a task that changes its own file is tried three times" {
    cd "$DJ_TMP"
    echo x > self.txt
    dj define self f:file -- sh -c 'echo x >> "$1"' sh '{f}'
    run dj get self self.txt
    [ "$status" -ne 0 ]
    [[ "$output" == *"self.txt changed while self/"*"was under way"* ]]
    is "$(lines self.txt)" 4
}

@test "path: by words, by the mount, and a touched file is another run" {
    cd "$DJ_TMP"
    reads looks path
    echo one > p.txt
    local before
    before=$(dj path looks p.txt)
    is "$(dj get looks p.txt)" one
    is "$(dj get looks "$DJ_TMP/p.txt")" one
    is "$(lines count/looks)" 1
    touch -d '2001-02-03 04:05:06' p.txt
    is "$(dj get looks p.txt)" one
    is "$(lines count/looks)" 2
    [ "$(dj path looks p.txt)" != "$before" ]
    is "$(dj ls tasks/looks | wc -l)" 2
    fuse_usable || return 0
    is "$(cat "$MNT/tasks/looks/${DJ_TMP//\//%2F}%2Fp.txt/result")" one
    is "$(lines count/looks)" 2
    touch -d '2002-02-03 04:05:06' p.txt
    is "$(cat "$MNT/tasks/looks/${DJ_TMP//\//%2F}%2Fp.txt/result")" one
    is "$(lines count/looks)" 3
}

@test "run: delivers the path of its result, and the call is recorded when it is read" {
    requires_fuse
    dj define child n:int -- sh -c 'echo x >> "$1"; echo "child $2"' sh "$DJ_TMP/count/child" '{n}'
    dj define names r:run -- echo '{r}'
    dj define uses r:run -- cat '{r}'
    is "$(dj get names child/5)" "$MNT/tasks/child/5/result"
    [ ! -e "$DJ_TMP/count/child" ]
    is "$(dj ls "tasks/$(dj path names child/5 | cut -d/ -f2-)/deps")" ""
    is "$(dj get uses child/5)" "child 5"
    is "$(dj ls "$(dj path uses child/5)/deps")" child,5
    is "$(cat "$MNT/tasks/uses/child%2F5/result")" "child 5"
    is "$(dj ls tasks/uses | wc -l)" 1
    dj write tasks/child/5/ctl invalidate
    is "$(dj cat "$(dj path uses child/5)/status")" stale
}
