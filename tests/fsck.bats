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
    wait_until no_daemon
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

@test "what gc leaves of runs that had called each other is no finding" {
    start_daemon --no-mount
    dj define low n:int -- sh -c 'echo {n}'
    dj define mid n:int -- sh -c 'dj get low {n}'
    dj define high n:int -- sh -c 'dj get mid {n}'
    dj define above n:int -- sh -c 'dj get mid {n}'
    is "$(dj get high 1) $(dj get above 1)" "1 1"
    dj define low n:int -- sh -c 'echo -{n}'
    dj gc --yes
    dj fsck
    dj fsck --repair
    dj fsck
    is "$(dj get high 1)" -1
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

# mends KIND: repaired alone, then nothing is left, and the daemon starts and has all results.
mends()
{
    exits 0 dj fsck --store "$DJ_STORE" --read-data --repair
    grep -q "^$1: .*(repaired: " <<< "$output" || { echo "no $1 in: $output" >&2; return 1; }
    exits 0 dj fsck --store "$DJ_STORE" --read-data
    start_daemon --no-mount
    dj define "$DJ_TMP/tasks.ini"
    same <(dj get piece 3) <(seq 3)
    is "$(dj get sum 3)" 3
    same <(dj get piece 300000) <(seq 300000)
    exits 0 dj fsck --read-data
    dj down
}

@test "what was damaged is mended: records, references, what results rest on" {
    local record
    make_store
    dj down
    keep
    for record in I:1 P:1 S:1 T:t3 "$(first V)"; do
        edit put "$record" =garbage
    done
    mends undecodable
    again
    edit put "$(first C)" =garbage
    edit put T:t1 =garbage
    mends undecodable
    again
    for record in I:1 N:2 S:1 T:t1 M:=instances "$(first R)" "$(first B)" "$(first D)"; do
        edit delete "$record"
    done
    mends task-missing
}

@test "what is damaged on the disk is set aside, and computed anew, also under a daemon" {
    local file
    make_store
    dj down
    keep
    file=$(find "$DJ_STORE/content" -type f -size +1500k | head -n 1)
    chmod u+w "$file"
    printf X | dd of="$file" bs=1 seek=5000 conv=notrunc status=none
    edit flip "$(first B)"
    mends content-digest
    is "$(find "$DJ_STORE/quarantine" -type f | wc -l)" 2
    again
    truncate -s 1500000 "$file"
    mends content-size
    again
    rm -f "$file"
    mends content-missing
    again
    edit flip "$(first B)"
    printf X | dd of="$file" bs=1 seek=5000 conv=notrunc status=none
    start_daemon --no-mount
    exits 1 dj fsck --read-data
    exits 0 dj fsck --read-data --repair
    has "$output" "(repaired: set aside, to be computed anew)"
    exits 0 dj fsck --read-data
    has "$(dj why piece 3)" "corrupt: content "
    same <(dj get piece 3) <(seq 3)
    same <(dj get piece 300000) <(seq 300000)
    exits 0 dj fsck --read-data
}

@test "a daemon that is at work is checked without a false finding, and goes on working" {
    local i
    start_daemon --no-mount --workers 2
    define_tasks <<TASKS
[leaf]
params = n:int
command = sh -c 'seq {n} {n}00 ; echo log >&2; seq 2000 > f; [ {n} -lt 95 ] || seq 400000 > big'

[node]
params = n:int
command = sh -c 'dj get leaf {n} | wc -l; dj get leaf \$(({n} + 1)) | wc -l'
TASKS
    {
        for i in {1..100}; do
            echo "node/$i"
        done | dj get -f -
        for i in {1..100}; do
            dj rm leaf "$i"
            dj get --force node "$i"
        done
        echo over > over
    } > work.log 2>&1 3>&- &
    i=0
    until [ -e over ]; do
        exits 0 dj fsck || { wait; return 1; }
        i=$((i + 1))
    done
    wait
    [ "$i" -ge 3 ]
    exits 0 dj fsck --read-data
    is "$(dj get node 7 | tail -n 1)" 793
    dj down
    exits 0 dj fsck --store "$DJ_STORE" --read-data
}

@test "how far it is: lines where no terminal is, a bar on one, nothing with -q" {
    make_store
    dj down
    # a djd that takes its time, told by its frames
    cat > djd <<'SCRIPT'
#!/usr/bin/python3
import struct, sys, time
def fscked(end, done):
    body = b'\x83\x18\x3a\x00\x8a\x80' + (b'\xf5' if end else b'\xf4') + b'\x44runs'
    body += bytes([done]) + b'\x14' + b'\x01\x02\x03\x40\x00'
    sys.stdout.buffer.write(struct.pack('<I', len(body)) + body)
    sys.stdout.buffer.flush()
fscked(False, 10)
time.sleep(1.5)
fscked(True, 20)
SCRIPT
    chmod +x djd
    DJ_BINDIR=$DJ_TMP dj fsck --store "$DJ_STORE" > out 2> err
    [[ $(cat err) =~ ^'dj: runs: 10 of 20, 50 %, eta '[1-9]' s'$ ]]
    has "$(cat out)" "1 records, 2 files: 0 findings"
    DJ_BINDIR=$DJ_TMP dj -q fsck --store "$DJ_STORE" > out 2> err
    is "$(cat out err)" ""
    DJ_BINDIR=$DJ_TMP script -qec "dj fsck --store $DJ_STORE" /dev/null < /dev/null > out
    has "$(cat out)" "] 10/20 50 % eta "
}

@test "a store that another daemon holds, one that is not there, and words that are none" {
    make_store
    exits 75 dj --connect "$DJ_TMP/run/nobody" fsck --store "$DJ_STORE"
    has "$output" "is in use by another daemon"
    exits 5 dj --connect "$DJ_TMP/run/nobody" fsck --store "$DJ_TMP/nowhere"
    is "$output" "dj: there is no store at $DJ_TMP/nowhere"
    exits 2 dj fsck --what
    exits 2 dj fsck more
    exits 1 script -qec "djd --fsck --store $DJ_STORE" /dev/null
    has "$output" "--fsck is for"
    # of the daemon's store, by whatever name
    exits 0 dj fsck --store "$DJ_STORE/."
    is "$(tail -n 1 <<< "$output" | cut -d: -f1)" "$DJ_STORE"
}
