# What djd remembers of answers that it gave: a sweep that is made again and again, and all that may
# happen in between.

load helper/djfs

setup()
{
    dj_setup
    start_daemon --no-mount --workers 2
}

teardown()
{
    dj_teardown
}

# swept TASK: the results of a sweep over n=1..3, which is made three times: computed or read, read and
# remembered, remembered. All have to be equal.
swept()
{
    local first

    first=$(sweep "$1")
    is "$(sweep "$1")" "$first"
    is "$(sweep "$1")" "$first"
    echo "$first"
}

sweep()
{
    dj frame n=1..3 | dj -q map "$1" 2> notes | jq -r .result | paste -sd' '
}

@test "deleted, invalidated, forced, accepted" {
    dj define task n:int -- sh -c 'echo {n} >> "$0"; cat "$1"; echo {n}' "$DJ_TMP/ran" "$DJ_TMP/said"
    echo a > said
    is "$(swept task)" "a 1 a 2 a 3"
    is "$(wc -l < ran)" 3
    echo b > said
    is "$(swept task)" "a 1 a 2 a 3"
    dj rm task 2
    is "$(swept task)" "a 1 b 2 a 3"
    dj invalidate task 1
    is "$(swept task)" "b 1 b 2 a 3"
    echo c > said
    is "$(dj get --force task 3)" "c
3"
    is "$(swept task)" "b 1 b 2 c 3"
    dj invalidate task 3
    dj accept task 3
    is "$(swept task)" "b 1 b 2 c 3"
    is "$(wc -l < ran)" 6
    dj undelete task 2 || :
    is "$(sweep task | wc -l)" 1
}

@test "a new definition, a bump, another task of the name" {
    dj define task n:int -- sh -c 'echo {n}'
    is "$(swept task)" "1 2 3"
    dj define task n:int -- sh -c 'echo -{n}'
    is "$(swept task)" "-1 -2 -3"
    dj define task n:str -- sh -c 'echo "<$0>"' '{n}'
    is "$(swept task)" "<1> <2> <3>"
    dj undefine task
    exits 5 eval 'dj frame n=1 | dj map task'
    dj define task n:int -- sh -c 'echo {n}'
    is "$(swept task)" "1 2 3"
    dj define count n:int -- sh -c 'cat "$0"' "$DJ_TMP/count"
    echo a > count
    is "$(swept count)" "a a a"
    echo b > count
    is "$(swept count)" "a a a"
    dj bump count
    is "$(swept count)" "b b b"
}

@test "what it read is no longer valid: of a call, of a call's call, of a file, of the time" {
    echo 5 > base
    dj define leaf -- sh -c 'cat "$0"' "$DJ_TMP/base"
    dj define middle n:int -- sh -c 'echo $(($(dj get leaf) + {n}))'
    dj define top n:int -- sh -c 'echo $(($(dj get middle {n}) * 2))'
    is "$(swept top)" "12 14 16"
    echo 6 > base
    dj rm leaf
    dj get leaf > /dev/null
    is "$(swept top)" "$(for n in 1 2 3; do dj get top $n; done | paste -sd' ')"
    dj invalidate leaf
    is "$(swept top)" "14 16 18"
    dj invalidate middle 2
    is "$(swept top)" "14 16 18"
    dj define leaf -- sh -c 'echo 7'
    is "$(swept top)" "16 18 20"

    dj define reads n:int f:file -- sh -c 'echo {n}; cat {f}'
    printf 1 > file
    is "$(for _ in 1 2 3; do dj frame | dj -q map reads n=1 f="$DJ_TMP/file" | jq -c .result; done | uniq)" '"1\n1"'
    printf 2 > file
    is "$(for _ in 1 2 3; do dj frame | dj -q map reads n=1 f="$DJ_TMP/file" | jq -c .result; done | uniq)" '"1\n2"'

    cat > tracked.dj << 'END'
[tracks]
params  = n:int
track   = data
command = sh -c 'cat {here}/data'
END
    echo x > data
    dj define tracked.dj
    is "$(swept tracks)" "x x x"
    echo y > data
    is "$(swept tracks)" "y y y"

    cat > ttl.dj << END
[short]
params  = n:int
ttl     = 1s
command = sh -c 'echo {n} >> $DJ_TMP/ticks; wc -l < $DJ_TMP/ticks'
END
    dj define ttl.dj
    is "$(dj frame | dj -q map short n=1 | jq .result)" 1
    wait_until ended_ttl
}

ended_ttl()
{
    [ "$(dj frame | dj -q map short n=1 | jq .result)" -gt 1 ]
}

@test "variables of the caller's, ignored arguments, other words for the same" {
    cat > env.dj << 'END'
[says]
params  = n:int
env     = WORD
command = sh -c 'echo $WORD'
END
    dj define env.dj
    is "$(WORD=a swept says)" "a a a"
    is "$(WORD=b swept says)" "b b b"
    is "$(WORD=a swept says)" "a a a"
    cat > ignore.dj << 'END'
[quiet]
params  = n:int verbose:bool
default.verbose = false
ignore  = verbose
command = sh -c 'echo {n}{verbose}'
END
    dj define ignore.dj
    for _ in 1 2 3; do
        is "$(dj frame | dj -q map quiet n=1 | jq -r .result)" 1false
        is "$(dj frame | dj -q map quiet n=1 verbose=true | jq -r .result)" 1false
        is "$(dj frame | dj -q map quiet n:='"01"' | jq -r .result)" 1false
    done
    exits 1 eval "dj frame | dj map quiet n=x"
    exits 2 eval "dj frame | dj map quiet n=1 n2=2"
}

@test "a program that changed is told of, and a daemon that ends keeps nothing back" {
    printf '#!/bin/sh\necho $1\n' > program
    chmod 755 program
    dj define task n:int -- "$DJ_TMP/program" '{n}'
    is "$(swept task)" "1 2 3"
    [ ! -s notes ]
    printf '#!/bin/sh\necho -$1\n' > program
    is "$(swept task)" "1 2 3"
    grep "program changed since" notes
    dj rm task 1..3
    is "$(swept task)" "-1 -2 -3"
    stop_daemon
    start_daemon --no-mount --workers 2
    is "$(swept task)" "-1 -2 -3"
    is "$(dj frame n=1..4 | dj map --cached -k task 2> /dev/null | jq -r .status | paste -sd' ')" \
        "done done done absent"
}

@test "a run that makes a sweep has called each of its runs, remembered or not" {
    dj define leaf n:int -- echo '{n}'
    is "$(swept leaf)" "1 2 3"
    dj define sums -- sh -c 'dj frame n=1..3 | dj -q map leaf | jq -s "map(.result) | add"'
    is "$(dj get sums)" 6
    is "$(dj ls tasks/sums/_/deps | wc -l)" 3
    dj invalidate leaf 2
    is "$(dj cat tasks/sums/_/status)" stale
    has "$(dj why sums)" "leaf"
}
