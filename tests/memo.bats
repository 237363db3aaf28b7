# dj memo: any command, without a definition.

load helper/djfs

setup()
{
    dj_setup
    unset DJ_CONNECT
    mkdir here
    cd here || return
    printf '#!/bin/sh\necho x >> "%s/runs"\n. ./body\n' "$DJ_TMP" > cmd
    chmod +x cmd
}

teardown()
{
    touch "$DJ_TMP/open"
    dj_teardown
}

# body TEXT: what ./cmd does, besides counting its runs.
body()
{
    printf '%s\n' "$1" > body
}

runs_are()
{
    is "$(cat "$DJ_TMP/runs" 2> /dev/null | wc -l)" "$1" "runs of the command"
}

# Says that it is in, and goes on when the test opens the gate.
gate='touch "$DJ_TMP/in"; until test -e "$DJ_TMP/open"; do sleep 0.02; done'

@test "a command runs once; stdout, stderr and exit code are replayed; no daemon is needed" {
    body 'printf "out $1\nb\0\377"; printf "err\200" >&2; exit $2'
    for code in 0 3 255; do
        : > "$DJ_TMP/runs"
        for _ in first again; do
            local got=0
            dj memo ./cmd 5 $code > out 2> err || got=$?
            is "$got" "$code"
            same out <(printf 'out 5\nb\0\377')
            same err <(printf 'err\200')
        done
        runs_are 1
    done
    runs djd
    dj down
    exits 0 sh -c 'dj memo --cached ./cmd 5 0 2> err'
    runs_are 1
}

@test "outputs of 10 MB and 2 MB" {
    body 'yes 0123456789 | head -c 10000000; yes error | head -c 2000000 >&2; exit 7'
    for _ in first again; do
        exits 7 sh -c 'dj memo ./cmd > out 2> err'
        same out <(yes 0123456789 | head -c 10000000)
        same err <(yes error | head -c 2000000)
    done
    runs_are 1
}

@test "the key is the words and the folder, as bytes; the environment is none of it" {
    body 'printf "<%s>" "$@"'
    export LC_ALL=C
    local call calls=("a b" "a,b" $'a\nb' $'a\xffb' "a%b" "" "a=b" "cwd=x" "{x}" "--force" "a;b" "1" "1.0")
    for call in "${calls[@]}" "${calls[@]}"; do
        is "$(dj memo ./cmd "$call")" "<$call>"
    done
    runs_are ${#calls[@]}
    is "$(dj memo ./cmd a b)" "<a><b>"
    is "$(dj memo ./cmd a "" b)" "<a><><b>"
    is "$(FOO=1 dj memo ./cmd a b)" "<a><b>"
    runs_are $((${#calls[@]} + 2))

    local other=$DJ_TMP/$'other\xff\n,='
    mkdir "$other"
    cp cmd body "$other"
    cd "$other"
    is "$(dj memo ./cmd a b)" "<a><b>"
    is "$(dj memo ./cmd a b)" "<a><b>"
    runs_are $((${#calls[@]} + 3))
    is "$(dj memo pwd; echo .)" "$(pwd; echo .)"
}

@test "the command gets the caller's folder and environment, and an empty stdin" {
    body 'pwd; echo "$FOO $HOME $DJ_ARGS"; cat; echo left > left; test -d "$TMPDIR"'
    echo never > "$DJ_TMP/stdin"
    export FOO='a  b' DJ_ARGS=no
    is "$(dj memo ./cmd < "$DJ_TMP/stdin")" "$(printf '%s\na  b %s ' "$PWD" "$HOME")"
    is "$(cat left)" left
    has "$(dj ls "$(dj path memo ./cmd)")" result
    is "$(dj ls "$(dj path memo ./cmd)/files")" ""
    mkdir bin
    printf '#!/bin/sh\necho mine\n' > bin/mine
    chmod +x bin/mine
    is "$(PATH=$PWD/bin:$PATH dj memo mine)" mine
}

@test "what cannot be started is said as a shell says it, and tried again" {
    exits 127 dj memo ./none
    has "$output" "dj: ./none: No such file or directory"
    exits 127 dj memo no-such-command
    has "$output" "dj: no-such-command: not found in PATH"
    echo text > text
    exits 126 dj memo ./text
    has "$output" "chmod +x"
    exits 126 dj memo "$DJ_TMP"
    has "$output" "is a folder"
    printf '#!/bin/sh\necho there\n' > none
    chmod +x none
    is "$(dj memo ./none)" there
    exits 127 dj memo sh -c 'exit 127'
    exits 127 dj memo --cached sh -c 'exit 127'
}

@test "a signal is 128 and its number, what was written is shown, and it is tried again" {
    body 'echo part; echo of it >&2; kill -SEGV $$'
    for n in 1 2; do
        exits 139 sh -c 'dj memo ./cmd 2> err'
        is "$output" part
        is "$(head -n 1 err)" "of it"
        has "$(cat err)" "dj: ./cmd was ended by signal 11"
        runs_are $n
    done
    exits 3 dj memo --cached ./cmd
}

@test "options before the command are memo's, behind it everything is the command's" {
    body 'echo "$@"; wc -l < "$DJ_TMP/runs"'
    exits 3 dj memo --cached ./cmd --force
    has "$output" "not computed yet"
    is "$(dj memo ./cmd --force)" "$(printf -- '--force\n1')"
    is "$(dj memo ./cmd --force)" "$(printf -- '--force\n1')"
    is "$(dj memo --force ./cmd --force)" "$(printf -- '--force\n2')"
    is "$(dj memo -- ./cmd --force)" "$(printf -- '--force\n2')"
    is "$(dj memo --incognito ./cmd)" "$(printf '\n3')"
    exits 3 dj memo --cached ./cmd
    is "$(dj memo --incognito ./cmd --force)" "$(printf -- '--force\n2')"
    is "$(dj memo --force --incognito ./cmd --force)" "$(printf -- '--force\n4')"
    is "$(dj memo ./cmd --force)" "$(printf -- '--force\n2')"
    exits 2 dj memo
    has "$output" "usage: dj memo"
    exits 2 dj memo --nope true
    has "$output" "no option --nope"
    exits 2 dj memo --force --cached true
    has "$output" "never does"
    for option in ignore keep; do
        exits 2 dj memo --$option x true
        has "$output" "dj: memo: a memo has no parameters that could be left out of account"
    done
    exits 5 dj memo --launch x true
    has "$output" "there is no launch x"
    exits 5 dj memo --session x true
    has "$output" "there is no session x"
    exits 2 dj memo --timeout soon true
}

@test "two at once are one execution; a time limit ends the waiting" {
    body "$gate; echo done; exit 4"
    local code=0 pids=() pid
    exits 124 dj memo --timeout 300ms ./cmd
    has "$output" "the time is over; memo/"
    has "$output" "goes on computing"
    for n in 1 2 3; do
        dj memo ./cmd > out.$n &
        pids+=($!)
        wait_until grep -q '^SigBlk:.*[2367abef]$' "/proc/$!/status"
    done
    touch "$DJ_TMP/open"
    for pid in "${pids[@]}"; do
        code=0
        wait "$pid" || code=$?
        is "$code" 4
    done
    is "$(cat out.1 out.2 out.3)" "$(printf 'done\ndone\ndone')"
    runs_are 1
}

@test "Ctrl-C leaves what runs and withdraws what is queued" {
    dj up --store "$DJ_STORE" --workers 1 --no-mount
    body "$gate; echo done"
    dj memo ./cmd > out 2> said &
    local pid=$! code=0 name
    wait_until test -e "$DJ_TMP/in"
    dj memo ./cmd queued 2> said.2 &
    local second=$!
    wait_until sh -c 'dj cat status | grep -q "queued 1"'
    kill -INT "$second"
    wait "$second" || code=$?
    is "$code" 130
    has "$(cat said.2)" "was still queued and is withdrawn"
    kill -INT "$pid"
    code=0
    wait "$pid" || code=$?
    is "$code" 130
    name=$(dj path memo ./cmd)
    is "$(cat said)" "dj: interrupted; ${name#tasks/} goes on computing; \`dj cancel '$name'\` ends it"
    touch "$DJ_TMP/open"
    is "$(dj wait memo ./cmd)" done
    is "$(dj memo --cached ./cmd)" done
    exits 3 dj memo --cached ./cmd queued
    rm "$DJ_TMP/open" "$DJ_TMP/in"
    dj memo ./cmd more 2> said &
    pid=$!
    wait_until test -e "$DJ_TMP/in"
    dj cancel memo ./cmd more
    code=0
    wait "$pid" || code=$?
    is "$code" 75
    has "$(cat said)" "dj: ./cmd was cancelled"
    exits 3 dj memo --cached ./cmd more
}

@test "a memo is a run like any other" {
    body 'echo "out $1"; echo "err $1" >&2; exit 3'
    exits 3 dj memo ./cmd 1
    local path
    path=$(dj path memo ./cmd 1)
    is "$(dj ls tasks/memo)" "${path#tasks/memo/}"
    is "$(dj cat "$path/status")" done
    is "$(dj cat "$path/result")" "out 1"
    is "$(dj cat "$path/log")" "err 1"
    is "$(dj cat "$path/args")" "{\"argv\":[\"./cmd\",\"1\"],\"cwd\":\"$PWD\"}"
    has "$(dj cat "$path/meta")" '"code": 3'
    is "$(dj get "$path")" "out 1"
    is "$(dj get memo ./cmd 1)" "out 1"
    runs_are 1

    dj rm memo ./cmd 1
    exits 3 dj memo --cached ./cmd 1
    dj undelete memo
    exits 3 dj memo ./cmd 1
    runs_are 1
    dj invalidate memo ./cmd 1
    is "$(dj cat "$path/status")" stale
    exits 3 dj memo ./cmd 1
    runs_are 2
    is "$(dj cat "$path/status")" done
    is "$(dj bump memo)" 2
    exits 3 dj memo ./cmd 1
    runs_are 3

    # By somebody who has no environment to give.
    dj write "$path/ctl" force
    is "$(dj cat "$path/result")" "out 1"
    runs_are 4
    dj rm "$path"
    is "$(dj cat "$path/result")" "out 1"
    runs_are 5
    exits 3 dj memo --cached ./cmd 1
}

@test "the name of the task is taken" {
    exits 2 dj define memo x -- echo '{x}'
    has "$output" "memo is the task that \`dj memo\` keeps its runs under"
    dj memo true
    exits 2 dj write tasks/memo/.definition $'[memo]\ncommand = true'
    dj undefine memo
    exits 5 dj get memo true
    dj memo --cached true
}

@test "inside a run: a call on record; the run's folder is no part of the key" {
    body 'echo "in $(pwd)"; exit 2'
    dj define outer n:int -- sh -c 'cd "$1" && dj memo ./cmd; echo "$?"' sh "$PWD"
    is "$(dj get outer 1)" "$(printf 'in %s\n2' "$PWD")"
    has "$(dj ls tasks/outer/1/deps)" "memo"
    is "$(dj get outer 2)" "$(printf 'in %s\n2' "$PWD")"
    runs_are 1
    dj define private n:int -- sh -c 'echo mine > f; dj memo sh -c "ls; echo \$DJ_ARG_n; echo t > t"; cat f'
    is "$(dj get private 1)" "$(printf '\nmine')"
    is "$(dj get private 2)" "$(printf '\nmine')"
    is "$(dj ls tasks/memo | grep -c 'cwd=%e$')" 1
    is "$(dj cat "tasks/memo/$(dj ls tasks/memo | grep 'cwd=%e$')/files/t")" t
}

@test "a folder that is gone, and a daemon that was named and is not there" {
    mkdir gone
    exits 1 sh -c 'cd gone && rmdir ../gone && exec dj memo true'
    has "$output" "the folder that this was called in"
    DJ_CONNECT=$DJ_TMP/none exits 69 dj memo true
    not runs djd
}
