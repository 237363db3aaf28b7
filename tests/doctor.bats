# dj doctor: each thing that can be in the way, with its cure.

load helper/djfs

setup()
{
    dj_setup
    # a machine that is well, of files
    export DJ_DOCTOR_ROOT=$DJ_TMP/root
    mkdir -p root/dev root/etc root/proc/sys/fs/fuse root/proc/self
    : > root/dev/fuse
    echo user_allow_other > root/etc/fuse.conf
    echo 0 > root/proc/sys/fs/fuse/default_request_timeout
    echo 0 > root/proc/sys/fs/fuse/max_request_timeout
    echo "/dev/vda / ext4 rw 0 0" > root/proc/self/mounts
}

teardown()
{
    dj_teardown
}

# says STATUS LEVEL CHECK PART ARGUMENT…: dj doctor ends with STATUS and has such a line.
says()
{
    local status=$1 level=$2 check=$3 part=$4

    shift 4
    exits "$status" dj doctor --store "$DJ_STORE" "$@"
    grep -F "$part" <<< "$output" | grep -q "^$level: $check: " || {
        echo "no $level of $check with $part in: $output" >&2
        return 1
    }
}

# mounts: the table of mounts has those of this test.
mounts()
{
    echo "/dev/vda / ext4 rw 0 0" > root/proc/self/mounts
    grep -F "$DJ_TMP" /proc/self/mounts >> root/proc/self/mounts || :
}

@test "nothing is in the way on a machine that is well" {
    start_daemon --no-mount
    says 0 ok programs "djd $(djd --version | cut -d' ' -f2), "
    says 0 ok fuse "/dev/fuse can be opened, on Linux $(uname -r)"
    says 0 ok allow_other "you may mount"
    says 0 ok timeout "no time"
    says 0 ok daemon "runs as process $(our_pids djd)"
    says 0 ok store "$DJ_STORE, on ext4"
    says 0 ok mount "$MNT is free" "$MNT"
    says 0 ok mount "$DJ_TMP/new is not there" "$DJ_TMP/new"
    exits 0 dj -q doctor
    is "$output" ""
    exits 0 dj doctor --json
    has "$output" '{"problems": 0, "checks": [{"level": "ok", "check": "programs", "text": "djd '
    exits 2 dj doctor one two
    exits 2 dj doctor --what
}

@test "no /dev/fuse, none that may be opened, user_allow_other missing, a time for requests" {
    rm root/dev/fuse
    says 1 problem fuse "modprobe fuse"
    exits 1 dj -q doctor
    [[ $output == "problem: fuse: "* ]]
    : > root/dev/fuse
    echo 30 > root/proc/sys/fs/fuse/default_request_timeout
    says 1 problem timeout "longer than 30 s, and opening a result waits for its run; run as root: sysctl fs.fuse.default_request_timeout=0"
    echo 0 > root/proc/sys/fs/fuse/default_request_timeout
    echo 600 > root/proc/sys/fs/fuse/max_request_timeout
    says 1 problem timeout "sysctl fs.fuse.max_request_timeout=0"
    echo 0 > root/proc/sys/fs/fuse/max_request_timeout
    echo "#user_allow_other" > root/etc/fuse.conf
    if [ "$(id -u)" -eq 0 ]; then
        programs_for_all
        chmod -R a+rX "$DJ_TMP"
        output=$(as_user nobody env XDG_RUNTIME_DIR="$DJ_TMP/none" dj doctor --store /var/empty) || :
        chmod 0600 root/dev/fuse
        has "$output" "note: allow_other: /etc/fuse.conf has no line user_allow_other"
        output=$(as_user nobody env XDG_RUNTIME_DIR="$DJ_TMP/none" dj doctor --store /var/empty) || :
        has "$output" "problem: fuse: you may not open /dev/fuse"
    else
        says 0 note allow_other "/etc/fuse.conf has no line user_allow_other"
        chmod 0 root/dev/fuse
        says 1 problem fuse "you may not open /dev/fuse"
    fi
}

@test "a mount point that is busy or not empty, a dead mount, one that does not answer" {
    requires_fuse
    local djfs
    echo "/dev/vdb $MNT xfs rw 0 0" >> root/proc/self/mounts
    says 1 problem mount "$MNT is a mount point already (xfs)" "$MNT"
    mounts
    mkdir full
    touch full/file
    says 1 problem mount "$DJ_TMP/full is not empty" "$DJ_TMP/full"
    says 1 problem mount "(Not a directory)" "$DJ_TMP/full/file"
    start_daemon
    mounts
    says 0 ok mount "the tree is mounted at $MNT" "$MNT"
    djfs=$(our_pids djfs)
    kill -STOP "$djfs"
    says 1 problem mount "the mount at $MNT does not answer"
    kill -KILL "$djfs"
    wait_until not is_running "$djfs"
    says 1 problem mount "$MNT is a dead mount"
    # the cure
    dj mount "$MNT"
    says 0 ok mount "the tree is mounted at $MNT"
}

@test "a store on NFS, of somebody else, open to others, with little room; quarantine" {
    start_daemon --no-mount
    dj down
    echo "server:/export $DJ_TMP nfs4 rw 0 0" >> root/proc/self/mounts
    says 1 problem store "$DJ_STORE is on a network file system (nfs4)"
    mounts
    chmod g+w "$DJ_STORE"
    says 1 problem store "chmod go-w $DJ_STORE"
    chmod g-w "$DJ_STORE"
    says 0 ok room "are free on the disk of the store"
    mkdir "$DJ_STORE/quarantine"
    touch "$DJ_STORE/quarantine/abc"
    says 0 note store "has 1 content that was damaged"
    requires_root
    chown nobody "$DJ_STORE"
    says 1 problem store "belongs to user $(id -u nobody), and you are user 0"
    chown root "$DJ_STORE"
}

@test "no daemon, a stale socket, one that is none, and a daemon of another version" {
    requires python3
    says 0 note daemon "no daemon runs; dj up starts it"
    start_daemon --no-mount
    kill_daemon
    kill "$(our_pids djw)"
    wait_until not runs djw
    says 1 problem daemon "nobody listens at $DJ_CONNECT: its daemon was killed; dj up starts"
    rm "$DJ_CONNECT"
    touch "$DJ_CONNECT"
    says 1 problem daemon "$DJ_CONNECT is there and is no socket"
    rm "$DJ_CONNECT"
    cat > other.py <<'PYTHON'
import os, socket, struct
path = os.environ['DJ_CONNECT']
server = socket.socket(socket.AF_UNIX)
server.bind(path)
server.listen()
print('listens', flush=True)
def text(word):
    word = word.encode()
    return bytes([0x40 + len(word)]) + word
while True:
    peer, _ = server.accept()
    head = peer.recv(4, socket.MSG_WAITALL)
    if len(head) < 4:
        continue
    body = peer.recv(struct.unpack('<I', head)[0], socket.MSG_WAITALL)
    ident = body[2:3] # HELLO is [1, id, fields] with a small id
    answer = b'\x83\x02' + ident + b'\x87\x01' + text('djd 9.9.9') + b'\x18\x2a' + text('/nowhere')
    answer += text('') + text('') + text('')
    peer.sendall(struct.pack('<I', len(answer)) + answer)
    peer.recv(100)
PYTHON
    python3 other.py > other.log 3>&- &
    wait_until grep -q listens other.log
    says 1 problem daemon "the daemon that runs is djd 9.9.9, and this is dj $(dj --version | cut -d' ' -f2); dj down and dj up"
    kill %1
}

@test "programs of another version, and none" {
    mkdir bin
    ln -s "$(command -v djfs)" bin/djfs
    DJ_BINDIR=$DJ_TMP/bin says 1 problem programs "bin/djd cannot be run"
    printf '#!/bin/sh\necho djd 0.0.1\n' > bin/djd
    chmod +x bin/djd
    DJ_BINDIR=$DJ_TMP/bin says 1 problem programs "says that it is djd 0.0.1, and this is dj "
}
