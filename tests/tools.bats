# A node is an instance: whatever reads a result gets all of it, and who has an old one open keeps
# it.
# The table of programs is TOOLS.md; these tests measure it anew.

bats_require_minimum_version 1.5.0
load helper/djfs
load helper/matrix

sizes=(0 70000 10000000)

setup_file()
{
    requires_fuse
    dj_setup
    for size in "${sizes[@]}"; do
        awk -v n=$((size / 100)) 'BEGIN { srand(7); for (i = 0; i < n; i++)
            printf "%08d %089d %d\n", i, int(rand() * 1e9), i % 10 }' | cut -c 1-99 > "want-$size"
        is "$(stat -c %s "want-$size")" "$size"
    done
    start_daemon --workers 2
    define_tasks << TASKS
[bytes]
command = cat $DJ_TMP/want-{size}
params = size:int program

[stamp]
command = sh -c 'yes "\$(cat $DJ_TMP/now)" | head -c 3000000; cp $DJ_TMP/now left' sh {x}
params = x
version = 1
TASKS
    export HOME GIT_CONFIG_NOSYSTEM=1 LESSHISTFILE=- RUN=$MNT/tasks/bytes STAMP=$MNT/tasks/stamp
}

teardown_file()
{
    dj_teardown
}

setup()
{
    requires_fuse
    cd "$DJ_TMP" || return
}

# The rows of TOOLS.md, a line each: program|finished|computed by that open
published()
{
    sed -n 's/^| `\([^`]*\)` *| *\([^|]*[^| ]\) *| *\([^|]*[^| ]\) *|.*/\1|\2|\3/p' \
        "$DJ_SRCDIR/TOOLS.md"
}

# measure SIZE STATE: every program of the table on a result of that size, lines PROGRAM|VERDICT.
measure()
{
    local label program file

    WANT=$DJ_TMP/want-$1
    published | cut -d '|' -f 1 > labels
    while read -r label; do
        program=$(program_of "$label")
        file=$RUN/size=$1,program=all/result
        if [ "$2" = cold ] || [ "$label" = mv ]; then # mv takes it away
            file=$RUN/size=$1,program=${program#tool_}/result
        fi
        [ "$2" = cold ] || cat "$file" > /dev/null
        echo "$label|$(verdict_of "$program" "$file")"
    done < labels
}

# Where the sizes agree it is one verdict; nothing at all is right for those who see nothing.
measure_all()
{
    for size in "${sizes[@]}"; do
        measure "$size" "$1" > "measured-$size"
    done
    paste -d '|' measured-* | awk -F '|' '{
        same = $4 == $6 && ($2 == $4 || ($2 == "right" && $4 == "empty"))
        print $1 "|" (same ? $4 : "0: " $2 ", 70 kB: " $4 ", 10 MB: " $6) }'
}

@test "the table has every program that is measured, and every program is there" {
    for label in bash cpio curl git jq less openssl rsync scp sqlite3 strings unzip vi xxd xz zip \
        zstd; do
        requires "$label"
    done
    while IFS='|' read -r label _; do
        program_of "$label"
    done < <(published) | sort > rows
    compgen -A function tool_ | sort > programs
    diff rows programs
    [ "$(wc -l < rows)" -ge 40 ]
}

@test "finished results are read right by every program, at 0 bytes, 70 kB and 10 MB" {
    published | cut -d '|' -f 1,2 > published
    measure_all finished > measured
    diff published measured
    is "$(cut -d '|' -f 2 measured | sort -u)" right
}

@test "results that are computed by that very open: as the table says" {
    published | cut -d '|' -f 1,3 > published
    measure_all cold > measured
    diff published measured
}

# keeps_old_bytes RUN COMMAND: opens and maps its result, touches a page, then runs the command: the
# descriptor and the map go on with the old bytes, also with pages that nobody has read before.
keeps_old_bytes()
{
    echo old > now
    run -0 /usr/bin/python3 - "$STAMP/$1" "$2" << 'PY'
import mmap, os, subprocess, sys
run, command = sys.argv[1:]
old = (b'old\n' * 750000)
fd = os.open(run + '/result', os.O_RDONLY)
ino = os.fstat(fd).st_ino
assert os.read(fd, 10) == old[:10]
m = mmap.mmap(fd, 0, prot=mmap.PROT_READ)
assert m[4096:8192] == old[4096:8192]
left = os.open(run + '/files/left', os.O_RDONLY)
open('now', 'w').write('new\n')
subprocess.run(['bash', '-c', command, '-', run], check=True)
new = open(run + '/result', 'rb').read()
assert new == b'new\n' * 750000, new[:20]
assert open(run + '/files/left').read() == 'new\n'
assert m[:] == old, 'the map'
assert os.pread(fd, 4000000, 0) == old, 'the descriptor'
assert os.fstat(fd).st_size == 3000000
assert os.read(left, 10) == b'old\n', 'a file in files/'
assert os.stat(run + '/result').st_ino == ino, 'st_ino'
PY
}

@test "force, delete, rm -r and a new version leave the old bytes to who has them open or mapped" {
    keeps_old_bytes force 'echo force > "$1/ctl"'
    keeps_old_bytes delete 'echo delete > "$1/ctl"'
    keeps_old_bytes rmdir 'rmdir "$1"'
    keeps_old_bytes rm 'rm -r "$1"'
    keeps_old_bytes invalid 'echo invalidate > "$1/ctl"'
    keeps_old_bytes version 'echo 2 > "$1/../.version"'
}

@test "the inode number of a result stays, whatever its instance; cp and install need that" {
    echo one > now
    before=$(stat -c %i "$STAMP/ino/result")
    cat "$STAMP/ino/result" > /dev/null
    is "$(stat -c %i "$STAMP/ino/result")" "$before"
    echo force > "$STAMP/ino/ctl"
    cat "$STAMP/ino/result" > /dev/null
    is "$(stat -c %i "$STAMP/ino/result")" "$before"
    is "$(ls -i "$STAMP/ino/result" | cut -d ' ' -f 1)" "$before"
    not [ "$(stat -c %i "$STAMP/other/result")" = "$before" ]
}

@test "a descriptor without a path is opened anew through /proc/self/fd" {
    echo one > now
    run -0 /usr/bin/python3 - "$STAMP/opath" << 'PY'
import os, sys
run = sys.argv[1]
cold = os.open(run + '/result', os.O_PATH)
read = lambda fd: open('/proc/self/fd/%d' % fd, 'rb').read()
assert read(cold) == b'one\n' * 750000
done = os.open(run + '/result', os.O_PATH)
assert read(done) == read(cold)
open('now', 'w').write('two\n')
open(run + '/ctl', 'w').write('force\n')
assert read(done) == b'two\n' * 750000, 'an old node gives what is valid now'
assert read(cold) == b'two\n' * 750000
PY
}

@test "a thousand opens while versions change: each sees one instance whole" {
    echo one > now
    cat "$STAMP/many/result" > /dev/null
    run -0 /usr/bin/python3 - "$STAMP/many" << 'PY'
import sys, threading
run, stop, seen = sys.argv[1], [], set()
def reader():
    while not stop:
        data = open(run + '/result', 'rb').read()
        assert len(data) == 3000000 and data == data[:4] * 750000, (len(data), data[:8])
        seen.add(data[:4])
def checked():
    try:
        reader()
    except BaseException as e:
        seen.add(repr(e))
threads = [threading.Thread(target=checked) for _ in range(3)]
for t in threads: t.start()
for i in range(8):
    open('now', 'w').write('%03d\n' % i)
    open(run + '/../.version', 'w').write('%d\n' % (100 + i))
    assert open(run + '/result', 'rb').read(4) == b'%03d\n' % i
stop.append(1)
for t in threads: t.join()
assert not [s for s in seen if isinstance(s, str)], seen
PY
}
