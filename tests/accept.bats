# `accept`: a stale result that a user calls valid, on record, until what it rests on changes again.

load helper/djfs

setup_file()
{
    dj_setup
    start_daemon --workers 2
    define_tasks <<TASKS
[leaf]
command = sh -c 'echo x >> $DJ_TMP/leaves; echo leaf \$1' sh {n}
params = n:int

[mid]
command = sh -c 'echo x >> $DJ_TMP/mids; dj get leaf \$1' sh {n}
params = n:int

[size]
command = wc -c {f}
params = f:file

[reads]
command = sh -c 'dj get size $DJ_TMP/\$1; echo x >> $DJ_TMP/reading' sh {name}
params = name

[fails]
command = sh -c 'test -e $DJ_TMP/well || exit 3; echo 5'

[tolerant]
command = sh -c 'dj get fails; echo went on'

[gate]
command = sh -c 'while test -e $DJ_TMP/shut; do sleep 0.02; done; echo 5'
TASKS
    me=$(id -un)
    today=$(date +%F)
    export me today
}

teardown_file()
{
    dj_teardown
}

setup()
{
    rm -f "$DJ_TMP"/{leaves,mids,reading,shut}
    dj write tasks/leaf/.version 1
    dj write tasks/mid/.version 1
}

lines()
{
    cat "$1" 2> /dev/null | wc -l
}

# why_is RUN LINE: with the time of an acceptance as TIME.
why_is()
{
    is "$(dj why "$1" | sed -E "s/ on ($today|$(date +%F)) [0-9:]{8}/ on TIME/")" "$2"
}

# refused EXIT SENTENCE CMD…
refused()
{
    exits "$1" "${@:3}"
    is "$output" "dj: $2"
}

@test "a stale result is valid again, who and when is on record, also after a restart" {
    dj get leaf 1
    dj bump leaf
    why_is leaf/1 "stale: version 1 -> 2"
    dj accept leaf 1
    why_is leaf/1 "hit; accepted by $me on TIME, though version 1 -> 2"
    is "$(dj cat tasks/leaf/1/status)" done
    is "$(dj get --cached leaf 1)" "leaf 1"
    dj cat tasks/leaf/1/meta | jq -c '.version, .accepted[0].by, .accepted[0].though' > "$DJ_TMP/meta"
    is "$(tr '\n' ' ' < "$DJ_TMP/meta")" "\"1\" \"$me\" \"version 1 -> 2\" "
    at=$(dj cat tasks/leaf/1/meta | jq -r '.accepted[0].at')
    [ $(($(date +%s) - $(date -d "$at" +%s))) -lt $((60 * DJ_TIME_FACTOR)) ]
    dj cat events | grep '"event":"accepted"' | grep -q '"run":"1"'
    dj down
    start_daemon --workers 2
    why_is leaf/1 "hit; accepted by $me on TIME, though version 1 -> 2"
    is "$(dj get leaf 1)" "leaf 1"
    is "$(dj cat tasks/leaf/1/meta | jq -r '.accepted[0].at')" "$at"
    is "$(lines "$DJ_TMP/leaves")" 1
}

@test "until the next change; setting back revives it, either version" {
    dj get leaf 2
    dj write tasks/leaf/.version 2
    dj accept leaf 2
    dj write tasks/leaf/.version 3
    why_is leaf/2 "stale: version 1 -> 3"
    is "$(dj cat tasks/leaf/2/status)" stale
    dj write tasks/leaf/.version 2
    why_is leaf/2 "hit; accepted by $me on TIME, though version 1 -> 2"
    dj write tasks/leaf/.version 1
    why_is leaf/2 hit
    dj write tasks/leaf/.version 3
    dj accept leaf 2
    why_is leaf/2 "hit; accepted by $me on TIME, though version 1 -> 3"
    dj write tasks/leaf/.version 2
    why_is leaf/2 "hit; accepted by $me on TIME, though version 1 -> 2"
    is "$(dj cat tasks/leaf/2/meta | jq -c '[.accepted[].though]')" '["version 1 -> 2","version 1 -> 3"]'
    dj write tasks/leaf/.version 4
    is "$(dj get leaf 2)" "leaf 2"
    is "$(lines "$DJ_TMP/leaves")" 2
    why_is leaf/2 hit
    is "$(dj cat tasks/leaf/2/meta | jq .accepted)" null
    is "$(dj cat tasks/leaf/2/history/1/meta | jq -c '[.accepted[].though]')" '["version 1 -> 2","version 1 -> 3"]'
}

@test "a child that was accepted is read by a parent, which then rests on what was accepted" {
    dj get mid 3
    dj bump leaf
    dj accept leaf 3
    why_is mid/3 "stale: leaf/3: version 1 -> 2"
    is "$(dj get mid 3)" "leaf 3"
    is "$(lines "$DJ_TMP/leaves") $(lines "$DJ_TMP/mids")" "1 2"
    why_is mid/3 hit
    dj bump leaf
    why_is leaf/3 "stale: version 1 -> 3"
    why_is mid/3 "stale: leaf/3: version 2 -> 3"
    dj write tasks/leaf/.version 2
    why_is mid/3 hit
    is "$(dj key mid 3 | grep '^rests' | cut -d' ' -f-6)" "rests on task leaf version 2"
}

@test "a parent is accepted whatever its child is, which stays as it is" {
    dj get mid 4
    dj bump leaf
    dj accept mid 4
    why_is mid/4 "hit; accepted by $me on TIME, though leaf/4: version 1 -> 2"
    why_is leaf/4 "stale: version 1 -> 2"
    is "$(dj get mid 4)" "leaf 4"
    has "$(dj impact leaf)" tasks/mid/4
    dj bump mid
    why_is mid/4 "stale: version 1 -> 2"
    is "$(lines "$DJ_TMP/leaves") $(lines "$DJ_TMP/mids")" "1 1"
}

@test "a mark, and the next one, which ends it, for who reads it, too" {
    dj get mid 5
    dj invalidate leaf 5
    dj accept leaf 5
    why_is leaf/5 "hit; accepted by $me on TIME, though leaf/5 was invalidated by $me"
    why_is mid/5 "stale: leaf/5 was invalidated by $me"
    dj accept tasks/mid/5
    why_is mid/5 "hit; accepted by $me on TIME, though leaf/5 was invalidated by $me"
    dj invalidate leaf 5
    why_is leaf/5 "stale: leaf/5 was invalidated by $me"
    why_is mid/5 "stale: leaf/5 was invalidated by $me"
    is "$(dj cat tasks/mid/5/meta | jq .accepted)" null
    dj accept tasks/leaf/5 tasks/mid/5
    is "$(dj get mid 5)" "leaf 5"
    is "$(lines "$DJ_TMP/leaves") $(lines "$DJ_TMP/mids")" "1 1"
}

@test "an input that changed, is gone, and is there again" {
    echo one > "$DJ_TMP/text"
    dj get reads text
    echo another > "$DJ_TMP/text"
    why_is reads/text "stale: input $DJ_TMP/text changed"
    dj accept reads text
    why_is reads/text "hit; accepted by $me on TIME, though input $DJ_TMP/text changed"
    rm "$DJ_TMP/text"
    why_is reads/text "stale: input $DJ_TMP/text is gone"
    dj accept reads text
    why_is reads/text "hit; accepted by $me on TIME, though input $DJ_TMP/text is gone"
    dj down
    start_daemon --workers 2
    why_is reads/text "hit; accepted by $me on TIME, though input $DJ_TMP/text is gone"
    echo third > "$DJ_TMP/text"
    why_is reads/text "stale: input $DJ_TMP/text changed"
    is "$(lines "$DJ_TMP/reading")" 1
}

@test "what was built on a failure; an older result beside a failed try" {
    run dj get fails
    dj get tolerant
    touch "$DJ_TMP/well"
    dj get fails
    why_is tolerant/_ "stale: fails/_, whose failure it had read, was tried again"
    dj accept tolerant
    why_is tolerant/_ "hit; accepted by $me on TIME, though fails/_, whose failure it had read, was tried again"
    rm "$DJ_TMP/well"
    dj bump fails
    run dj get fails
    dj accept fails
    why_is fails/_ "hit; accepted by $me on TIME, though version 1 -> 2; note: a newer try: failed: exit code 3, try 1 of 1"
    is "$(dj get fails 2> /dev/null)" 5
}

@test "through the mount: the word in ctl, its reply, and no program that is run" {
    requires_fuse
    is "$(cat "$MNT/tasks/leaf/6/result")" "leaf 6"
    dj bump leaf
    not grep -qx result <(ls "$MNT/tasks/leaf/6")
    exec 5<> "$MNT/tasks/leaf/6/ctl"
    echo accept >&5
    is "$(cat <&5)" accepted
    exec 5>&-
    is "$(cat "$MNT/tasks/leaf/6/result")" "leaf 6"
    wait_until grep -qx result <(ls "$MNT/tasks/leaf/6")
    is "$(lines "$DJ_TMP/leaves")" 1
    gives_errno ENOENT bash -c 'echo accept > "$1"' sh "$MNT/tasks/leaf/6/ctl"
    gives_errno ENOENT bash -c 'echo accept > "$1"' sh "$MNT/tasks/leaf/7/ctl"
    has "$(cat "$MNT/tasks/leaf/6/ctl")" "its result is valid, so there is nothing to accept"
    dj write tasks/leaf/.version 1
}

@test "what is not accepted, each with its sentence" {
    dj get leaf 8
    refused 5 "its result is valid, so there is nothing to accept" dj accept leaf 8
    refused 5 "nothing is stored of this run, so nothing is accepted" dj accept leaf 9
    dj define never -- sh -c 'exit 3'
    run dj get never
    refused 5 "no try of this run ended well, so it has no result to accept" dj accept never
    touch "$DJ_TMP/shut"
    dj run gate
    refused 75 "this run is under way: wait for it, or cancel it first" dj accept gate
    rm "$DJ_TMP/shut"
    dj wait gate
    dj get mid 8
    dj undefine leaf
    refused 5 "it rests on the task leaf, which is not defined any more; define that first" dj accept mid 8
    exits 5 dj accept leaf 8
    dj define "$DJ_TMP/tasks.ini"
    dj bump leaf
    dj rm leaf 8
    refused 5 "nothing is stored of this run, so nothing is accepted" dj accept leaf 8
    exits 2 dj accept
    exits 5 dj accept tasks/leaf/8 tasks/mid/8
    why_is mid/8 "hit; accepted by $me on TIME, though leaf/8: version 1 -> 2"
}

@test "deleted and brought back, it is still accepted" {
    dj get leaf 10
    dj bump leaf
    dj accept leaf 10
    dj rm leaf 10
    dj undelete leaf 10
    why_is leaf/10 "hit; accepted by $me on TIME, though version 1 -> 2"
}

@test "a store with acceptances is well; one whose closure is lost is found" {
    local last

    stop_daemon
    dj fsck --store "$DJ_STORE"
    start_daemon --workers 2
    dj get leaf 12
    dj write tasks/leaf/.version 9
    dj accept leaf 12
    dj down
    last=$("$DJ_BUILDDIR/tests/tools/store-edit" "$DJ_STORE" list S | tail -1)
    "$DJ_BUILDDIR/tests/tools/store-edit" "$DJ_STORE" delete "$last"
    exits 1 dj fsck --store "$DJ_STORE"
    has "$output" "closure-missing"
    rm -rf "$DJ_STORE"
}
