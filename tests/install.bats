# make install: what goes where, and that it works from there, also moved as a whole (DESTDIR). The
# mount(8) helper and the completion are tested as installed.

load helper/djfs

setup_file()
{
    dj_setup
    export DEST=$DJ_TMP/dest WHERE PREFIX UNIT HELPER COMPLETION
    make_here install DESTDIR="$DEST" > "$DJ_TMP/install.log" 2>&1
    WHERE=$(sed -n 's/^prefix = //p' "$DJ_BUILDDIR/Makefile")
    PREFIX=$DEST$WHERE
    UNIT=$(find "$DEST" -name djd.service)
    HELPER=$(find "$DEST" -name mount.fuse.djfs)
    COMPLETION=$(find "$DEST" -path '*completions/dj')
}

make_here()
{
    env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C "${DJ_BUILDDIR:?}" "$@"
}

teardown_file()
{
    dj_teardown
}

setup()
{
    PATH=$PREFIX/bin:$PATH
    unset DJ_LIBEXECDIR
}

@test "the programs are installed, the worker out of PATH" {
    [ -x "$PREFIX/bin/dj" ]
    [ -x "$PREFIX/bin/djd" ]
    [ -x "$PREFIX/bin/djfs" ]
    [ -x "$PREFIX/libexec/djfs/djw" ]
    [ ! -e "$PREFIX/bin/djw" ]
}

@test "the manual is installed" {
    [ -f "$PREFIX/share/man/man1/dj.1" ]
    [ -f "$PREFIX/share/man/man8/djd.8" ]
    [ -f "$PREFIX/share/man/man8/djfs.8" ]
    [ -f "$PREFIX/share/man/man5/dj-tasks.5" ]
    [ -f "$PREFIX/share/man/man5/dj-tree.5" ]
}

@test "installed programs find each other and compute" {
    local out
    start_daemon --no-mount
    dj define hello who -- echo hello
    out=$(dj get hello world)
    is "$out" "hello world"
    for pid in $(our_pids djd) $(our_pids djw); do
        has "$(readlink "/proc/$pid/exe")" "$PREFIX/"
    done
    stop_daemon
}

@test "the pkg-config file is right" {
    requires pkg-config
    export PKG_CONFIG_PATH=$PREFIX/lib/pkgconfig
    pkg-config --validate djfs
    is "$(pkg-config --modversion djfs)" "$(dj --version | grep -oE '[0-9]+(\.[0-9]+)+')"
    is "$(pkg-config --variable=bindir djfs)" "$WHERE/bin"
    is "$(pkg-config --variable=libexecdir djfs)" "$WHERE/libexec/djfs"
}

# built_with COMPILER FILE: FILE by the flags that pkg-config gives, as $DJ_TMP/hello.
built_with()
{
    local sanitizer
    sanitizer=$(sed -n 's/^DJ_LDFLAGS = .*\(-fsanitize=[a-z,]*\).*/\1/p' "$DJ_BUILDDIR/Makefile")
    # shellcheck disable=SC2046,SC2086
    $1 -Wall -Wextra -Werror $sanitizer "$2" -o "$DJ_TMP/hello" $(pkg-config --cflags --libs libdj)
}

@test "the installed header and library by pkg-config: the manual's example, in C and C++" {
    requires pkg-config
    export PKG_CONFIG_PATH=$PREFIX/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$DEST
    export LD_LIBRARY_PATH=$PREFIX/lib
    pkg-config --validate libdj
    is "$(pkg-config --modversion libdj)" "$(pkg-config --modversion djfs)"
    [ -f "$PREFIX/share/man/man3/libdj.3" ]
    is "$(cd "$PREFIX/include" && find . -type f | sort | tr '\n' ' ')" './dj.h ./djfs/task.h '
    start_daemon --no-mount
    sed -n '/^\.Sh EXAMPLES/,/^\.Ed/p' "$PREFIX/share/man/man3/libdj.3" | sed '/^\./d; s/\\e/\\/g' \
        > "$DJ_TMP/hello.c"
    built_with "${CC:-cc}" "$DJ_TMP/hello.c"
    is "$("$DJ_TMP/hello")" hello
    has "$(readelf -d "$DJ_TMP/hello")" "libdj.so.0"
    has "$(readelf -V "$DJ_TMP/hello")" LIBDJ_1.0
    requires g++
    sed 's/#include <dj.h>/#include "dj.h"/' "$DJ_TMP/hello.c" > "$DJ_TMP/hello.cc"
    built_with "g++ -std=c++11 -pedantic" "$DJ_TMP/hello.cc"
    is "$("$DJ_TMP/hello")" hello
    stop_daemon
}

@test "the installed examples compile as they say" {
    requires pkg-config
    local example
    export PKG_CONFIG_PATH=$PREFIX/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$DEST
    for example in call binomial; do
        built_with "${CC:-cc}" "$PREFIX/share/doc/djfs/examples/$example.c"
    done
}

@test "djfs.py is where python3 looks, finds libdj, and its runs find it, also moved" {
    requires python3
    local module
    module=$(cd "$DEST" && find . -name djfs.py)
    [ "$WHERE" != /usr/local ] || [[ $module = ./usr/local/lib/python3*/dist-packages/djfs.py ]]
    [ -f "$PREFIX/share/man/man3/djfs-python.3" ]
    cd "$DJ_TMP"
    printf '%s\n' 'import djfs' '@djfs.task' 'def add(n): return n + 1' \
        'if __name__ == "__main__": print(add(5).get(), djfs.__file__)' > prog.py
    unset PYTHONPATH
    start_daemon --no-mount
    # By the command: nothing but its own place says where the module is.
    dj define prog.py
    is "$(dj get add 4)" 5
    stop_daemon
    grep -qE -- '^[A-Z_]*CFLAGS = .*-fsanitize=' "$DJ_BUILDDIR/Makefile" && return
    start_daemon --no-mount
    is "$(PYTHONPATH=$(dirname "$DEST/${module#./}") python3 prog.py 2> /dev/null)" "6 $DEST/${module#./}"
    stop_daemon
}

@test "the user unit starts the installed daemon and leaves runs alone" {
    grep -qx "ExecStart=$WHERE/bin/djd" "$UNIT"
    grep -qx KillMode=process "$UNIT"
    grep -qx TasksMax=infinity "$UNIT"
    grep -qx OOMPolicy=continue "$UNIT"
}

@test "Type=notify: the unit's command says when clients can connect, at a path and at an abstract name" {
    local name
    requires python3
    grep -qx Type=notify "$UNIT"
    unset DJ_CONNECT DJ_STORE
    for name in "$DJ_TMP/notify" "@dj-notify-$$"; do
        exits 0 timeout $((20 * DJ_TIME_FACTOR)) python3 - "$name" "$PREFIX/bin" <<'PYTHON' 3>&-
import os, socket, subprocess, sys
name, bin = sys.argv[1:]
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(name if name[0] == "/" else "\0" + name[1:])
djd = subprocess.Popen([bin + "/djd"], stderr=subprocess.DEVNULL,
                       env=dict(os.environ, NOTIFY_SOCKET=name))
print(manager.recv(100).decode())
subprocess.run([bin + "/dj", "ls"], check=True, stdout=subprocess.DEVNULL)
subprocess.run([bin + "/dj", "down"], check=True)
sys.exit(djd.wait())
PYTHON
        is "$output" READY=1
        wait_until -t 30 no_daemon
    done
}

@test "systemd takes the user unit" {
    requires systemd-analyze
    # As installed; here the programs are below DESTDIR.
    sed "s|=$WHERE/bin/|=$PREFIX/bin/|" "$UNIT" > "$DJ_TMP/djd.service"
    exits 0 env HOME="$HOME" systemd-analyze --user --man=no verify "$DJ_TMP/djd.service"
    is "$output" ""
}

@test "the unit's command alone makes a daemon that dj finds; a stop leaves its runs alone" {
    local command store
    unset DJ_CONNECT DJ_STORE
    command=$PREFIX$(sed -n "s|^ExecStart=$WHERE||p" "$UNIT")
    "$command" > "$DJ_TMP/unit.log" 2>&1 3>&- < /dev/null &
    local pid=$!
    wait_until dj ls
    store=$(dj cat status | sed -n 's/^store //p')
    is "$store" "$XDG_DATA_HOME/dj"
    dj define gate -- sh -c 'until test -e "$1"; do sleep 0.02; done; echo through' sh "$DJ_TMP/open"
    dj run gate
    wait_until sh -c 'test "$(dj cat tasks/gate/_/status)" = running'
    # KillMode=process: systemd ends djd alone.
    kill "$pid"
    wait_until not is_running "$pid"
    touch "$DJ_TMP/open"
    "$command" >> "$DJ_TMP/unit.log" 2>&1 3>&- < /dev/null &
    wait_until dj ls
    is "$(dj wait gate)" done
    is "$(dj get --cached gate)" through
    dj down
    wait_until -t 30 no_daemon
}

@test "mount.fuse.djfs passes options on and drops what is for mount(8)" {
    local out
    out=$("$HELPER" none /mnt -fv -o rw,noauto -o wait=3)
    is "$out" "mount.fuse.djfs: $WHERE/bin/djfs none /mnt -o rw,noauto,wait=3"
    out=$("$HELPER" /run/s "/a b" -s -n -f -v -t fuse.djfs)
    is "$out" "mount.fuse.djfs: $WHERE/bin/djfs /run/s /a b -o rw"
    out=$("$HELPER" none /mnt -fv -o setuid=nobody,ro)
    has "$out" "--reuid=nobody"
    has "$out" "/bin/djfs none /mnt -o ro"
}

@test "mount.fuse.djfs refuses with mount's exit codes" {
    exits 1 "$HELPER" none
    exits 1 "$HELPER" none /mnt -Z
    exits 1 "$HELPER" none /mnt -f -N 1
    exits 32 "$HELPER" none /mnt -f -o setuid=nobody-of-this-name
    has "$output" "nobody-of-this-name"
    exits 32 "$HELPER" none "$DJ_TMP/not-there"
}

@test "mount -t fuse.djfs mounts by the helper" {
    requires_fuse
    requires_root
    [ ! -e /sbin/mount.fuse.djfs ] || skip "another mount.fuse.djfs is installed"
    start_daemon --no-mount
    # mount(8) looks in /sbin alone, so the helper is put there for this test.
    on_exit rm -f /sbin/mount.fuse.djfs
    sed "s|^djfs=.*|djfs=$PREFIX/bin/djfs|" "$HELPER" > /sbin/mount.fuse.djfs
    chmod +x /sbin/mount.fuse.djfs
    mount -t fuse.djfs "$DJ_CONNECT" "$MNT" -o noatime,_netdev
    test -d "$MNT/tasks"
    is "$(findmnt -no FSTYPE "$MNT")" fuse.djfs
    umount "$MNT"
    wait_until not runs djfs
    rm -f /sbin/mount.fuse.djfs
    stop_daemon
}

# completes TYPED WANT: what bash makes of a line when Tab is pressed behind it, at a terminal.
completes()
{
    local got

    got=$(/usr/bin/python3 - "$COMPLETION" "$1" "$DJ_TIME_FACTOR" << 'END'
import os, pty, select, sys, time

def until(fd, end, text=b""):
    limit = time.time() + 10 * int(sys.argv[3])
    while end not in text and time.time() < limit:
        if select.select([fd], [], [], 0.1)[0]:
            text += os.read(fd, 4096)
    return text

pid, fd = pty.fork()
if pid == 0:
    os.environ.update(TERM="dumb", PS1="", INPUTRC="/dev/null", HISTFILE="")
    os.execlp("bash", "bash", "--norc", "--noprofile", "-i")
# The line is not run but shown: Ctrl-A goes to its start, and what is put there makes it words.
os.write(fd, b"bind 'set enable-bracketed-paste off'; . %s; echo rea''dy\n" % sys.argv[1].encode())
until(fd, b"ready")
os.write(fd, sys.argv[2].encode() + b"\t\x01echo 'got<'\x05'>'\n")
text = until(fd, b">\r\n")
print(text[text.rindex(b"got<") + 4:text.rindex(b">\r\n")].decode().replace("echo 'got<'", ""), end="")
os.close(fd)
os.waitpid(pid, 0)
END
    )
    is "${got% }" "$2" "$1<Tab>"
}

@test "the completion knows commands and options, as bash asks for them" {
    completes "dj undef" "dj undefine"
    completes "dj --conn" "dj --connect"
    completes "dj get --inc" "dj get --incognito"
    completes "dj up --wor" "dj up --workers"
    completes "dj help unm" "dj help unm"
    completes "dj help undel" "dj help undelete"
    not runs djd
}

@test "the completion knows every command and each of its options" {
    local command option
    while read -r command; do
        grep -qx "$command" <(complete_words dj '') || { echo "$command is not offered" >&2; return 1; }
        for option in $(dj "$command" --help | grep -oE -- '--[a-z][a-z-]+'); do
            grep -qx -- "$option" <(complete_words dj "$command" -) ||
                { echo "$command $option is not offered" >&2; return 1; }
        done
    done < <(dj --help | sed -n 's/^  dj \([a-z]*\) .*/\1/p')
    not runs djd
}

@test "the completion knows tasks, runs and the tree" {
    start_daemon --no-mount
    dj define mult a:int b:int -- sh -c 'echo $(($1 * $2))' sh '{a}' '{b}'
    dj define multiply n:int -- echo '{n}'
    dj get mult 3 4 > /dev/null
    completes "dj bump multi" "dj bump multiply"
    completes "dj get --cached multip" "dj get --cached multiply"
    completes "dj ls ta" "dj ls tasks/"
    completes "dj cat tasks/mult/a=3,b=4/sta" "dj cat tasks/mult/a=3,b=4/status"
    completes "dj ls tasks/mult/a" "dj ls tasks/mult/a=3,b=4/"
    completes "dj wait tasks/mult/a=3" "dj wait tasks/mult/a=3,b=4/"
    local daemon=$DJ_CONNECT
    DJ_CONNECT=$DJ_TMP/none completes "dj --connect $daemon bump multi" \
        "dj --connect $daemon bump multiply"
    stop_daemon
}

# complete_words WORD…: what the completion answers when the last word is to be completed.
complete_words()
{
    bash -c '
        compopt() { :; }
        . "$1"
        shift
        COMP_WORDS=("$@")
        COMP_CWORD=$(($# - 1))
        COMP_LINE="$*"
        COMP_POINT=${#COMP_LINE}
        _dj
        printf "%s\n" "${COMPREPLY[@]}"' bash "$COMPLETION" "$@"
}

@test "make uninstall leaves nothing" {
    make_here uninstall DESTDIR="$DEST" > "$DJ_TMP/uninstall.log" 2>&1
    is "$(find "$DEST" -type f -o -type l)" ""
}
