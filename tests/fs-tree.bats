# djfs alone: names, attributes, reading and writing, over a daemon of canned files.

bats_require_minimum_version 1.5.0
load helper/djfs
load helper/fixture

setup()
{
    requires_fuse
    dj_setup
    start_fixture
    start_mount
}

teardown()
{
    dj_teardown
}

@test "folders list what the daemon lists, with types and sizes" {
    is "$(ls "$MNT")" "$(printf '%s\n' README ctl self stats tasks)"
    is "$(ls "$MNT/tasks/echo")" "$(printf '%s\n' big done)"
    is "$(ls -a "$MNT/tasks")" "$(printf '%s\n' . .. echo)"
    is "$(stat -c '%F %s %a' "$(result_of done)")" "regular file 100003 444"
    is "$(stat -c %F "$MNT/self")" "symbolic link"
    is "$(find "$MNT/tasks" -name 'result' | sort)" "$(printf '%s\n' "$(result_of big)" "$(result_of done)")"
}

@test "a folder of thousands of entries is listed whole, by ls, find and in small pieces" {
    for i in $(seq 700); do
        echo "$((i + 1)) r$i"
    done > "$DJ_TMP/more"
    kill_fixture
    cat "$DJ_TMP/more" >> "$DJ_TMP/fixture/instances"
    start_fixture
    wait_until test -e "$MNT/tasks/echo/r1/result"
    is "$(ls "$MNT/tasks/echo" | wc -l)" 702
    is "$(ls -U "$MNT/tasks/echo" | sort -u | wc -l)" 702
    is "$(find "$MNT/tasks/echo" -maxdepth 1 -type d | wc -l)" 703
    # seekdir: a place in the middle, then one far back
    run -0 perl -e '
        opendir my $d, $ARGV[0] or die; my (@all, @tell);
        while (1) { push @tell, telldir $d; my $e = readdir $d; last unless defined $e; push @all, $e }
        for my $i (650, 3, 701, 0, 300) {
            seekdir $d, $tell[$i]; my $e = readdir $d; die "$i: $e, not $all[$i]" unless $e eq $all[$i];
        }
        rewinddir $d; my $n = () = readdir $d; print "$n\n"' "$MNT/tasks/echo"
    is "$output" 704
}

@test "a finished result is read byte for byte, small and large" {
    cat "$(result_of done)" > done
    is "$(stat -c %s done)" 100003
    same "$(result_of big)" fixture/content-2
    cp "$(result_of big)" copy
    same copy fixture/content-2
    dd if="$(result_of big)" bs=3 skip=3333333 status=none > end
    tail -c 4 fixture/content-2 > want
    same end want
}

@test "a result that this open computes is read byte for byte" {
    cat "$(result_of first)" > first
    is "$(stat -c %s first)" 70000
    same first "$(result_of first)"
    cp "$(result_of second)" second
    same second "$(result_of second)"
    perl -e 'open F, "<", $ARGV[0] or die $!; local $/; $_ = <F>; print length' "$(result_of m3)" > size
    is "$(cat size)" 10000003
    is "$(cat "$(result_of zero)" | wc -c)" 0
    is "$(head -1 "$(result_of fifth)")" "fifth 7"
}

@test "a warm open does not ask the daemon, and what djd holds is given back" {
    cat "$(result_of warm)" > /dev/null
    before=$(count open)
    for i in 1 2 3 4 5 6 7 8 9 10; do
        cat "$(result_of warm)" > /dev/null
    done
    is "$(count open)" $((before + 1)) "only the read of stats itself"
    exec 5< "$(result_of done)" 6< "$(result_of done)"
    is "$(count held)" 1
    exec 5<&-
    is "$(count held)" 1
    exec 6<&-
    wait_until count_is held 0
}

@test "what became invalid is asked for again; who has the old one open keeps its bytes" {
    cat "$(result_of done)" > old
    exec 5< "$(result_of done)"
    head -c 10 <&5 > part
    echo force > "$MNT/tasks/echo/done/ctl"
    cat "$(result_of done)" > new
    not cmp -s old new
    cat <&5 >> part
    same part old
    exec 5<&-
}

@test "a mapped file keeps its bytes, also pages that were not touched before" {
    cat "$(result_of big)" > /dev/null
    run -0 python3 - "$(result_of big)" fixture/content-2 "$MNT/tasks/echo/big/ctl" << 'PY'
import mmap, sys
with open(sys.argv[1], 'rb') as f:
    m = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)
first = m[:10]
open(sys.argv[3], 'w').write('force\n')
open(sys.argv[1], 'rb').read(1)
assert m[:] == open(sys.argv[2], 'rb').read()
PY
}

@test "O_NONBLOCK gives bytes or EAGAIN, and starts nothing" {
    run -0 python3 - "$(result_of done)" "$(result_of nothing)" << 'PY'
import errno, os, sys
assert len(os.read(os.open(sys.argv[1], os.O_RDONLY | os.O_NONBLOCK), 200000)) == 100003
try:
    os.open(sys.argv[2], os.O_RDONLY | os.O_NONBLOCK)
    raise SystemExit('opened')
except OSError as e:
    assert e.errno == errno.EAGAIN, e
PY
    is "$(count waiting)" 0
    is "$(cat "$MNT/tasks/echo/nothing/status")" absent
}

@test "a descriptor without a path is opened anew through /proc/self/fd" {
    run -0 python3 - "$(result_of opath)" << 'PY'
import os, sys
fd = os.open(sys.argv[1], os.O_PATH)
data = open('/proc/self/fd/%d' % fd, 'rb').read()
assert len(data) == 70000, len(data)
again = open('/proc/self/fd/%d' % fd, 'rb').read()
assert again == data == open(sys.argv[1], 'rb').read()
PY
}

@test "files of a run that is not done is a link that waits" {
    takes_about 200 5000 readlink "$MNT/tasks/echo/linked/files" > target
    has "$(cat target)" .instance-
    is "$(ls "$MNT/tasks/echo/done/files")" copy
    is "$(stat -c %s "$MNT/tasks/echo/done/files/copy")" 100003
    cat "$MNT/tasks/echo/done/files/copy" > copy
    same copy "$(result_of done)"
}

@test "ctl takes whole words, answers at once, and reads as its reply" {
    exec 5<> "$MNT/ctl"
    echo release >&5
    is "$(cat <&5)" "did release"
    exec 5>&-
    exits 1 bash -c 'echo fly > "$1"' - "$MNT/ctl"
    has "$output" "$(errno_text EINVAL)"
    for way in '>' '>>' '1<>'; do
        eval "echo release $way \"\$MNT/ctl\""
    done
    touch "$MNT/ctl"
    truncate -s 0 "$MNT/ctl"
}

@test "what is not writable says so" {
    gives_errno EACCES bash -c 'echo x > "$1"' - "$(result_of done)"
    gives_errno EACCES bash -c 'echo x > "$1"' - "$MNT/tasks/echo/new-file"/result
    gives_errno EACCES touch "$MNT/new"
    gives_errno EACCES mkdir "$MNT/tasks/new"
    gives_errno EACCES ln -s x "$MNT/new"
    gives_errno EPERM chmod 777 "$(result_of done)"
    gives_errno EPERM mv "$MNT/README" "$MNT/README2"
    gives_errno EPERM ln "$MNT/README" "$MNT/README2"
    exits 1 truncate -s 0 "$(result_of done)"
    has "$output" "$(errno_text EACCES)"
    gives_errno EPERM rm -r "$MNT/tasks"
}

@test "a growing log has its true size and grows under tail -f" {
    (cat "$(result_of grow)" > /dev/null) 3>&- &
    log=$MNT/tasks/echo/grow/log
    wait_until grep -q 'line 1' "$log"
    wait
    is "$(stat -c %s "$log")" "$(wc -c < "$log")"
    is "$(cat "$log" | wc -l)" 10
}

@test "a run's open is asked for even when its answer is at hand" {
    cat "$(result_of done)" > /dev/null
    before=$(count open)
    "$TOOLS/as-run" "$DJ_TMP/fixture/sessions" 4711 cat "$(result_of done)" > /dev/null
    is "$(count open)" $((before + 2))
    is "$("$TOOLS/as-run" "$DJ_TMP/fixture/sessions" 4711 readlink "$MNT/self")" run-4711
    is "$("$TOOLS/as-run" "$DJ_TMP/fixture/sessions" 12 setsid -w readlink "$MNT/self")" run-12
    is "$(readlink "$MNT/self")" run-0
    is "$("$TOOLS/as-run" "$DJ_TMP/fixture/sessions" 13 sh -c \
        '(setsid sh -c "sleep .1; readlink \"$1/self\" > out" - "$1" &) ; :' - "$MNT"; cat out)" run-13
}

@test "the kernel is told when a name means something new" {
    cat "$(result_of done)" > /dev/null
    stat "$(result_of done)" > /dev/null
    before=$(count lookup)
    stat "$(result_of done)" > /dev/null
    is "$(count lookup)" "$before"
    echo force > "$MNT/tasks/echo/done/ctl"
    wait_until sh -c 'stat "$1" > /dev/null; [ "$(sed -n "s/^lookup //p" "$2")" -gt "$3" ]' - \
        "$(result_of done)" "$MNT/stats" "$before"
}

@test "what the kernel forgot is forgotten by the daemon" {
    for i in 1 2 3 4 5; do
        stat "$MNT/tasks/echo/absent-$i/status" > /dev/null
    done
    [ "$(count named)" -ge 5 ]
    [ "$(id -u)" -eq 0 ] || skip "dropping the kernel's caches needs root"
    echo 2 > /proc/sys/vm/drop_caches
    wait_until count_is named 0
}

@test "df shows the daemon's space" {
    is "$(df -B1 --output=size,avail "$MNT" | tail -1 | tr -s ' ')" "$((1 << 30)) $((1 << 29))" ||
        is "$(df -B1 --output=size,avail "$MNT" | tail -1 | xargs)" "$((1 << 30)) $((1 << 29))"
    is "$(stat -f -c %T "$MNT")" fuseblk || is "$(findmnt -no FSTYPE "$MNT")" fuse.djfs
}
