# dj fsck: a store that is well has no findings, and each kind of damage is one.

load helper/djfs

setup()
{
    dj_setup
}

teardown()
{
    dj_teardown
}

# A store with runs of every kind: files, large content, calls, failures, deleted and old ones.
make_store()
{
    start_daemon --no-mount
    define_tasks <<TASKS
[piece]
params = n:int
command = sh -c 'seq {n}; echo log >&2; mkdir d; seq 2000 > d/x; seq {n} 400000 > big; ln -s x d/link'

[sum]
params = n:int
command = sh -c 'dj get piece {n} | wc -l'

[bad]
command = false
TASKS
    dj get piece 3 > /dev/null
    dj get sum 3 > /dev/null
    dj get piece 300000 > /dev/null
    dj get piece 7 > /dev/null
    dj rm piece 7
    dj get --force piece 3 > /dev/null
    exits 1 dj get bad
}

# edit ARGUMENT…: raw records of the stopped store changed.
edit()
{
    "$DJ_BUILDDIR/tests/tools/store-edit" "$DJ_STORE" "$@"
}

# finds KIND PART COUNT: on the stopped store, a finding of that kind whose line has the part.
finds()
{
    exits 1 dj fsck --store "$DJ_STORE"
    grep -q "^$1: .*$2" <<< "$output" || { echo "no $1 with $2 in: $output" >&2; return 1; }
}

# keep, again: the store as it was.
keep()
{
    rm -rf kept
    cp -a "$DJ_STORE" kept
}

again()
{
    rm -rf "$DJ_STORE"
    cp -a kept "$DJ_STORE"
}

# first KEY: the first record whose key begins so.
first()
{
    edit list "$1" | head -n 1
}

@test "nothing is found in a store that is well, whether its daemon runs or not" {
    make_store
    exits 0 dj fsck
    [[ $output =~ ^"$DJ_STORE: "[0-9]+" records, "[0-9]+" files: 0 findings"$ ]]
    exits 0 dj fsck --read-data
    has "$output" " hashed: 0 findings"
    exits 0 dj -q fsck
    is "$output" ""
    dj down
    exits 0 dj fsck --store "$DJ_STORE" --read-data
    has "$output" " hashed: 0 findings"
    exits 0 dj fsck --store "$DJ_STORE" --json
    has "$output" '"findings": []}'
    [ -e "$DJ_STORE/CLEAN" ]
}

@test "records that are missing or point nowhere are found" {
    local call reference
    make_store
    dj down
    keep
    edit delete N:1
    finds number-missing tasks/piece/3
    again
    edit delete L:t1:=3
    finds name-missing tasks/piece/3
    again
    edit put L:t1:=99 12345
    finds name-orphan 'call 12345'
    again
    edit copy N:1 N:999
    finds number-orphan 'call 999'
    again
    edit delete "$(first X)"
    finds deletion-missing tasks/piece/7
    again
    edit put X:5:1 =
    finds deletion-orphan 'call 1'
    again
    call=$(first C)
    edit delete "$call"
    finds number-orphan call
    again
    edit delete I:1
    finds instance-missing 'instance 1,'
    again
    edit copy I:1 I:99
    finds bad-instance 'record I 99'
    again
    edit set I:1 call 4
    finds summary-mismatch 'instance 1 of'
    again
    edit set I:1 tasks 77
    finds closure-missing 'closure 77'
    again
    edit delete T:t3
    finds task-missing 'no task 3'
}

@test "edges, references and content that do not balance are found" {
    local reference file
    make_store
    dj down
    keep
    edit delete "$(first D)"
    finds edge-missing tasks/sum/3
    again
    edit put D:1:1 1
    finds edge-orphan 'instance 1 '
    again
    edit delete "$(first R)"
    finds reference-missing content
    again
    reference=$(first R)
    edit put "${reference%????????????????}00000000000000ff" =
    finds reference-orphan 'instance 255'
    again
    edit delete "$(first B)"
    finds content-missing 'is not there'
    again
    edit put B:x0000000000000000000000000000000000000000000000000000000000000000 =nobody
    finds content-orphan 0000
    again
    edit flip "$(first B)"
    exits 0 dj fsck --store "$DJ_STORE"
    exits 1 dj fsck --store "$DJ_STORE" --read-data
    has "$output" content-digest
    again
    file=$(find "$DJ_STORE/content" -type f | head -n 1)
    chmod u+w "$file"
    printf X | dd of="$file" bs=1 seek=5000 conv=notrunc status=none
    exits 0 dj fsck --store "$DJ_STORE"
    exits 1 dj fsck --store "$DJ_STORE" --read-data
    has "$output" "content-digest: content $(basename "$file")"
    again
    truncate -s 1500000 "$file"
    finds content-size 'instead of'
    again
    rm -f "$file"
    finds content-missing 'is gone'
    again
    cp kept/content/??/* "$DJ_STORE/content/"
    mkdir -p "$DJ_STORE/content/00"
    echo nobody > "$DJ_STORE/content/00/$(printf '0%.0s' {1..64})"
    echo strange > "$DJ_STORE/content/00/strange"
    finds content-orphan 'no run needs'
    has "$output" "unknown-file: content/00/strange: "
}

@test "records that cannot be read, closures, counters and events are found" {
    make_store
    dj down
    keep
    edit put I:1 =garbage
    finds undecodable 'record I 1'
    again
    edit put P:1 =garbage
    finds undecodable 'record P 1'
    again
    edit delete P:1
    finds premise-missing 'premise 1 '
    again
    edit put S:1 =garbage
    finds undecodable 'record S 1'
    again
    edit put "$(first C)" x00
    finds undecodable 'record C'
    again
    edit put T:t1 =garbage
    finds undecodable 'record T'
    again
    edit put A:500 =garbage
    finds undecodable 'record A 500'
    again
    edit put E:500:1 x830101f4
    finds live-orphan 'instance 500'
    again
    edit put H:500:1 x0000000000000001
    finds live-orphan 'the files of instance 500'
    again
    edit put M:=runs 77
    finds counter 'stands at 77'
    again
    edit put M:=bytes 77
    finds counter 'stands at 77'
    again
    edit put M:=instances 2
    finds counter 'stands at 2,'
    again
    edit delete M:=calls
    finds counter 'counter of calls'
    again
    edit put Z:=what =ever
    finds unknown-record 'record Z'
    again
    echo '{"time":' >> "$DJ_STORE/events"
    finds bad-event 'no JSON'
    again
    sed -i 1d "$DJ_STORE/events"
    finds bad-event 'line 1'
}
