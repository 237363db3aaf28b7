# What is stored and damaged is never given: it is set aside, and the run computed anew.

load helper/djfs

setup()
{
    dj_setup
}

teardown()
{
    dj_teardown
}

# A run of each size: in its record, in the store's tables, as a file; and one with files.
make_store()
{
    start_daemon "$@"
    define_tasks <<TASKS
[seq]
params = n:int
command = sh -c 'echo {n} >> $DJ_TMP/started; seq {n}'

[files]
command = sh -c 'echo files >> $DJ_TMP/started; seq 400000 > big; echo small > small; echo done'

[same]
params = n:int
command = sh -c 'seq 400000'
TASKS
    dj get seq 100 > /dev/null
    dj get seq 30000 > /dev/null
    dj get seq 400000 > /dev/null
    dj get files > /dev/null
}

started()
{
    grep -cx "$1" started
}

edit()
{
    "$DJ_BUILDDIR/tests/tools/store-edit" "$DJ_STORE" "$@"
}

# spoil FILE: one byte in its middle is another one.
spoil()
{
    chmod u+w "$1"
    printf X | dd of="$1" bs=1 seek=$(($(stat -c %s "$1") / 2)) conv=notrunc status=none
}

large()
{
    seq 400000 | b2sum -l 256 | cut -d' ' -f1
}

# where HEX: the file of large content.
where()
{
    echo "$DJ_STORE/content/${1:0:2}/$1"
}

@test "a large result that was damaged is set aside and computed anew, by dj get" {
    local digest
    make_store --no-mount
    digest=$(large)
    dj get same 1 > /dev/null
    dj down
    spoil "$(where "$digest")"
    cp "$(where "$digest")" bad
    start_daemon --no-mount
    is "$(dj why seq 400000)" hit
    same <(dj get seq 400000) <(seq 400000)
    is "$(started 400000)" 2
    same "$DJ_STORE/quarantine/$digest" bad
    # whoever else had it is known to be corrupt, too
    is "$(dj why same 1)" "corrupt: content ${digest:0:16} does not match its digest"
    same <(dj get same 1) <(seq 400000)
    is "$(dj why same 1)" hit
    is "$(dj cat events | grep -c '"event":"corrupt"')" 3
    has "$(cat run/dj/djd.log)" "tasks/seq/400000, instance 3, is corrupt: content ${digest:0:16}"
    exits 0 dj fsck --read-data
    dj down
    exits 0 dj fsck --read-data --store "$DJ_STORE"
}

@test "through the mount: result, files and log; nobody reads a bad byte" {
    requires_fuse
    local digest
    make_store
    digest=$(large)
    dj down
    spoil "$(where "$digest")"
    start_daemon
    same "$MNT/tasks/seq/400000/result" <(seq 400000)
    is "$(started 400000)" 2
    # the file of the other run had the same content
    is "$(cat "$MNT/tasks/files/_/status")" stale
    has "$(cat "$MNT/tasks/files/_/why")" "corrupt: content ${digest:0:16} "
    is "$(cat "$MNT/tasks/files/_/result")" done
    same "$MNT/tasks/files/_/files/big" <(seq 400000)
    is "$(started files)" 2
    # and a file that is found bad when it is opened
    dj down
    spoil "$(where "$digest")"
    start_daemon
    ! cat "$MNT/tasks/files/_/files/big" > got 2> said || same got <(seq 400000)
    [ ! -s got ] || same got <(seq 400000)
    is "$(cat "$MNT/tasks/files/_/result")" done
    same "$MNT/tasks/files/_/files/big" <(seq 400000)
    is "$(started files)" 3
}

@test "a checksum that is another, of another length or missing says nothing of content that is good" {
    local reference value
    make_store --no-mount
    for value in = x00 x00112233445566778899aabbccddeeff =0123456789abcdefg; do
        dj down
        edit list R | grep "$(large)" > references
        is "$(wc -l < references)" 2
        while read -r reference; do
            edit put "$reference" "$value"
        done < references
        start_daemon --no-mount
        is "$(dj get --cached seq 400000 | b2sum -l 256 | cut -d' ' -f1)" "$(large)"
        is "$(dj cat "$(dj path files)/files/big" | b2sum -l 256 | cut -d' ' -f1)" "$(large)"
        dj fsck --read-data
    done
    # Nor does it excuse content that is not.
    dj down
    spoil "$(where "$(large)")"
    start_daemon --no-mount
    exits 3 dj get --cached seq 400000
    is "$(dj get seq 400000 | b2sum -l 256 | cut -d' ' -f1)" "$(large)"
    is "$(started 400000)" 2
}

@test "content that is gone, and small content that is another, are no hit" {
    local digest
    make_store --no-mount
    dj down
    rm -f "$(where "$(large)")"
    digest=$(seq 30000 | b2sum -l 256 | cut -d' ' -f1)
    edit flip "B:x$digest"
    start_daemon --no-mount
    same <(dj get seq 400000) <(seq 400000)
    is "$(started 400000)" 2
    same <(dj cat tasks/seq/30000/result) <(seq 30000)
    is "$(started 30000)" 2
    [ -s "$DJ_STORE/quarantine/$digest" ]
    exits 0 dj fsck --read-data
}

@test "what was found good is not read again before the next start" {
    make_store --no-mount
    dj down
    start_daemon --no-mount
    dj get seq 400000 > /dev/null
    spoil "$(where "$(large)")"
    # it was read since the start: this is the promise, no more
    not cmp -s <(dj get seq 400000) <(seq 400000)
    dj down
    start_daemon --no-mount
    same <(dj get seq 400000) <(seq 400000)
}

@test "a record that cannot be read any more is no hit and no end of the daemon" {
    make_store --no-mount
    dj down
    edit put I:1 =garbage
    edit delete I:2
    start_daemon --no-mount
    same <(dj get seq 100) <(seq 100)
    same <(dj cat tasks/seq/30000/result) <(seq 30000)
    is "$(started 100)" 2
    is "$(started 30000)" 2
    has "$(cat run/dj/djd.log)" "instance 1, is corrupt: its record cannot be read any more"
    has "$(cat run/dj/djd.log)" "instance 2, is corrupt: its record is gone from the store"
}

@test "a block of RocksDB with a wrong checksum is a corrupt run, not a crash" {
    local table pid
    requires python3
    start_daemon --no-mount
    head -c 300000 /dev/urandom > random
    define_tasks <<TASKS
[noise]
command = sh -c 'echo noise >> $DJ_TMP/started; cat $DJ_TMP/random'
TASKS
    dj get noise | cmp - random
    dj down
    # opening turns the log into a table
    start_daemon --no-mount
    dj down
    for table in "$DJ_STORE"/db/*.sst; do
        python3 - "$table" random <<'PYTHON' || continue
import sys
table, random = open(sys.argv[1], 'r+b'), open(sys.argv[2], 'rb').read()
at = table.read().find(random[100000:100100])
if at < 0: sys.exit(1)
table.seek(at)
table.write(b'damaged')
PYTHON
        touch hurt
    done
    [ -e hurt ]
    start_daemon --no-mount
    pid=$(our_pids djd)
    exits 1 dj fsck
    has "$output" "unreadable: "
    dj get noise | cmp - random
    is "$(started noise)" 2
    is "$(our_pids djd)" "$pid"
    has "$(dj cat events)" "the store's checksum does not hold"
}

@test "what is damaged and was not read since is made good by a run that gives the same again" {
    local file
    make_store
    file=$(where "$(large)")
    dj get same 1 > /dev/null
    stop_daemon
    spoil "$file"
    chmod 0400 "$file"
    start_daemon
    same <(dj get --force seq 400000) <(seq 400000)
    same <(dj get --cached same 1) <(seq 400000)
    is "$(find "$DJ_STORE/quarantine" -type f 2> /dev/null | wc -l)" 0
    dj fsck --read-data
}
