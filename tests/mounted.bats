# Files in the mount as arguments: what a run gave, by the daemon's own tables.

bats_require_minimum_version 1.5.0
load helper/djfs

setup_file()
{
    dj_setup
    mkdir "$DJ_TMP/count"
    cat > "$DJ_TMP/make" << 'SH'
echo x >> "${0%/*}/count/make"
echo "made $1 of $(cat "${0%/*}/what")"
mkdir d; printf "deep $1" > d/f; ln -s d folder; ln -s folder/f link; ln -s ../../result out
SH
    echo wool > "$DJ_TMP/what"
    start_daemon --workers 1
    define_tasks << 'TASKS'
[make]
command = sh {here}/make {n}
params = n

[wc]
command = sh -c 'echo x >> "$1"; wc -c < "$2"' sh {here}/count/wc {f}
params = f:file

[all]
command = cat {f}
params = f:file*

[name]
command = echo {p}
params = p:path

[calls]
command = sh -c 'dj get wc "$DJ/tasks/make/$1/result"' sh {n}
params = n

[own]
command = sh -c 'dj get wc "$DJ/tasks/own/_/result"'
params =

[bad]
command = sh -c 'exit 3'
params =

[gate]
command = sh -c 'until [ -e "$1" ]; do sleep .02; done' sh {here}/open-{n}
params = n
TASKS
}

teardown_file()
{
    dj_teardown
}

setup()
{
    requires_fuse
    cd "$DJ_TMP" || return
    T=$MNT/tasks
}

times()
{
    wc -l < "$DJ_TMP/count/$1"
}

# NAME@DIGEST of bytes on stdin.
name_of()
{
    echo "$1@$(b2sum -l 256 | cut -c 1-10)"
}

@test "a result: computed first, keyed by its content, and called by the run that reads it" {
    is "$(dj get wc "$T/make/1/result")" 15
    is "$(times make)" 1
    name=$(name_of result < "$T/make/1/result")
    is "$(dj ls tasks/wc)" "$name"
    is "$(dj cat "tasks/wc/$name/args")" "{\"f\":\"$T/make/1/result\"}"
    is "$(dj ls "tasks/wc/$name/deps")" make,1
    cat "$T/make/1/result" > copy
    is "$(dj get wc copy)" 15
    is "$(cd "$T/make/1" && dj get wc result)" 15
    is "$(times wc) $(times make)" "1 1"
}

@test "by its name in the tree, through the mount and without, and by a control word" {
    name=${T//\//%2F}%2Fmake%2F
    is "$(cat "$T/wc/${name}2%2Fresult/result")" 15
    is "$(readlink "$T/wc/${name}2%2Fresult")" "$(name_of result < "$T/make/2/result")"
    is "$(dj cat "tasks/wc/${name}3%2Fresult/result")" 15
    dj write tasks/wc/.ctl "run ${name}44%2Fresult"
    wait_until test -e "$T/wc/$(echo 'made 44 of wool' | name_of result)/result"
    is "$(cat "$T/make/44/status")" 'done'
}

@test "a file of a run, of any depth, over links, also of an earlier instance" {
    is "$(dj get all "$T/make/4/files/d/f" "$T/make/5/files/link" \
        "$T//make/./n=4/files/d/../folder/f")" "deep 4deep 5deep 4"
    is "$(cat "$T/all/$(dj path all "$T/make/4/files/d/f" | cut -d/ -f3)/result")" "deep 4"
    cat "$T/make/4/result" > out
    ln -s "$T/make/6" into
    is "$(dj get wc into/files/link)" 6
    is "$(dj get wc "$T/make/4/history/1/result")" 15
    exits 5 dj get wc "$T/make/4/files/none"
    has "$output" "$T/make/4/files/none: the run left no such file"
    exits 5 dj get wc "$T/make/4/history/7/result"
    has "$output" "no such earlier instance"
    exits 5 dj get wc "$T/nosuch/4/result"
    exits 2 dj get wc "$T/make/1,2/result"
    for leaf in make/4/log make/4/status make/4/files make .. make/4/result/x; do
        exits 2 dj get wc "$T/$leaf"
        has "$output" "only the result of a run or one of its files"
    done
    exits 2 dj get wc "$T/make/4/files/d"
    has "$output" "not a regular file"
    exits 2 dj get wc "$T/make/4/files/out"
    has "$output" "out of the run's files"
}

@test "path: by name, size and time, so a result that was computed anew is another" {
    is "$(dj get name "$T/make/n=7/result")" "$T/make/7/result"
    is "$(dj get name "$T/make/7/result")" "$T/make/7/result"
    is "$(dj ls tasks/name | wc -l)" 1
    dj get --force make 7
    is "$(dj get name "$T/make/7/result")" "$T/make/7/result"
    is "$(dj ls tasks/name | wc -l)" 2
}

@test "several, and one that fails" {
    echo plain > plain
    is "$(dj get all "$T/make/8/result" plain "$T/make/9/result")" \
        $'made 8 of wool\nplain\nmade 9 of wool'
    exits 1 dj get all "$T/make/8/result" "$T/bad/_/result" "$T/gate/never/result"
    has "$output" "tasks/bad/_/result: "
    wait_until eval 'dj cat status | grep -q "^queued 0"'
    touch open-never
}

@test "what may not compute does not: --cached, dj path, O_NONBLOCK, a listing" {
    exits 3 dj get --cached wc "$T/make/10/result"
    exits 3 dj path wc "$T/make/10/result"
    dj ls tasks/wc > out
    ls -l "$T/wc" "$T" > out
    is "$(dj cat tasks/make/10/status)" absent
    is "$(dj get wc "$T/make/10/result")" 16
    is "$(dj get --cached wc "$T/make/10/result")" 16
}

@test "inside a run: its slot is given back meanwhile, and the call is recorded" {
    is "$(dj get calls 11)" 16
    is "$(dj ls tasks/calls/11/deps | sort | xargs)" \
        "make,11 wc,$(echo 'made 11 of wool' | name_of result)"
    dj invalidate make/11
    is "$(dj cat tasks/calls/11/status)" stale
}

@test "a run that names its own result is a cycle" {
    exits 1 dj get own
    has "$(dj cat tasks/own/_/log)" "a cycle: own/_ waits for own/_"
}

@test "who waits is let go at once, and what was only queued for him is withdrawn" {
    dj run gate busy
    wait_until eval 'dj cat status | grep -q "^busy 1"'
    exits 124 timeout 1 dj get wc "$T/make/12/result"
    exits 124 timeout 1 readlink "$T/wc/${T//\//%2F}%2Fmake%2F12%2Fresult"
    exits 124 dj get --timeout 1s wc "$T/make/12/result"
    is "$(dj cat tasks/make/12/status)" absent
    touch open-busy
    is "$(dj get wc "$T/make/12/result")" 16
}

@test "an old name is served while it is cached, and never computed from other content" {
    is "$(dj get wc "$T/make/13/result")" 16
    old=$(echo 'made 13 of wool' | name_of result)
    dj rm make/13 "wc/$old"
    is "$(dj cat "tasks/wc/$old/result")" 16 # both anew
    echo cotton > ./what
    dj bump make
    is "$(dj get wc "$T/make/13/result")" 18
    dj rm "wc/$old"
    exits 1 dj cat "tasks/wc/$old/result"
    has "$output" "does not hold any more"
    # computed by the very open of the run, which sees other content than its name says
    dj rm make/13 "wc/$(echo 'made 13 of cotton' | name_of result)"
    echo silk > ./what
    exits 1 dj cat "tasks/wc/$(echo 'made 13 of cotton' | name_of result)/result"
    echo wool > ./what
}

@test "a command or a definition in the mount holds nothing up; a tracked file there is refused" {
    dj define gen -- sh -c 'printf "#!/bin/sh\necho generated\n" > prog; chmod +x prog
        echo "[x]"; echo "command = echo y result"'
    dj get gen > out
    printf '[there]\ncommand = %s\ntrack = command\n' "$T/gen/_/files/prog" > there.ini
    exits 2 dj define there.ini
    has "$output" "there: track: $T/gen/_/files/prog lies in the mount"
    sed -i /track/d there.ini
    dj define there.ini
    is "$(dj get there)" generated
    is "$(dj cat tasks/there/_/why)" hit
    (cd "$T/gen/_" && dj define "$T/gen/_/result")
    is "$(dj get x)" "y result"
}

# Whoever of the daemon follows such a link waits for the daemon.
@test "files that are replaced by links into the mount hold nobody up" {
    local d=$DJ_TMP/links n
    mkdir "$d"
    echo data > "$d/f"
    printf '#!/bin/sh\necho by hand\n' > "$d/prog"
    chmod +x "$d/prog"
    dj define maker -- sh -c 'printf "#!/bin/sh\necho generated\n" > prog; chmod +x prog'
    define_tasks << TASKS
[reads]
command = dj get wc $d/f

[tracks]
command = echo tracked
track = $d/f

[runs]
command = $d/prog
TASKS
    is "$(get reads) $(get tracks) $(get runs) $(get wc "$d/f")" "5 tracked by hand 5"
    rm "$d/f" "$d/prog" # ln -f would look at what it links to
    ln -s "$T/make/50/files/d/f" "$d/f"
    ln -s "$T/maker/_/files/prog" "$d/prog"
    # What was read is not there any more; what is there now is computed first.
    is "$(get reads)" 7
    is "$(dj cat tasks/make/50/status)" 'done'
    is "$(get tracks) $(get runs) $(get wc "$d/f")" "tracked by hand 7"
    is "$(dj cat tasks/maker/_/status)" absent
    is "$(get --force runs)" generated
    printf '[linked]\ncommand = true\ntrack = %s\n' "$d/f" > linked.ini
    exits 2 dj define linked.ini
    has "$output" "linked: track: $d/f lies in the mount"

    # More of them than the daemon has threads; over a folder, over "..", and in a circle.
    for n in {61..70}; do
        ln -s "$T/make/$n/files/d/f" "$d/f$n"
    done
    is "$(get all "$d"/f6? "$d/f70")" "$(printf 'deep %d' {61..70})"
    ln -s "$T/make/71/files" "$d/folder"
    is "$(get wc "$d/folder/d/f")" 7
    is "$(get wc "$d/../links/folder/../../72/result")" 16
    is "$(get wc "$d/.././${MNT##*/}/tasks/make/73/result")" 16
    ln -s "$d/circle" "$d/circle"
    exits 1 get wc "$d/circle"
    has "$output" "$d/circle: $(errno_text ELOOP)"
}
