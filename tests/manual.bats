# The manual against the programs: options, exit codes, words and messages on both sides, and the
# examples of the pages as they are typed.

load helper/djfs

setup()
{
    dj_setup
    PAGES=${DJ_SRCDIR:?}/man
}

teardown()
{
    dj_teardown
}

# both WHAT THERE HERE: two lists that have to be the same, a word a line, in any order.
both()
{
    diff <(sort -u <<< "$2") <(sort -u <<< "$3") > differ ||
        { echo "$1 (< program, > page):"; grep '^[<>]' differ; return 1; } >&2
}

# long_options: the words with two dashes of a text on standard input.
long_options()
{
    grep -oE -- '(^|[^[:alnum:]-])--[a-z][a-z-]*' | grep -oE -- '--.*' | sort -u
}

# page_options FILE: the long options that a page explains (.It Fl -name), with other lines' ones.
page_options()
{
    grep -oE -- '(Fl|,) -[a-z][a-z-]*' "$PAGES/$1" | sed 's/^.* -/--/' | sort -u
}

# explained FILE: only those that stand at the head of an explanation.
explained()
{
    grep -E '^\.It .*Fl ' "$PAGES/$1" | grep -oE -- '(Fl|,) -[a-z][a-z-]*' | sed 's/^.* -/--/' | sort -u
}

@test "dj(1) has every command of dj, and each command's options" {
    local command heads
    dj --help | sed -n 's/^  dj \([a-z]*\) .*/\1/p' > commands
    both "commands" "$(cat commands)" "$(sed -nE 's/^\.It Ic ([a-z]+).*/\1/p' "$PAGES/dj.1")"
    while read -r command; do
        heads=$(grep -E "^\.It Ic $command( |\$)" "$PAGES/dj.1")
        both "dj $command" \
            "$(dj "$command" --help | head -n 1 | grep -oE -- '(^|[^[:alnum:]-])--?[a-z][a-z-]*' | grep -oE -- '-.*')" \
            "$(grep -oE -- 'Fl -?[a-z][a-z-]*' <<< "$heads" | sed 's/^Fl /-/')"
    done < commands
    both "options of dj itself" "$(dj --help | long_options)" \
        "$(sed -n '/^\.Sh DESCRIPTION/,/^\.Ss/p' "$PAGES/dj.1" | grep '^\.It Fl' | grep -oE -- '(Fl|,) -[a-z]+' | sed 's/^.* -/--/')"
}

@test "djd(8) and djfs(8) have the options of the programs" {
    both "djd" "$(djd --help | long_options)" "$(explained djd.8)"
    both "djfs" "$(djfs --help | long_options)" "$(explained djfs.8)"
    both "djfs -o" "$(djfs --help | grep -oE -- '-o [a-z_]+' | grep -v OPTIONS | cut -d' ' -f2)" \
        "$(sed -n 's/^\.It Cm \([a-z_]*\).*/\1/p' "$PAGES/djfs.8" | grep -vx -e connect -e exec)"
}

@test "each exit code is in dj(1)" {
    local code section
    section=$(sed -n '/^\.Sh EXIT STATUS/,/^\.Sh EXAMPLES/p' "$PAGES/dj.1")
    while read -r code; do
        grep -qE "(^|[^0-9])$code([^0-9]|\$)" <<< "$section" || { echo "exit code $code" >&2; return 1; }
    done < <(sed -nE 's/^    DJ_EX_[A-Z_]+ = ([0-9]+),/\1/p' "$DJ_SRCDIR/cli/command.h")
}

@test "dj-tasks(5) has every option of a task file" {
    both "options" \
        "$(sed -nE 's/^    \{"([a-z_.]+)", .*/\1/p' "$DJ_SRCDIR/lib/model/options.c" | sed 's/\.$//')" \
        "$(sed -n '/^\.Sh OPTIONS/,/^\.Sh PARAMETERS/p' "$PAGES/dj-tasks.5" |
            sed -nE 's/^\.It Cm ([a-z_]+).*/\1/p')"
}

@test "dj-tree(5) has every control word, and the mount's README every file of the root" {
    local word name
    while read -r word; do
        grep -qE "^\.(It )?Li $word( |\$)" "$PAGES/dj-tree.5" || { echo "control word $word" >&2; return 1; }
    done < <(sed -nE 's/^    \{"([a-z]+)", DJ_CTL_.*/\1/p' "$DJ_SRCDIR/daemon/ctl.c")
    start_daemon --no-mount
    dj define one n:int -- echo '{n}'
    dj get one 1 > /dev/null
    for name in $(dj ls | sed 's,/$,,') $(dj ls tasks/one/1); do
        [ "$name" = README ] || grep -qw -- "$name" <(dj cat README) || { echo "README of the mount lacks $name" >&2; return 1; }
        grep -qE "^\.It Pa .*\b$name\b" "$PAGES/dj-tree.5" || { echo "dj-tree(5) lacks $name" >&2; return 1; }
    done
}

# specified: each part and message of messages.def as its row of PROTOCOL.md has to begin.
specified()
{
    awk '
        function names(line, parts) {
            match(line, /\([a-z_, A-Z0-9]+\)/)
            return split(substr(line, RSTART + 1, RLENGTH - 2), parts, ", ")
        }
        /^PART\(/ { names($0, p); head = "`" p[1] "`"; fields = ""; next }
        /^MESSAGE\(/ { names($0, p); head = p[1] " | `" p[2] "`"; fields = ""; next }
        /^ +(UINT|INT|BOOL|BYTES|TEXT|LIST|PARTOF)\(/ {
            kind = $1
            sub(/\(.*/, "", kind)
            n = names($0, p)
            if (kind == "LIST")
                kind = "list of " p[3]
            else if (kind == "PARTOF")
                kind = p[3]
            else
                kind = tolower(kind)
            fields = fields (fields == "" ? "" : ", ") "`" p[2] "`" (kind == p[2] && n == 3 ? "" : " " kind)
            next
        }
        /^END\(/ { print "| " head " | " (fields == "" ? "*none*" : fields) " | " }' \
        "$DJ_SRCDIR/lib/proto/messages.def"
}

@test "PROTOCOL.md has every message and part, with its fields in order and what it means" {
    local row
    specified > rows
    [ "$(wc -l < rows)" -gt 40 ]
    while IFS= read -r row; do
        grep -F -- "${row% }" "$DJ_SRCDIR/PROTOCOL.md" | cut -c $((${#row} + 1))- | grep -q '[a-zA-Z]' ||
            { echo "PROTOCOL.md wants the row: $row…" >&2; return 1; }
    done < rows
    # And none that is no more.
    both "messages" "$(grep -oE '^\| [0-9]+ \| `[A-Z]+`' rows)" \
        "$(grep -oE '^\| [0-9]+ \| `[A-Z]+`' "$DJ_SRCDIR/PROTOCOL.md")"
}

# example FILE N: the Nth literal block of a page, as text.
example()
{
    awk -v want="$2" '/^\.Bd -literal/ { n++; on = 1; next } /^\.Ed/ { on = 0 } on && n == want' "$PAGES/$1" |
        sed 's/\\e/\\/g'
}

@test "the examples of dj(1) and djd(8) are typed" {
    start_daemon --no-mount
    printf '#!/bin/sh\nsleep 0.1\necho "$1"\n' > slow
    chmod +x slow
    sed -n '/^\.Sh EXAMPLES/,$p' "$PAGES/dj.1" | sed -n '/^\.Bd/,/^\.Ed/{/^\./!p}' > typed
    [ -s typed ]
    exits 0 bash -e typed
    has "$output" 42
    sed -n '/^\.Sh EXAMPLES/,$p' "$PAGES/djd.8" | sed -n '/^\.Bd/,/^\.Ed/{/^\./!p}' > typed
    grep -q '^djd .*&$' typed
    sed -i 's/^\(djd .*\)&$/\1 2> djd-example.log 3>\&- \& until test -S ~\/runs.socket; do sleep 0.02; done/' typed
    exits 0 bash -e typed
    is "$(sort <<< "$output")" "$(printf 'README\nctl\nevents\nframes\nsessions\nstatus\ntasks')"
}

@test "the task files of dj-tasks(5) are taken" {
    local n text taken=0
    start_daemon --no-mount
    for n in {1..20}; do
        text=$(example dj-tasks.5 "$n")
        grep -q '^\[' <<< "$text" || continue
        printf '%s\n' "$text" > "page.ini"
        touch data.txt train.py
        exits 0 dj define page.ini
        taken=$((taken + 1))
    done
    [ "$taken" -ge 5 ]
    printf '3\n' > "$DJ_TMP/text"
    is "$(dj get sum numbers=1 numbers=2 numbers=3)" 6
    is "$(dj get lines $'b\na\nb' | tr -s ' ')" "$(printf ' 1 a\n 2 b')"
}

@test "the sweeps of dj-frames(7) are typed" {
    start_daemon --no-mount
    # shellcheck disable=SC2016
    dj define factorial n:int -- sh -c 'if [ "$1" = 0 ]; then echo 1; else echo $(($(dj get factorial $(($1 - 1))) * $1)); fi' sh '{n}'
    # shellcheck disable=SC2016
    dj define mult a:int b:int -- sh -c 'echo $(($1 * $2))' sh '{a}' '{b}'
    sed -n '/^\.Sh EXAMPLES/,$p' "$PAGES/dj-frames.7" | sed -n '/^\.Bd/,/^\.Ed/{/^\./!p}' > typed
    is "$(wc -l < typed)" 3
    dj() { command dj -q "$@"; }
    export -f dj
    is "$(sed -n 1p typed | bash | jq .result | paste -sd' ')" "1 1 2 6 24 120 720 5040 40320 362880"
    is "$(sed -n 2p typed | bash | jq .result | sort -n | tail -n 1)" 131681894400
    is "$(sed -n 3p typed | bash | jq .result | paste -sd' ')" "1 0 4 9 0 16 32 48"
}
