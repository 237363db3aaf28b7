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
    [ -f "$PREFIX/share/man/man8/djfs.8" ]
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

@test "the user unit starts the installed daemon and leaves runs alone" {
    grep -qx "ExecStart=$WHERE/bin/djd" "$UNIT"
    grep -qx KillMode=process "$UNIT"
    grep -qx TasksMax=infinity "$UNIT"
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

# complete_words WORD…: what the completion answers when the last word is to be completed.
complete_words()
{
    bash -c '
        compopt() { :; }
        . "$1"
        shift
        COMP_WORDS=("$@")
        COMP_CWORD=$(($# - 1))
        _dj
        printf "%s\n" "${COMPREPLY[@]}"' bash "$COMPLETION" "$@"
}

@test "the completion knows every command and a command's options" {
    local words
    words=$(complete_words dj '')
    for command in up down define get run ls cat write; do
        grep -qx "$command" <<< "$words" || { echo "$command is not offered: $words" >&2; return 1; }
    done
    is "$(complete_words dj undef)" undefine
    has "$(complete_words dj get --inc)" --incognito
}

@test "completing starts no daemon" {
    complete_words dj get '' > /dev/null
    complete_words dj ls tasks/ > /dev/null
    not runs djd
}

@test "make uninstall leaves nothing" {
    make_here uninstall DESTDIR="$DEST" > "$DJ_TMP/uninstall.log" 2>&1
    is "$(find "$DEST" -type f -o -type l)" ""
}
