# Runs that change stores: dj export, dj import, dj sync.

bats_require_minimum_version 1.5.0
load helper/djfs
load helper/exchange

setup()
{
    dj_setup
    start_daemon --no-mount
    start_other
}

teardown()
{
    dj_teardown
}

# A task that computes by its own runs, says so in $DJ_TMP/computed, and leaves files.
define_fact()
{
    cat > fact.ini << END
[fact]
command = {here}/fact.sh {n}
params = n:int
END
    cat > fact.sh << END
#!/bin/sh
echo "\$1" >> $DJ_TMP/computed
echo "log of \$1" >&2
mkdir sub; echo "left by \$1" > sub/note; ln -s sub/note link; chmod 600 sub/note
[ "\$1" -eq 0 ] && { echo 1; exit; }
echo \$((\$(dj get fact \$((\$1 - 1))) * \$1))
END
    chmod +x fact.sh
    dj define fact.ini
}

computed()
{
    sort -n computed | tr '\n' ' '
}

@test "an archive gives cache hits at once in another store, with all that a run has" {
    define_fact
    [ "$(dj get fact 5)" = 120 ]
    run -0 --separate-stderr dj export -o a.tar fact/5
    [[ $output == "6 runs, "* ]]
    other dj define fact.ini
    run -0 --separate-stderr other dj import a.tar
    [[ $output == "6 runs imported, "* ]]
    [ -z "$stderr" ]
    : > computed
    [ "$(other dj get fact 5)" = 120 ]
    [ "$(other dj get fact 3)" = 6 ]
    [ "$(computed)" = "" ]
    [ "$(other dj why fact 5)" = hit ]
    [ "$(other dj log fact 5)" = "log of 5" ]
    [ "$(other dj cat tasks/fact/5/files/sub/note)" = "left by 5" ]
    [ "$(other dj cat tasks/fact/5/args)" = '{"n":5}' ]
    [[ $(other dj ls tasks/fact/5/deps) == *fact,4* ]]
    diff <(dj key fact 5) <(other dj key fact 5)
    other dj cat tasks/fact/5/meta > meta
    [ "$(jq -r .imported.from meta)" = "$DJ_TMP/a.tar" ]
    [ "$(jq -r .imported.by meta)" = "$(id -un)" ]
    [ "$(jq -r .host meta)" = "$(hostname)" ]
    diff <(jq 'del(.instance, .imported)' meta) <(dj cat tasks/fact/5/meta | jq 'del(.instance)')
    run -0 other dj fsck --read-data
    [[ $output == *" 0 findings"* ]]
    run -0 --separate-stderr other dj import a.tar
    [ "$output" = "nothing new: 6 runs are there already" ]
}

@test "tar, b2sum and an editor read an archive" {
    define_fact
    dj get fact 1
    dj export --all | tar xf -
    [ "$(head -n 1 djfs-archive)" = "djfs archive 1" ]
    [ "$(cat djfs-archive-end)" = "runs 2" ]
    cd "$(dirname "$(grep -lx tasks/fact/1 runs/fact/*/name)")"
    b2sum -l 256 --strict -c manifest
    [ "$(cat result)" = 1 ]
    [ "$(cat log)" = "log of 1" ]
    [ "$(cat files/link)" = "left by 1" ]
    [ "$(jq .n args)" = 1 ]
    [ "$(jq -r .task meta)" = fact ]
    grep -q '^task fact' key
    grep -q '^command = ' definition
    [[ $(cat deps) == "fact key "*" run "* ]]
    [ "$(find . -type f | sort | tr '\n' ' ')" = "./args ./definition ./deps ./files.cbor ./files/sub/note ./key ./log ./manifest ./meta ./name ./record.cbor ./result " ]
}

@test "any selection: runs, tasks, a list, all; with what they called or without; history" {
    define_fact
    dj define twice n:int -- sh -c 'echo $((2 * $1)); echo $$ >&2' sh '{n}'
    dj get fact 3 > /dev/null
    dj get twice 4 > /dev/null
    dj get --force twice 4 > /dev/null
    dj get twice 5 > /dev/null
    runs_in() { tar xOf "$1" --wildcards '*/name' | sort | tr '\n' ' '; }
    dj export -o one.tar fact/1
    [ "$(runs_in one.tar)" = "tasks/fact/0 tasks/fact/1 " ]
    dj export -o two.tar --no-deps tasks/fact/1 twice/4
    [ "$(runs_in two.tar)" = "tasks/fact/1 tasks/twice/4 " ]
    dj export -o task.tar twice
    [ "$(runs_in task.tar)" = "tasks/twice/4 tasks/twice/5 " ]
    dj export -o all.tar --all
    [ "$(tar xOf all.tar --wildcards '*/name' | wc -l)" -eq 6 ]
    printf '%s\n' twice/5 '' '# a word' fact/0 > list
    dj export -o list.tar -f list
    [ "$(runs_in list.tar)" = "tasks/fact/0 tasks/twice/5 " ]
    [ "$(dj export -f - < list 2> said | tar tf - | grep -c '/name$')" -eq 2 ]
    [[ $(cat said) == "2 runs, "* ]]
    dj export -o history.tar --history twice
    [ "$(runs_in history.tar)" = "tasks/twice/4 tasks/twice/4 tasks/twice/5 " ]
    run -0 --separate-stderr dj -q export -o q.tar twice
    [ -z "$output$stderr" ]
    run -0 --separate-stderr dj export --json -o q.tar twice
    [ "$(jq .runs <<< "$output")" -eq 2 ]
    dj invalidate twice/4
    run -5 dj export -o no.tar twice/4
    [ "$output" = "dj: twice/4 has no valid result here" ]
    run -0 --separate-stderr dj export -o valid.tar twice
    [ "$(runs_in valid.tar)" = "tasks/twice/5 " ]
}

@test "runs lie there until their task is defined, and are hits from then on" {
    define_fact
    dj get fact 2 > /dev/null
    dj export --all -o a.tar.zst
    [ "$(file -b --mime-type a.tar.zst)" = application/zstd ]
    run -0 --separate-stderr other dj import - < a.tar.zst
    [ "$output" = "3 runs imported, 351 B" ] || [[ $output == "3 runs imported, "* ]]
    [ "$stderr" = "dj: the task fact is not defined here; its runs are hits when it is (--define brings the definition along)" ]
    run -5 other dj get fact 2
    : > computed
    other dj define fact.ini
    [ "$(other dj get fact 2)" = 2 ]
    [ "$(computed)" = "" ]
}

@test "a definition comes along on request, and never in the place of another" {
    dj define add a:int b:int=7 -- sh -c 'echo $(($1 + $2))' sh '{a}' '{b}'
    dj get add 1 > /dev/null
    dj get add 1 8 > /dev/null
    dj export -o a.tar add
    run -0 --separate-stderr other dj import --define a.tar
    [ -z "$stderr" ]
    other dj get add 1 --cached 2> /dev/null || [ "$(other dj get --cached add 1)" = 8 ]
    [ "$(other dj why add 1 8)" = hit ]
    other dj define add a:int b:int=7 -- sh -c 'echo $(($1 + $2)) really' sh '{a}' '{b}'
    run -0 --separate-stderr other dj import --define a.tar
    [ "$stderr" = "dj: the task add is defined here already, and stays as it is" ]
    [ "$(other dj get add 1)" = "8 really" ]
}

@test "a run that rests on another version is stored and no hit, and why says so" {
    dj define f n:int -- sh -c 'echo one' sh '{n}'
    dj get f 1 > /dev/null
    dj export -o a.tar f
    other dj define f n:int -- sh -c 'echo two' sh '{n}'
    run -0 --separate-stderr other dj import a.tar
    [[ $stderr == "dj: runs of f are no hits here: the task, or what they rest on, is not the same"* ]]
    [[ $(other dj why f 1) == *"definition changed"* ]]
    [ "$(other dj get f 1)" = two ]
    other dj define f n:int -- sh -c 'echo one' sh '{n}'
    [ "$(other dj why f 1)" = hit ]
    [ "$(other dj get f 1)" = one ]
}

@test "an input file is a premise that travels: a hit where the same file is, and nowhere else" {
    dj define count p -- sh -c 'dj get lines "$1"' sh '{p}'
    dj define lines f:file -- wc -l '{f}'
    printf 'a\nb\n' > text
    dj get count "$PWD/text" > /dev/null
    dj export -o a.tar count
    other dj import --define a.tar
    [ "$(other dj why count "$PWD/text")" = hit ]
    other dj get --cached count "$PWD/text"
    echo c >> text
    run -3 other dj get --cached count "$PWD/text"
    [[ $(other dj why count "$PWD/text") == *"text"* ]]
}

@test "one key, two results: both are kept, shown, and the one asked for last answers on both sides" {
    dj define now n:int -- sh -c 'date +%s%N' sh '{n}'
    other dj define now n:int -- sh -c 'date +%s%N' sh '{n}'
    first=$(dj get now 1)
    second=$(other dj get now 1)
    [ "$first" != "$second" ]
    run -0 --separate-stderr dj sync "$OTHER"
    [ "$output" = "sent 1 run, received 1; 1 conflict" ]
    [[ $stderr == "dj: conflict: tasks/now/1: "*" answers, since it was asked for last" ]]
    [ "$(dj get now 1)" = "$second" ]
    [ "$(other dj get now 1)" = "$second" ]
    [ "$(dj ls tasks/now/1/history | wc -l)" -eq 1 ]
    [ "$(dj cat tasks/now/1/history/1/result)" = "$first" ]
    [ "$(other dj cat tasks/now/1/history/2/result)" = "$first" ]
    run -0 --separate-stderr dj sync "$OTHER"
    [ "$output" = "nothing to do: 2 runs here, none to send and none to receive" ]
    third=$(dj get --force now 1)
    [ "$(dj get now 1)" = "$third" ]
    run -0 --separate-stderr other dj sync "$DJ_CONNECT"
    [ "$(other dj get now 1)" = "$third" ]
    dj fsck
    other dj fsck
}

@test "equal results of two stores are no conflict and are not stored twice" {
    define_fact
    dj get fact 2 > /dev/null
    other dj define fact.ini
    other dj get fact 2 > /dev/null
    run -0 --separate-stderr dj sync "$OTHER"
    [ "$output" = "nothing to do: 3 runs here, none to send and none to receive" ]
    [ "$(dj ls tasks/fact/2/history | wc -l)" -eq 0 ]
}

@test "two people sync with one folder, in any order, and a second time there is nothing to do" {
    define_fact
    other dj define fact.ini
    mkdir shared
    dj get fact 3 > /dev/null
    run -0 --separate-stderr dj sync shared
    [ "$output" = "sent 4 runs, received 0" ]
    run -0 --separate-stderr dj sync shared
    [ "$output" = "nothing to do: 4 runs here, none to send and none to receive" ]
    other dj get fact 0 > /dev/null
    find shared -type f | sort | xargs b2sum > before
    run -0 --separate-stderr other dj sync shared
    [ "$output" = "sent 1 run, received 3" ]
    b2sum --quiet -c before
    [ "$(find shared -type f | wc -l)" -eq 5 ]
    : > computed
    [ "$(other dj get fact 3)" = 6 ]
    [ "$(computed)" = "" ]
    other dj get fact 4 > /dev/null
    [ "$(computed)" = "4 " ]
    run -0 --separate-stderr other dj sync --push shared
    [ "$output" = "sent 1 run, received 0" ]
    run -0 --separate-stderr dj sync --pull --json shared
    [ "$(jq -c '[.sent, .imported, .valid]' <<< "$output")" = "[0,1,1]" ]
    dj get --cached fact 4
    # A file that is not whole yet, and one of somebody else.
    part=$(find shared -name '*.tar' | sort | tail -n 1)
    dj get fact 6 > /dev/null
    dj sync --push shared
    whole=$(find shared -name '*.tar' | sort | tail -n 1)
    head -c 3000 "$whole" > half.tar && mv half.tar "$whole"
    echo letter > shared/README
    run -1 other dj sync --pull shared
    [[ $output == *"dj: $DJ_TMP/$whole: "*"it is cut: "* ]]
    [ "${lines[-1]}" = "sent 0 runs, received 1" ]
    rm "$whole"
    cp "$part" "shared/0000000000000000-$(printf %064d 1).tar"
    run -1 other dj sync --pull shared
    [[ $output == *"it is not the run that the archive is named by"* ]]
}

@test "large content, many files, links and odd names arrive as they were" {
    cat > odd.sh << 'END'
#!/bin/bash
head -c 3000000 /dev/urandom | tee out.bin
mkdir -p 'a b/c'; printf x > $'a b/new\nline'; printf y > $'a b/\xff\\'; : > empty; mkdir hollow
ln -s '../empty' 'a b/to'; head -c 2000000 /dev/zero > zero; cp zero zero2; chmod 0500 zero
for i in $(seq 150); do echo $i > "a b/c/$i"; done
head -c 1500000 /dev/zero >&2
END
    chmod +x odd.sh
    dj define odd -- "$PWD/odd.sh"
    dj get odd > result
    dj export -o a.tar odd
    other dj import --define a.tar
    other dj get --cached odd | cmp - result
    other dj log odd | cmp - <(head -c 1500000 /dev/zero)
    diff <(dj_files odd) <(other dj_files odd)
    diff <(dj cat tasks/odd/_/meta | jq 'del(.instance)') \
        <(other dj cat tasks/odd/_/meta | jq 'del(.instance, .imported)')
    other dj cat tasks/odd/_/files/out.bin | cmp - result
    other dj fsck --read-data
    [ -z "$(ls "$DJ_TMP/store2/import" 2> /dev/null)" ]
    # And once more from there: the same archive, but for its head.
    other dj export -o b.tar odd
    diff <(tar tvf a.tar | grep runs/ | grep -v '/\(meta\|manifest\)$') <(tar tvf b.tar | grep runs/ | grep -v '/\(meta\|manifest\)$')
}

@test "a link that leads out of a run is left out, with a word" {
    dj define leak n:int -- sh -c 'ln -s /etc/passwd p; echo {n}'
    dj define fine n:int -- echo '{n}'
    dj get leak 1 > /dev/null
    dj get fine 1 > /dev/null
    run -1 --separate-stderr dj export -o a.tar --all
    [ "$stderr" = "dj: left out: tasks/leak/1: its file p is a link that leads out of the run's files" ]
    [[ $output == "1 run, "*"; 1 left out" ]]
    other dj import --define a.tar
    other dj get --cached fine 1
}

@test "what was deleted, accepted and marked stays so on the way" {
    dj define f n:int -- sh -c 'echo $$' sh '{n}'
    dj get f 1 > /dev/null
    dj get f 2 > /dev/null
    dj bump f > /dev/null
    dj accept f/1
    dj export --history -o a.tar f
    other dj import --define a.tar
    other dj get --cached f 1
    [ "$(other dj cat tasks/f/1/meta | jq '.accepted | length')" -eq 1 ]
    run -3 other dj get --cached f 2
    other dj rm f/1
    run -0 --separate-stderr other dj import a.tar
    [[ $output == "1 run imported, "* ]]
    other dj get --cached f 1
}

@test "the quota holds: nothing half done, and what came before stays" {
    dj define big n:int -- sh -c 'head -c 40000 /dev/zero | tr "\0" "$1"' sh '{n}'
    for n in 1 2 3 4; do dj get big $n > /dev/null; done
    dj export -o a.tar big
    other dj down
    start_other --quota 100000
    run -75 --separate-stderr other dj import --define a.tar
    [[ $stderr == "dj: a.tar: runs/big/"*"the quota of the store is used up: "* ]]
    [[ $stderr == *"dj: 2 runs before that are imported" ]]
    other dj define big n:int -- sh -c 'head -c 40000 /dev/zero | tr "\0" "$1"' sh '{n}'
    other dj get --cached big 2 | wc -c
    run -0 other dj fsck --read-data
    [[ $output == *" 0 findings"* ]]
}

@test "a killed import leaves whole runs, and the next one does the rest" {
    dj define one n:int -- sh -c 'head -c 5000000 /dev/urandom' sh '{n}'
    dj get one 1 > /dev/null
    dj export -o a.tar one
    mkfifo pipe
    (head -c 3000000 a.tar; cat gate 2> /dev/null) > pipe &
    other dj import pipe 2> said || :
    grep -q "it is cut" said
    run -0 other dj fsck --read-data
    [[ $output == *" 0 findings"* ]]
    kill_other
    start_other
    [ ! -e "$DJ_TMP/store2/import" ]
    other dj import a.tar
    other dj fsck --read-data
}
