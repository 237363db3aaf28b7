# shellcheck shell=bash
#
# What every .bats file of djfs starts with:
#
#     load helper/djfs
#     setup_file() { dj_setup; start_daemon; define_tasks <<<"$text"; }     shared by the file's tests
#     teardown_file() { dj_teardown; }
#
# or, where each test wants a daemon of its own, the same in setup() and teardown(). Both at once
# nest: the inner one is private to its test.
#
# dj_setup makes a short private folder $DJ_TMP with HOME, XDG_RUNTIME_DIR, a store, a socket and a
# mount point, and nothing outside is used. Whatever is started from there inherits $DJ_TMP in its
# environment, so dj_teardown finds every process and mount of the test, ends them, and FAILS when
# something was still there that should have gone by itself, or when a sanitizer had a complaint.
#
# Nothing sleeps for a fixed time: wait_until polls a condition with a bound. HACKING.md has more.

DJ_TIME_FACTOR=${DJ_TIME_FACTOR:-1}

# ---- a private world -----------------------------------------------------------------------------

dj_setup()
{
    umask 022
    DJ_TMP=$(mktemp -d /tmp/dj-t.XXXXXX)
    export DJ_TMP
    export HOME=$DJ_TMP/home XDG_RUNTIME_DIR=$DJ_TMP/run XDG_DATA_HOME=$DJ_TMP/data
    export XDG_CONFIG_HOME=$DJ_TMP/config XDG_STATE_HOME=$DJ_TMP/state XDG_CACHE_HOME=$DJ_TMP/cache
    export DJ_SYSCONFDIR=$DJ_TMP/etc
    export DJ_STORE=$DJ_TMP/store DJ_CONNECT=$DJ_TMP/run/dj/socket MNT=$DJ_TMP/mnt
    export TMPDIR=$DJ_TMP/tmp LC_ALL=C.UTF-8 TZ=UTC TERM=xterm
    unset DJ DJ_RUN DJ_ARGS
    mkdir -p "$HOME" "$MNT" "$TMPDIR" "$DJ_TMP/hooks"
    mkdir "$XDG_RUNTIME_DIR"
    chmod 0700 "$XDG_RUNTIME_DIR"
    export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=1:log_path=$DJ_TMP/sanitizer"
    export UBSAN_OPTIONS="${UBSAN_OPTIONS:+$UBSAN_OPTIONS:}halt_on_error=1:print_stacktrace=1:log_path=$DJ_TMP/sanitizer"
    cd "$DJ_TMP" || return
}

# on_exit CMD ARGUMENT…: run by dj_teardown before it ends anything, the last one first.
on_exit()
{
    local n
    n=$(find "$DJ_TMP/hooks" -type f | wc -l)
    printf '%q ' "$@" > "$DJ_TMP/hooks/$(printf %04d "$n")"
}

dj_teardown()
{
    local hook problem=0

    [ -n "${DJ_TMP-}" ] || return 0
    cd / || return
    while read -r hook; do
        eval "$(cat "$hook")" || { echo "on_exit: failed: $(cat "$hook")" >&2; problem=1; }
    done < <(find "$DJ_TMP/hooks" -type f | sort -r)

    stop_daemon || problem=1
    leftover_mounts || problem=1
    leftover_processes || problem=1
    sanitizer_reports || problem=1
    if [ "$problem" -ne 0 ] || [ "${BATS_TEST_COMPLETED-1}" != 1 ]; then
        show_logs
    fi
    if [ "$problem" -ne 0 ] && [ -n "${DJ_KEEP-}" ]; then
        echo "kept: $DJ_TMP" >&2
    else
        chmod -R u+rwX "$DJ_TMP" 2> /dev/null
        rm -rf --one-file-system "$DJ_TMP" || problem=1
    fi
    unset DJ_TMP
    return "$problem"
}

# ---- waiting -------------------------------------------------------------------------------------

# wait_until [-t SECONDS] CMD ARGUMENT…: until CMD succeeds, at most SECONDS (10); fails after that.
wait_until()
{
    local bound=10 start=${EPOCHREALTIME/[.,]/} limit

    if [ "$1" = -t ]; then
        bound=$2
        shift 2
    fi
    limit=$((bound * DJ_TIME_FACTOR * 1000000))
    until "$@" > /dev/null 2>&1; do
        if ((${EPOCHREALTIME/[.,]/} - start > limit)); then
            echo "wait_until: not within $((bound * DJ_TIME_FACTOR)) s: $*" >&2
            return 1
        fi
        sleep 0.02
    done
}

not()
{
    ! "$@"
}

# ---- the daemon and its mount --------------------------------------------------------------------

# start_daemon [OPTION OF dj up]…: djd, its worker and, where FUSE works, the mount at $MNT;
# returns when all of it can be used. --no-mount: without the mount.
start_daemon()
{
    local mount=("$MNT") word

    for word in "$@"; do
        [ "$word" != --no-mount ] || mount=()
    done
    fuse_usable || mount=(--no-mount)
    if ! timeout $((30 * DJ_TIME_FACTOR)) \
        dj up --store "$DJ_STORE" "$@" "${mount[@]}" > "$DJ_TMP/up.log" 2>&1 < /dev/null 3>&-; then
        echo "start_daemon: dj up failed:" >&2
        cat "$DJ_TMP/up.log" >&2
        return 1
    fi
}

# stop_daemon: the mounts, djd and what it started end; each within its bound.
stop_daemon()
{
    local problem=0 left

    runs djd djfs || return 0
    if runs djd; then
        timeout $((20 * DJ_TIME_FACTOR)) dj down > "$DJ_TMP/down.log" 2>&1 < /dev/null 3>&- || {
            echo "stop_daemon: dj down failed:" >&2
            cat "$DJ_TMP/down.log" >&2
            problem=1
        }
    fi
    unmount_all
    mapfile -t left < <(our_pids djd djfs djw)
    if [ "${#left[@]}" -ne 0 ]; then
        kill -TERM "${left[@]}" 2> /dev/null || :
        wait_until no_daemon || problem=1
    fi
    return "$problem"
}

no_daemon()
{
    ! runs djd djfs djw
}

# get WORD…: dj get; one that would wait for ever fails instead.
get()
{
    timeout $((20 * DJ_TIME_FACTOR)) dj get "$@"
}

# kill_daemon [SIGNAL]: ends djd at once, by its pid, and waits until it is gone.
kill_daemon()
{
    local pid

    pid=$(our_pids djd)
    [ -n "$pid" ] || { echo "kill_daemon: no djd runs" >&2; return 1; }
    kill "-${1:-KILL}" "$pid"
    wait_until not is_running "$pid"
}

# The state of a process, a letter, and its parent; nothing when there is none. Without a fork: this
# is asked very often.
state_of()
{
    local stat

    { read -r stat < "/proc/$1/stat"; } 2> /dev/null || return
    read -r state parent _ <<< "${stat##*) }"
}

is_running()
{
    local state='' parent=''

    state_of "$1" && [ "$state" != Z ]
}

# waits_in NAME PID: a thread of it waits in that function of the kernel.
waits_in()
{
    local task

    for task in /proc/"$2"/task/*; do
        [[ $(cat "$task/wchan" 2> /dev/null) != "$1"* ]] || return 0
    done
    return 1
}

# define_thread_task NAME: a C function with the parameter n, whose result it is.
define_thread_task()
{
    cat > "$1.c" << END
#include <djfs/task.h>
DJ_TASK($1, "params = n:int")
{
    return dj_printf(run, "%lld\\n", (long long)dj_arg_int(run, "n"));
}
END
    cc -shared -fPIC -I"$DJ_SRCDIR/lib" -o "$1.so" "$1.c"
    dj define "./$1.so"
}

# define_tasks: a task file from standard input, its folder is $DJ_TMP.
define_tasks()
{
    cat > "$DJ_TMP/tasks.ini"
    dj define "$DJ_TMP/tasks.ini"
}

# ---- what belongs to this test -------------------------------------------------------------------

# our_pids [NAME…]: the processes whose environment has this test's folder, a line each; with names
# only those that are called so. Neither bats nor the asking shell is among them. It is not free: all
# processes of the machine are looked at.
our_pids()
{
    local pid line lines name words ancestors=" " parent=$BASHPID state

    mapfile -t lines < <(grep -lzsF "$DJ_TMP" /proc/[0-9]*/environ)
    [ "${#lines[@]}" -ne 0 ] || return 0 # what follows is slow beside the trap that bats sets
    while [ "${parent:-1}" -gt 1 ]; do
        ancestors+="$parent "
        state_of "$parent" || break
    done
    for line in "${lines[@]}"; do
        pid=${line#/proc/}
        pid=${pid%/environ}
        [[ $ancestors != *" $pid "* ]] || continue
        { read -r name < "/proc/$pid/comm"; } 2> /dev/null || continue
        [ $# -eq 0 ] || [[ " $* " = *" $name "* ]] || continue
        { mapfile -d '' -t words < "/proc/$pid/cmdline"; } 2> /dev/null || continue
        [[ "${words[*]}" != *bats-exec* && "${words[*]}" != *bats-format* ]] || continue
        ! is_running "$pid" || echo "$pid"
    done
}

our_mounts()
{
    # Of mountinfo, field 5 is the mount point, with blanks as \040.
    local point
    while read -r _ _ _ _ point _; do
        printf -v point %b "$point"
        [[ $point != "$DJ_TMP"/* ]] || echo "$point"
    done < <(grep -F "$DJ_TMP/" /proc/self/mountinfo)
}

unmount_all()
{
    local point

    while read -r point; do
        fusermount3 -u "$point" 2> /dev/null || umount "$point" 2> /dev/null || :
    done < <(our_mounts | tac)
}

leftover_mounts()
{
    local left point

    left=$(our_mounts)
    [ -n "$left" ] || return 0
    echo "left mounted: $left" >&2
    while read -r point; do
        fusermount3 -uz "$point" || umount -l "$point"
    done < <(tac <<< "$left") >&2
    return 1
}

# runs [NAME…]: whether such a process of this test runs; for wait_until.
runs()
{
    [ -n "$(our_pids "$@")" ]
}

# Whatever ends by itself gets a moment to do so; the rest is named, ended, and a failure.
leftover_processes()
{
    local pid

    if wait_until -t 3 not runs 2> /dev/null; then
        return 0
    fi
    for pid in $(our_pids); do
        echo "left running: $pid: $(tr '\0' ' ' < "/proc/$pid/cmdline")" >&2
        kill -KILL "$pid" 2> /dev/null || :
    done
    wait_until not runs || :
    return 1
}

sanitizer_reports()
{
    local report problem=0

    for report in "$DJ_TMP"/sanitizer.*; do
        [ -s "$report" ] || continue
        echo "a sanitizer's report:" >&2
        cat "$report" >&2
        problem=1
    done
    return "$problem"
}

show_logs()
{
    local log

    while read -r log; do
        echo "---- ${log#"$DJ_TMP"/}"
        tail -n 40 "$log"
    done < <(find "$DJ_TMP" -xdev -name '*.log' -size +0 -not -path "$DJ_TMP/store/*.log" -not -path '*/wal/*' | sort) >&2
}

# ---- what the machine has ------------------------------------------------------------------------

fuse_usable()
{
    [ -z "${DJ_NO_FUSE-}" ] && command -v fusermount3 > /dev/null && (: <> /dev/fuse) 2> /dev/null
}

# skip_or_fail WHY: with DJ_STRICT set (as in CI), what cannot be tested is a failure.
skip_or_fail()
{
    if [ -n "${DJ_STRICT-}" ]; then
        echo "not to be skipped here: $1" >&2
        return 1
    fi
    skip "$1"
}

requires_fuse()
{
    fuse_usable || skip "no usable /dev/fuse"
}

# What puts a library before others, or judges memory.
not_beside_a_sanitizer()
{
    ! grep -qE -- '^[A-Z_]*CFLAGS = .*-fsanitize=' "$DJ_BUILDDIR/Makefile" ||
        skip "not beside a sanitizer"
}

requires()
{
    local tool

    for tool in "$@"; do
        command -v "$tool" > /dev/null || skip_or_fail "$tool is not installed"
    done
}

requires_root()
{
    [ "$(id -u)" -eq 0 ] || skip "only as root"
}

# as_user USER CMD ARGUMENT…: as another user, environment kept; needs root.
as_user()
{
    local user=$1

    shift
    setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups -- "$@"
}

# programs_for_all: copies of the programs where every user can run them, whatever folder holds the
# build; from here on they are the ones.
programs_for_all()
{
    local name

    mkdir -p "$DJ_TMP/programs"
    chmod 0755 "$DJ_TMP/programs"
    for name in dj djd djw djfs; do
        install -m 0755 "$DJ_BUILDDIR/$name" "$DJ_TMP/programs"
    done
    export DJ_LIBEXECDIR=$DJ_TMP/programs PATH=$DJ_TMP/programs:$PATH
}

# ---- assertions ----------------------------------------------------------------------------------

# is GOT WANT [WHAT]
is()
{
    [ "$1" = "$2" ] && return 0
    printf '%s: got %q, want %q\n' "${3:-is}" "$1" "$2" >&2
    return 1
}

# has TEXT PART: PART is a fixed string.
has()
{
    [[ $1 == *"$2"* ]] && return 0
    printf 'has: %q is not in %q\n' "$2" "$1" >&2
    return 1
}

# same FILE FILE: byte for byte.
same()
{
    cmp -- "$1" "$2" >&2
}

# exits STATUS CMD ARGUMENT…: the command ends with just this status; its output is kept in $output.
exits()
{
    local want=$1 got=0

    shift
    output=$("$@" 2>&1) || got=$?
    [ "$got" -eq "$want" ] && return 0
    printf 'exits: %s: got %d, want %d\n%s\n' "$*" "$got" "$want" "$output" >&2
    return 1
}

# gives_errno NAME CMD ARGUMENT…: the command fails and says what strerror(3) says of NAME.
gives_errno()
{
    local name=$1 text

    shift
    text=$(errno_text "$name")
    if output=$("$@" 2>&1); then
        printf 'gives_errno: %s: succeeded, want %s\n' "$*" "$name" >&2
        return 1
    fi
    has "$output" "$text"
}

errno_text()
{
    case $1 in
    EPERM) echo "Operation not permitted" ;;
    ENOENT) echo "No such file or directory" ;;
    EINTR) echo "Interrupted system call" ;;
    EIO) echo "Input/output error" ;;
    EAGAIN) echo "Resource temporarily unavailable" ;;
    EACCES) echo "Permission denied" ;;
    EBUSY) echo "Device or resource busy" ;;
    EEXIST) echo "File exists" ;;
    ENOTDIR) echo "Not a directory" ;;
    EISDIR) echo "Is a directory" ;;
    EINVAL) echo "Invalid argument" ;;
    ENOSPC) echo "No space left on device" ;;
    EROFS) echo "Read-only file system" ;;
    EDEADLK) echo "Resource deadlock avoided" ;;
    ENOTEMPTY) echo "Directory not empty" ;;
    EDQUOT) echo "Disk quota exceeded" ;;
    ESTALE) echo "Stale file handle" ;;
    ENOTCONN) echo "Transport endpoint is not connected" ;;
    *) echo "errno_text: $1 is not in the list" >&2; return 1 ;;
    esac
}

# ---- the tree, with and without FUSE -------------------------------------------------------------
# The tree's tests run both ways: DJ_WAY=fuse through the mount, DJ_WAY=dj through dj ls|cat|write.

tree_cat()
{
    if [ "${DJ_WAY:-fuse}" = fuse ]; then
        cat -- "$MNT/$1"
    else
        dj cat "$1"
    fi
}

# tree_ls FOLDER: the names, a line each.
tree_ls()
{
    if [ "${DJ_WAY:-fuse}" = fuse ]; then
        command ls -A -- "$MNT/$1"
    else
        dj ls "$1"
    fi
}

# tree_write PATH TEXT: in one write(2), unlike bash's printf, which writes line by line.
tree_write()
{
    if [ "${DJ_WAY:-fuse}" = fuse ]; then
        cat <<< "$2" > "$MNT/$1"
    else
        dj write "$1" "$2"
    fi
}
