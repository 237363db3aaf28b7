# dj.conf: the system's and the user's, what replaces what, and what a running daemon takes over.

load helper/djfs

setup()
{
    dj_setup
    mkdir -p "$DJ_SYSCONFDIR/dj" "$XDG_CONFIG_HOME/dj"
    SYSTEM=$DJ_SYSCONFDIR/dj/dj.conf
    USER_S=$XDG_CONFIG_HOME/dj/dj.conf
}

teardown()
{
    dj_teardown
}

# of SETTING: its value and where it is from.
of()
{
    dj config --json "$1" | jq -r '.[0] | [.setting, .value, .origin] | map(. // "null") | join("|")'
}

@test "config: each value and its origin; option, environment, user, system, built in" {
    is "$(env -u DJ_CONNECT dj config | tr -s ' ')" "$(cat << END
SETTING VALUE FROM
connect $XDG_RUNTIME_DIR/dj/socket built in
events_size 256K built in
keep_deleted 1d built in
mount - built in
quota - built in
resources - built in
store $XDG_DATA_HOME/dj built in
wait 10s built in
workers $(getconf _NPROCESSORS_ONLN) built in
END
)"
    # Each level replaces the one before, setting by setting.
    printf '# for all\n\nworkers = 3\nquota = 1G\nconnect = /system/socket\n' > "$SYSTEM"
    printf ' ; mine\nworkers = 5\n' > "$USER_S"
    is "$(of workers)" "workers|5|$USER_S:2"
    is "$(of quota)" "quota|1G|$SYSTEM:4"
    is "$(of keep_deleted)" "keep_deleted|1d|built in"
    is "$(of connect)" "connect|$DJ_CONNECT|environment DJ_CONNECT"
    is "$(env -u DJ_CONNECT dj config connect)" /system/socket
    is "$(dj --connect /an/other config --json connect | jq -r '.[].origin')" "option --connect"
    # A script takes one value; none is none.
    is "$(dj config workers)" 5
    is "$(dj config mount)" ""
    is "$(of mount)" "mount|null|built in"
    printf 'quota = none\nstore = ~/results\n' > "$USER_S"
    is "$(of quota)" "quota|null|$USER_S:1"
    is "$(dj config store)" "$HOME/results"
    # The user's file is in ~/.config where nothing else is said.
    mkdir -p "$HOME/.config/dj"
    echo 'workers = 9' > "$HOME/.config/dj/dj.conf"
    is "$(env -u XDG_CONFIG_HOME dj config workers)" 9
    exits 5 dj config wokers
    is "$output" 'dj: there is no setting "wokers"; did you mean "workers"?'
    exits 2 dj config a b
    exits 2 dj config --nothing
}

# refused LINE SENTENCE: in the user's file, for dj and djd alike.
refused()
{
    printf '\n%s\n' "$1" > "$USER_S"
    exits 2 dj config
    is "$output" "dj: $USER_S:2: $2"
    exits 1 djd --memory
    is "$output" "djd: $USER_S:2: $2"
}

@test "each slip in a file is refused with its line and its own sentence" {
    refused 'wokers = 3' 'there is no setting "wokers"; did you mean "workers"?'
    refused 'zzzzzzzzzz = 3' 'there is no setting "zzzzzzzzzz"; `dj config` lists them'
    refused 'workers' '"workers" is not of the form option = value'
    refused '[daemon]' 'a section of this file is [session NAME] or [launch NAME]'
    refused 'workers = many' 'workers = many: it is a number from 1 to 65536'
    refused 'workers = 0' 'workers = 0: it is a number from 1 to 65536'
    refused 'workers =' 'workers = : it is a number from 1 to 65536'
    refused 'quota = 0' 'quota = 0: it is a size, such as 500M or 2G, or none'
    refused 'events_size = 1K' 'events_size = 1K: it is a size from 16K to 4M'
    refused 'keep_deleted = soon' 'keep_deleted = soon: it is a time, such as 90s, 2h or 1d'
    refused 'wait = -1' 'wait = -1: it is a time, such as 90s, 2h or 1d'
    refused 'store = here' 'store = here: a path here begins with / or ~/'
    refused 'mount =' 'mount = : the path is empty'
    printf 'workers = 2\nworkers = 3\n' > "$USER_S"
    exits 2 dj config
    is "$output" "dj: $USER_S:2: workers is given twice, first in line 1"
    # What cannot be read is no file that is not there.
    rm "$USER_S"
    mkdir "$USER_S"
    exits 1 dj config
    has "$output" "dj: $USER_S: $(errno_text EISDIR)"
    rmdir "$USER_S"
    # Where a socket is named otherwise, a broken file harms no command that needs nothing of it.
    start_daemon --no-mount
    echo broken > "$USER_S"
    exits 0 dj status
    env -u DJ_CONNECT dj --connect "$DJ_CONNECT" status > /dev/null
    exits 2 env -u DJ_CONNECT dj status
    is "$output" "dj: $USER_S:1: \"broken\" is not of the form option = value"
}

@test "djd and dj up take what is not said from the files, and options count for more" {
    printf 'store = %s\nworkers = 3\nquota = 5M\n' "$DJ_TMP/its store" > "$SYSTEM"
    dj up --no-mount
    is "$(dj status --json | jq -c '[.store, .workers, .quota]')" "[\"$DJ_TMP/its store\",3,5242880]"
    dj down
    dj up --no-mount --workers 4 --store "$DJ_STORE"
    is "$(dj status --json | jq -c '[.store, .workers, .quota]')" "[\"$DJ_STORE\",4,5242880]"
    dj down
    # A daemon that a file names is found by all, and started by `dj up` alone.
    unset DJ_CONNECT
    printf 'connect = %s\n' "$DJ_TMP/run/named/socket" > "$USER_S"
    dj define one -- echo 1 2> said && false
    has "$(cat said)" "dj up"
    dj up --no-mount
    [ -S "$DJ_TMP/run/named/socket" ]
    dj define one -- echo 1
    is "$(dj get one)" 1
    is "$(dj fsck --json | jq -r .store)" "$DJ_TMP/its store" || dj fsck > /dev/null
    dj down
    echo 'workers = x' >> "$USER_S"
    DJ_CONNECT=$DJ_TMP/run/dj/socket exits 1 dj up --no-mount
    has "$output" "djd did not start: $USER_S:2: workers = x: it is a number from 1 to 65536"
}

@test "the mount is where a file says, and waits as long as it says" {
    requires_fuse
    printf 'mount = %s\nwait = 150ms\n' "$DJ_TMP/its mount" > "$USER_S"
    dj up --store "$DJ_STORE" > said
    is "$(cat said)" "mounted at $DJ_TMP/its mount"
    grep -q workers "$DJ_TMP/its mount/status"
    local start=${EPOCHREALTIME/[.,]/}
    kill_daemon
    not cat "$DJ_TMP/its mount/status" 2> /dev/null
    (((${EPOCHREALTIME/[.,]/} - start) < 8000000))
    start_daemon
}

@test "reload: a running daemon takes over what it can, and nothing of a file with an error" {
    printf 'workers = 1\n' > "$USER_S"
    start_daemon --no-mount
    dj define gate n:int -- sh -c 'until test -e "$0"; do sleep 0.02; done; echo "$1"' \
        "$DJ_TMP/open" '{n}'
    dj run gate 1
    dj run gate 2
    wait_until sh -c 'dj status --json | jq -e ".busy == 1 and .queued == 1"'
    printf 'workers = 2\nquota = 3M\n' > "$USER_S"
    is "$(dj status --json | jq .workers)" 1
    dj write ctl reload
    # The run that waited for a worker has one.
    wait_until sh -c 'dj status --json | jq -e ".busy == 2 and .queued == 0"'
    is "$(dj status --json | jq .quota)" 3145728
    # One worker less: none that runs is ended for it, and none begins before its turn.
    printf 'workers = 1\nquota = oh\n' > "$USER_S"
    exits 2 dj write ctl reload
    is "$output" "dj: $USER_S:2: quota = oh: it is a size, such as 500M or 2G, or none"
    is "$(dj status --json | jq .workers)" 2
    printf 'workers = 1\n' > "$USER_S"
    dj write ctl reload
    dj run gate 3
    is "$(dj status --json | jq -c '[.workers, .busy, .queued, .quota]')" "[1,2,1,null]"
    touch open
    is "$(dj get gate 3)" 3
    dj down

    # What an option said stays.
    start_daemon --no-mount --workers 3
    printf 'workers = 7\nquota = 9M\n' > "$USER_S"
    dj write ctl reload
    is "$(dj status --json | jq -c '[.workers, .quota]')" "[3,9437184]"
    exits 2 dj write ctl relod
}

@test "keep_deleted: gc purges what was deleted longer ago than the file says" {
    start_daemon --no-mount
    dj define one n:int -- echo '{n}'
    dj get one 1 > /dev/null
    dj rm one 1
    dj write ctl gc
    dj undelete one
    is "$(dj get --cached one 1)" 1
    dj rm one 1
    echo 'keep_deleted = 0s' > "$USER_S"
    dj write ctl reload
    dj write ctl gc
    exits 5 dj undelete one
    has "$output" "nothing that was deleted lately matches"
    exits 3 dj get --cached one 1
    # Content that several have goes with the last of them, also when all go at once.
    dj define same n:int -- sh -c 'head -c 70000 /dev/zero; echo log >&2; seq 9000 > file'
    for n in 1 1 1 2; do
        dj get --force same "$n" > /dev/null
    done
    dj rm same 1
    dj rm same 2
    dj write ctl gc
    dj fsck --read-data
    dj get same 1 > /dev/null
    dj rm same 1
    dj get same 1 | cmp - <(head -c 70000 /dev/zero)
    dj fsck --read-data
}

@test "events_size: the log holds that much, and the older half goes first" {
    echo 'events_size = 16K' > "$USER_S"
    start_daemon --no-mount
    dj define one n:int -- echo '{n}'
    # Up to its size, and when that is passed, down to half of it.
    local size=0 before=-1 i
    for ((i = 1; size > before && i <= 120; i++)); do
        before=$size
        dj get one "$i" > /dev/null
        size=$(dj cat events | wc -c)
    done
    ((before > 15000 && before <= 16384 && size > 7000 && size < 9500))
    seq -f one/%.0f 120 | dj get -f - > /dev/null
    size=$(dj cat events | wc -c)
    ((size <= 16384 && size >= 4096))
    # Two workers: the last to be computed need not be the last to end.
    dj events --json | tail -n 20 | jq -r '.event + .run' | grep -qx done120
    dj events --json | jq -e . > /dev/null
}
