# Archives that lie: each is refused with its own sentence, and nothing of it is written anywhere.

bats_require_minimum_version 1.5.0
load helper/djfs
load helper/exchange

setup_file()
{
    dj_setup
    start_daemon --no-mount
    start_other
    cat > fact.sh << 'END'
#!/bin/sh
mkdir sub; echo "left by $1" > sub/note; ln -s sub/note link
[ "$1" -eq 0 ] && { echo 1; exit; }
echo $(($(dj get fact $(($1 - 1))) * $1))
END
    chmod +x fact.sh
    dj define fact n:int -- "$PWD/fact.sh" '{n}'
    dj get fact 1
    dj export -o good.tar fact/0
    dj export -o two.tar fact/1
}

teardown_file()
{
    dj_teardown
}

# stored: how many runs the other store has.
stored()
{
    other dj cat status | awk '$1 == "runs" { print $2 }'
}

# refused HOW SENTENCE [N]: the archive forged so is refused with exit code 1 and that sentence; the
# store has N runs then.
refused()
{
    python3 "$DJ_SRCDIR/tests/helper/forge-archive.py" "$1" good.tar bad.tar
    : > before
    find "$DJ_TMP" -path "$DJ_TMP/store2" -prune -o -type f -print | sort > before
    run -1 --separate-stderr other dj -q import bad.tar
    [ -z "$output" ]
    # shellcheck disable=SC2053 # a pattern
    [[ $stderr == dj:\ bad.tar:\ $2 ]] || { echo "$1: $stderr" >&2; return 1; }
    run -1 dj import --check bad.tar
    [ "$(stored)" -eq "${3-0}" ]
    find "$DJ_TMP" -path "$DJ_TMP/store2" -prune -o -type f -print | sort | diff before -
    [ ! -e /tmp/forged-result ]
}

@test "names, links, devices, doubles: only the member that has to come next is read" {
    refused dotdot "runs/fact/*: its member ../result is not the one that has to come next, runs/fact/*/result"
    refused absolute "runs/fact/*: its member /tmp/forged-result is not the one that has to come next, *"
    refused symlink "runs/fact/*: its member runs/fact/*/result is no plain file"
    refused hardlink "runs/fact/*: its member runs/fact/*/result is no plain file"
    refused device "runs/fact/*: its member runs/fact/*/result is no plain file"
    refused fifo "runs/fact/*: its member runs/fact/*/result is no plain file"
    refused twice "runs/fact/*: its member runs/fact/*/result is not the one that has to come next, runs/fact/*/log"
    refused missing "runs/fact/*: its member runs/fact/*/log is not the one that has to come next, runs/fact/*/result"
    refused extra "its member runs/evil: here a run has to begin, with runs/TASK/ID/manifest"
    refused task "its member runs/../*/manifest: here a run has to begin, with runs/TASK/ID/manifest"
    refused link "runs/fact/*: its member runs/fact/*/files/link leads somewhere else than its run says"
}

@test "sizes, digests, records" {
    refused huge "runs/fact/*: its member runs/fact/*/result has not the size that its run says"
    refused hugerecord "runs/fact/*: its member runs/fact/*/record.cbor is larger than it can be"
    refused digest "runs/fact/*: its member runs/fact/*/result does not have the digest that it has to have"
    refused key-text "runs/fact/*: its member runs/fact/*/key does not have the digest that it has to have"
    refused file "runs/fact/*: its member runs/fact/*/files/sub/note does not have the digest that it has to have"
    refused args "runs/fact/*: its key is not that of its arguments"
    refused record "runs/fact/*: *"
    refused result-of-another "runs/fact/*: it claims to be another run than it is"
    refused folder "runs/fact/*: it claims to be another run than it is"
    refused manifest "runs/fact/*: its manifest has a line that is no digest with a name"
    refused manifest-name "runs/fact/*: its manifest has a name that cannot be"
    refused files-list "runs/fact/*: its list of files is not that of its record"
}

@test "archives of something else" {
    refused format "it is an archive of format 2, and this djfs knows format 1; a newer djfs can read it"
    refused head "it is not an archive of djfs"
    : > empty
    echo text > text
    python3 -c 'import zipfile; zipfile.ZipFile("x.zip", "w").writestr("a", "b")'
    tar cf other.tar text
    run -1 other dj import empty
    [ "$output" = "dj: empty: it is empty" ] || [[ $output == "dj: empty: it is damaged, or no tar file: "* ]]
    run -1 other dj import text
    [[ $output == "dj: text: it is damaged, or no tar file: "* ]]
    run -1 other dj import x.zip
    [[ $output == "dj: x.zip: it is damaged, or no tar file: "* ]]
    run -1 other dj import other.tar
    [ "$output" = "dj: other.tar: it is not an archive of djfs" ]
    run -5 other dj import none.tar
    [ "$output" = "dj: none.tar: No such file or directory" ]
    run -1 other dj import .
    [[ $output == "dj: .: it is a folder; "* ]]
    [ "$(stored)" -eq 0 ]
    # What was whole before is in.
    refused count "it has 1 of its 7 runs*" 1
    refused end "it is cut: its end is missing" 1
    refused behind "its member runs/evil lies behind its end" 1
}

@test "an archive that is cut anywhere gives its whole runs and nothing else" {
    local size cut
    size=$(stat -c %s two.tar)
    for cut in 1 511 512 700 1500 3000 5000 9000 $((size / 2)) $((size - 10240)); do
        head -c "$cut" two.tar > cut.tar
        run -1 dj import --check cut.tar
        [[ $output == *"dj: cut.tar: "*"it is cut"* ]] || [[ $output == *"dj: cut.tar: it is damaged"* ]] ||
            { echo "$cut: $output" >&2; return 1; }
    done
    # The end of the second run is missing: the first is in. How long a record is depends on the times
    # in it.
    cut=$(tar -tRf two.tar | awk -F '[ :]' '/\/result$/ { block = $2 } END { print block * 512 }')
    head -c "$cut" two.tar > cut.tar
    run -1 --separate-stderr other dj import cut.tar
    [[ $stderr == *"it is cut"* ]]
    is "$(stored)" 1
    run -0 other dj fsck --read-data
    [[ $output == *" 0 findings"* ]]
    other dj import --define two.tar
    [ "$(other dj get --cached fact 1)" = 1 ]
}

@test "large content that does not have its digest is refused by the daemon, and goes" {
    dj define big n:int -- sh -c 'head -c 3000000 /dev/zero' sh '{n}'
    dj get big 1 > /dev/null
    dj export -o good.tar big
    python3 "$DJ_SRCDIR/tests/helper/forge-archive.py" digest good.tar bad.tar
    run -1 other dj import bad.tar
    [[ $output == "dj: bad.tar: runs/big/"*"/result does not have the digest that it has to have" ]]
    [ -z "$(ls "$DJ_TMP/store2/import" 2> /dev/null)" ]
    [ -z "$(find "$DJ_TMP/store2/content" -type f)" ]
    other dj import good.tar
}

@test "arguments: each refusal has its sentence and exit code" {
    local word
    says() { # says CODE SENTENCE CMD…
        run "-$1" "${@:3}"
        # shellcheck disable=SC2053 # a pattern
        [[ ${lines[0]} == $2 ]] || { echo "$output" >&2; return 1; }
    }
    says 2 "dj: export: say which runs: RUN, TASK, -f LIST or --all" dj export
    says 5 "dj: there is no task nothing" dj export -o x.tar nothing
    says 5 "dj: fact/77 has no valid result here" dj export -o x.tar fact/77
    says 5 "dj: none: No such file or directory" dj export -o x.tar -f none
    says 2 "dj: tasks/fact/1/result is not the path of a run" dj export -o x.tar tasks/fact/1/result
    says 5 "dj: none/x.tar: No such file or directory" dj export -o none/x.tar fact
    says 2 "dj: export: the option -o wants a value" dj export -o
    says 2 "usage: dj import *" dj import
    says 2 "dj: import: --check changes nothing, so it cannot define" dj import --check --define x
    says 2 "usage: dj sync *" dj sync
    says 5 "dj: $DJ_TMP/none: No such file or directory" dj sync none
    says 2 "dj: $DJ_TMP/good.tar is neither the socket of a daemon nor a folder; \`dj import\` takes an archive" dj sync good.tar
    says 2 "dj: $DJ_CONNECT is the socket of this very store" dj sync "$DJ_CONNECT"
    run -1 sh -c 'dj export fact > /dev/full'
    [[ $output == "dj: the archive cannot be written: "* ]]
    run ! ls x.tar*
    mkdir -p shut
    python3 -c 'import socket; s = socket.socket(socket.AF_UNIX); s.bind("shut/socket")'
    says 69 "dj: *" dj sync shut/socket
    for word in export import sync gc; do
        run -2 dj "$word" --fly
        [ "${lines[0]}" = "dj: $word: there is no option --fly" ]
    done
}
