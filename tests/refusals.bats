# Bad input as users meet it: what is refused, with which errno or exit code, and in which words.

load helper/djfs

setup_file()
{
    dj_setup
    start_daemon --workers 2
    dj define double n:int -- sh -c 'echo $(($1 * 2))' sh '{n}'
    dj define mult a:int b:int -- sh -c 'echo $(($1 * $2))' sh '{a}' '{b}'
    dj get double 4 > /dev/null
}

teardown_file()
{
    dj_teardown
}

# refused CODE SENTENCE CMD…: the exit code, this sentence and nothing else, on stderr alone.
refused()
{
    local code=$1 sentence=$2

    shift 2
    exits "$code" "$@"
    is "$output" "dj: $sentence"
    is "$("$@" 2> /dev/null || :)" ""
}

# cannot_start CODE SENTENCE ARGUMENT OF dj…: as refused, and nothing runs that was not there.
cannot_start()
{
    local before

    before=$(our_pids djd)
    refused "$@"
    is "$(our_pids djd)" "$before"
}

# ---- calls ---------------------------------------------------------------------------------------

@test "an unknown task: ENOENT, exit 5" {
    refused 5 "there is no task nothing" dj get nothing 1
    refused 5 "there is no task nothing" dj run nothing 1
    refused 5 "there is no task nothing" dj path nothing 1
    refused 5 "there is no task nothing" dj bump nothing
    refused 5 "there is no task nothing" dj undefine nothing
    exits 5 dj cat tasks/nothing/1/result
    requires_fuse
    gives_errno ENOENT cat "$MNT/tasks/nothing/1/result"
    gives_errno ENOENT ls "$MNT/tasks/nothing"
}

# bad_call SENTENCE NAME TASK ARG…: dj refuses the words, the tree the name.
bad_call()
{
    local sentence=$1 task=$3 name=$2

    shift 2
    refused 2 "$sentence" dj get "$@"
    exits 2 dj cat "tasks/$task/$name/result"
    has "$output" "$sentence"
    fuse_usable || return 0
    gives_errno EINVAL cat "$MNT/tasks/$task/$name/result"
    is "$(tail -n 1 "$MNT/tasks/$task/.ctl")" "refused: $sentence"
}

@test "too many, too few or ill-typed arguments: EINVAL, exit 2, the reason in ctl and on stderr" {
    bad_call "double takes 1 argument (n), and more are given" 1,2 double 1 2
    bad_call "mult takes 2 arguments (a, b), and more are given" 1,2,3 mult 1 2 3
    bad_call "mult: b:int is not given and has no default" 1 mult 1
    bad_call 'double: n: "x" is not an int' x double x
    bad_call 'double: n: "1.0" is not an int' 1.0 double 1.0
    bad_call 'mult: a is given twice' a=1,a=2 mult a=1 a=2
    is "$(dj ls tasks/double)" 4
    is "$(dj ls tasks/mult)" ""
}

# ---- control words -------------------------------------------------------------------------------

@test "an unknown control word: write(2) fails with EINVAL, and nothing of the write is done" {
    local file words
    for file in ctl tasks/double/.ctl tasks/double/4/ctl; do
        exits 2 dj write "$file" fly
        has "$output" '"fly" is not a control word here; these are: '
        words=$(dj cat "$file")
        has "$words" 'refused: "fly" is not a control word here; these are: '
        fuse_usable || continue
        exits 1 bash -c "echo fly > '$MNT/$file'"
        has "$output" "write error: Invalid argument"
        gives_errno EINVAL dd of="$MNT/$file" status=none conv=notrunc <<< walk
        has "$(cat "$MNT/$file")" 'refused: "walk" is not a control word here; these are: '
    done
    exits 2 dj write tasks/double/9/ctl $'run\nfly'
    is "$(dj cat tasks/double/9/status)" absent
}

@test "a control word that does not fit: its reason, and nothing is done" {
    exits 2 dj write tasks/double/.ctl "run x"
    has "$output" 'double: n: "x" is not an int'
    exits 2 dj write tasks/double/.ctl $'force 4\nrun 1,2'
    has "$output" "double takes 1 argument (n), and more are given"
    exits 5 dj rm double 77
    exits 5 dj cancel double 4
    is "$(dj cat tasks/double/4/result)" 8
}

# ---- definitions ---------------------------------------------------------------------------------

# bad_file SENTENCE: the file on standard input is refused as a whole, with this sentence.
bad_file()
{
    local before

    cat > "$DJ_TMP/bad.ini"
    before=$(dj ls tasks)
    (cd "$DJ_TMP" && refused 2 "bad.ini$1" dj define bad.ini)
    is "$(dj ls tasks)" "$before"
}

@test "a task file with an error: file and line, and nothing of it is taken over" {
    bad_file ':6: there is no option "colour"' << 'END'
[good]
command = echo good

[bad]
command = echo
colour = red
END
    bad_file ':4: [good] is there already, in line 1' << 'END'
[good]
command = echo good

[good]
command = echo other
END
    bad_file ':4: bad has neither a command nor a script' << 'END'
[good]
command = echo good

[bad]
params = n
END
    bad_file ':3: command is given twice, first in line 2' << 'END'
[good]
command = echo good
command = echo other
END
    bad_file ':3: "integer" is not a type: str int float bool json file path run, or one of them with * for a list' << 'END'
[good]
command = echo {n}
params = n:integer
END
    bad_file ':2: {x}: there is no parameter of this name' << 'END'
[good]
command = echo {x}
END
    bad_file ' has neither a [section] nor a #DJ line at its head' << 'END'
command = echo
END
}

@test "a definition of one line: what is missing is said" {
    refused 2 "fresh: no command follows the --" dj define fresh n:int --
    refused 2 '"foo" is not a type: str int float bool json file path run, or one of them with * for a list' \
        dj define fresh n:foo -- echo
    refused 5 "fresh (a definition in one line has -- before its command): No such file or directory" \
        dj define fresh n:int echo '{n}'
    refused 5 "no-such-file.ini: No such file or directory" dj define no-such-file.ini
    not dj ls tasks/fresh
}

# ---- files ---------------------------------------------------------------------------------------

@test "a write to what is not writable: EACCES, exit 4" {
    local file
    for file in README status events tasks/double/.status tasks/double/4/{result,log,status,args,meta}; do
        refused 4 "this file is not written to" dj write "$file" x
        fuse_usable || continue
        gives_errno EACCES bash -c "echo x > '$MNT/$file'"
        gives_errno EACCES bash -c "echo x >> '$MNT/$file'"
    done
    requires_fuse
    gives_errno EACCES touch "$MNT/new"
    gives_errno EACCES mkdir "$MNT/tasks/new"
    gives_errno EACCES touch "$MNT/tasks/double/4/files/new"
    gives_errno EACCES ln -s a "$MNT/tasks/double/4/new"
    gives_errno EPERM rm "$MNT/README"
    gives_errno EPERM rmdir "$MNT/tasks/double"
    is "$(cat "$MNT/tasks/double/4/result")" 8
}

@test "what is not there, or of the other kind, is named" {
    refused 5 "nothing: no such file; README lists what is here" dj cat nothing
    refused 5 "nothing: no such file; README lists what is here" dj ls nothing
    refused 1 "tasks is a folder" dj cat tasks
    refused 1 "README is not a folder" dj ls README
}

# ---- mount points --------------------------------------------------------------------------------

@test "a mount point that is not empty, no folder, or mounted already" {
    requires_fuse
    mkdir "$DJ_TMP/full"
    touch "$DJ_TMP/full/x"
    refused 1 "djfs did not start: $DJ_TMP/full is not empty; djfs mounts on an empty folder only" \
        dj mount "$DJ_TMP/full"
    refused 1 "djfs did not start: cannot mount on $DJ_TMP/full/x: Not a directory" \
        dj mount "$DJ_TMP/full/x"
    refused 1 "djfs did not start: /proc is a mount point already (proc)" dj mount /proc
    refused 5 "$DJ_TMP/none/x: No such file or directory" dj mount "$DJ_TMP/none/x"
    exits 1 dj -q up "$DJ_TMP/full"
    has "$output" "is not empty"
    exits 1 djfs "$MNT"
    is "$output" "djfs: $MNT is a mount point already (fuse.djfs); dj umount takes it away"
    is "$(ls "$DJ_TMP/full")" x
    # Where this daemon's tree is mounted already is what was asked for.
    is "$(dj mount "$MNT")" "mounted at $MNT"
    is "$(our_pids djfs | wc -l)" 1
}

@test "what is not mounted is not unmounted, and the daemon goes on" {
    mkdir "$DJ_TMP/plain"
    refused 5 "nothing is mounted at $DJ_TMP/plain" dj umount "$DJ_TMP/plain"
    exits 5 dj down "$DJ_TMP/plain"
    is "$output" "dj: nothing is mounted at $DJ_TMP/plain"$'\n'"dj: the daemon goes on"
    exits 2 dj down --fly
    runs djd
    is "$(dj get double 4)" 8
}

# ---- the command ---------------------------------------------------------------------------------

@test "usage errors: exit 2, what is wrong, and how the command is used" {
    local command
    exits 2 dj
    is "$output" "dj: which command? Try: dj --help"
    refused 2 "there is no command frob; dj --help lists them" dj frob
    refused 2 "there is no command frob; dj --help lists them" dj help frob
    exits 2 dj --frob
    has "$output" "Try: dj --help"
    # Each command refuses an option that it does not have.
    dj --help | sed -n 's/^  dj \([a-z]*\) .*/\1/p' > commands
    [ "$(wc -l < commands)" -ge 19 ]
    while read -r command; do
        exits 2 dj "$command" --frob double 1
        has "$output" "dj: $command: there is no option --frob"$'\n'"usage: dj $command"
    done < commands
    exits 2 dj ls -lz
    has "$output" "dj: ls: there is no option -z"
    exits 2 dj get
    has "$output" "usage: dj get "
    exits 2 dj write README
    exits 2 dj define
    exits 2 dj up one two
    exits 2 dj up --store
    has "$output" "dj: up: the option --store wants a value"
    refused 2 '"x" is not a duration such as 250ms, 90s, 5m, 2h, 1h30m or 1d' \
        dj get --timeout x double 1
    exits 2 djd --fly
    exits 2 djd word
    has "$output" "djd: word is one word too many"
    exits 2 djfs
    is "$output" "djfs: djfs needs a folder to mount on"
    exits 2 djfs -o fly x
    is "$output" "djfs: djfs does not know the mount option fly"
}

@test "help is to be had by every spelling" {
    is "$(dj help)" "$(dj --help)"
    is "$(dj -h)" "$(dj --help)"
    is "$(dj help get)" "$(dj get --help)"
    is "$(dj get -h)" "$(dj get --help)"
}

# ---- a daemon that cannot start ------------------------------------------------------------------

# at_new CMD…: with a socket where nobody listens.
at_new()
{
    DJ_CONNECT=$DJ_TMP/other/socket "$@"
}

@test "--workers that are no number" {
    local workers
    for workers in 0 x -1 1.5 70000 99999999999999999999; do
        exits 2 at_new dj up --no-mount --workers "$workers"
        has "$output" "dj: up: --workers $workers is not a number from 1 to 65536"
        exits 2 djd --store "$DJ_TMP/s" --workers "$workers"
        has "$output" "djd: --workers $workers is not a number from 1 to 65536"
    done
    is "$(our_pids djd | wc -l)" 1
}

@test "a store that cannot be made, is something else, or is in use" {
    touch "$DJ_TMP/file"
    mkdir "$DJ_TMP/photos"
    touch "$DJ_TMP/photos/one.jpg"
    cannot_start 1 "djd did not start: the store $DJ_TMP/file/x cannot be made: Not a directory" \
        at_new dj up --no-mount --store "$DJ_TMP/file/x"
    cannot_start 1 "djd did not start: $DJ_TMP/photos is not a store and not empty (it has one.jpg); name an empty or a new folder with --store" \
        at_new dj up --no-mount --store "$DJ_TMP/photos"
    exits 1 at_new dj up --no-mount --store "$DJ_STORE"
    has "$output" "djd did not start: the store $DJ_STORE is in use by another daemon, process $(our_pids djd)"
    is "$(our_pids djd | wc -l)" 1
}

@test "a store and a socket that the user may not write to" {
    requires_root
    local other=$DJ_TMP/nobody
    mkdir -m 0700 "$other"
    chown nobody "$other"
    chmod 0755 "$DJ_TMP"
    programs_for_all
    exits 1 as_user nobody dj --connect "$other/socket" up --no-mount --store "$DJ_TMP/theirs"
    is "$output" "dj: djd did not start: the store $DJ_TMP/theirs cannot be made: Permission denied"
    exits 4 as_user nobody dj --connect "$DJ_TMP/theirs/socket" up --no-mount --store "$other/store"
    has "$output" "dj: $DJ_TMP/theirs/: Permission denied"
    exits 1 as_user nobody dj --connect "$other/socket" up --no-mount --store "$DJ_STORE"
    has "$output" "djd did not start: the store $DJ_STORE cannot be opened: Permission denied"
    is "$(our_pids djd | wc -l)" 1
}

@test "a socket's path that is too long, or is something else" {
    local long
    long=$DJ_TMP/$(printf %0120d 0)
    cannot_start 2 "the socket's path $long is too long (${#long} bytes, 107 fit)" \
        dj --connect "$long" up --no-mount --store "$DJ_TMP/s1"
    echo mine > "$DJ_TMP/letter"
    cannot_start 1 "djd did not start: $DJ_TMP/letter is there and is no socket, so it is left alone; name another path for the socket" \
        dj --connect "$DJ_TMP/letter" up --no-mount --store "$DJ_TMP/s1"
    is "$(cat "$DJ_TMP/letter")" mine
}

@test "a socket at which another program listens" {
    # Ends what connects at once: no daemon, and its socket stays its own.
    /usr/bin/python3 -c '
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(5)
print(flush=True)
while True:
    s.accept()[0].close()' "$DJ_TMP/theirs.sock" > "$DJ_TMP/listens" 3>&- &
    local pid=$!
    on_exit kill "$pid"
    wait_until test -s "$DJ_TMP/listens"
    refused 1 "djd did not start: another program listens at $DJ_TMP/theirs.sock" \
        dj --connect "$DJ_TMP/theirs.sock" up --no-mount --store "$DJ_TMP/s2"
    [ -S "$DJ_TMP/theirs.sock" ]
    is_running "$pid"
}

@test "no daemon: exit 69 and how to start one" {
    local command
    for command in "ls" "cat README" "bump double" "rm double 4" "down"; do
        # shellcheck disable=SC2086
        refused 69 "no daemon listens at $DJ_TMP/none; \`dj up\` starts one" dj --connect "$DJ_TMP/none" $command
    done
}
