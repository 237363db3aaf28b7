# dj get --ignore and --keep: parameters left out of account for one request.

load helper/djfs

setup()
{
    dj_setup
    mkdir "$DJ_TMP/count"
    start_daemon --workers 2 --no-mount
    define_tasks <<TASKS
[fit]
command = sh -c 'echo x >> $DJ_TMP/count/fit; echo "fit {n} {seed} {verbose} \$X"'
params = n:int, seed:int, verbose:int
default.verbose = 0

[words]
command = sh -c 'wc -w < "\$1"' sh {text}
params = text:file, how
default.how = fast
TASKS
}

teardown()
{
    dj_teardown
}

computed()
{
    cat "$DJ_TMP/count/fit" 2> /dev/null | wc -l
}

@test "the call itself answers; else the newest valid run that agrees; else it is computed" {
    is "$(dj get --ignore verbose fit 1 7 1)" "fit 1 7 1 "
    is "$(dj get --ignore verbose fit 1 7 2)" "fit 1 7 1 "
    is "$(computed)" 1
    is "$(dj get fit 1 7 2)" "fit 1 7 2 "
    is "$(computed)" 2
    # Newer by now, and both agree with a third; each of the two is itself.
    is "$(dj get --ignore verbose fit 1 7 3)" "fit 1 7 2 "
    is "$(dj get --ignore verbose fit 1 7 1)" "fit 1 7 1 "
    # Other counted arguments do not agree.
    is "$(dj get --ignore verbose fit 1 8 3)" "fit 1 8 3 "
    is "$(computed)" 3
    is "$(dj ls tasks/fit | tr '\n' ' ')" "n=1,seed=7,verbose=1 n=1,seed=7,verbose=2 n=1,seed=8,verbose=3 "
    # The newest instance counts, not the newest call.
    dj get --force fit 1 7 1 > /dev/null
    is "$(dj get --ignore verbose fit 1 7 3)" "fit 1 7 1 "
}

@test "keep, more than one, both spellings of many, and a path" {
    is "$(dj get fit 1 7)" "fit 1 7 0 "
    is "$(dj get --keep n fit 1 9 5)" "fit 1 7 0 "
    is "$(dj get --ignore seed --ignore verbose fit 1 9 5)" "fit 1 7 0 "
    is "$(dj get --ignore seed,verbose fit 1 9 5)" "fit 1 7 0 "
    is "$(dj get --keep n,verbose fit 1 9 0)" "fit 1 7 0 "
    is "$(dj get --ignore seed tasks/fit/n=1,seed=9,verbose=0)" "fit 1 7 0 "
    is "$(computed)" 1
    is "$(dj get --keep n,verbose fit 1 9 5)" "fit 1 9 5 "
}

@test "what is stale, failed or deleted does not answer; what is brought back does" {
    dj get fit 1 1 > /dev/null
    dj get fit 1 2 > /dev/null
    is "$(dj get --ignore seed fit 1 3)" "fit 1 2 0 "
    dj write tasks/fit/n=1,seed=2,verbose=0/ctl invalidate
    is "$(dj get --ignore seed fit 1 3)" "fit 1 1 0 "
    dj write tasks/fit/n=1,seed=1,verbose=0/ctl delete
    exits 3 dj get --cached --ignore seed fit 1 3
    # Looked through while one is deleted.
    exits 3 dj get --cached --ignore seed,verbose fit 1 3 4
    dj undelete fit n=1,seed=1,verbose=0 > /dev/null
    is "$(dj get --cached --ignore seed fit 1 3)" "fit 1 1 0 "
    is "$(dj get --cached --ignore seed,verbose fit 1 3 4)" "fit 1 1 0 "
    dj bump fit > /dev/null
    exits 3 dj get --cached --ignore seed fit 1 3
    is "$(dj get --ignore seed fit 1 3)" "fit 1 3 0 "
    define_tasks <<TASKS
[fit]
command = sh -c '[ {seed} -ne 5 ] && echo {n}'
params = n:int, seed:int, verbose:int
default.verbose = 0
TASKS
    exits 1 dj get --ignore seed fit 1 5
    exits 3 dj get --cached --ignore seed fit 1 6
}

@test "with force, incognito and cached" {
    is "$(dj get fit 1 7)" "fit 1 7 0 "
    is "$(dj get --force --ignore seed fit 1 8)" "fit 1 8 0 "
    is "$(dj get --incognito --ignore seed fit 1 9)" "fit 1 8 0 "
    is "$(computed)" 2
    is "$(dj get --incognito --ignore seed fit 2 9)" "fit 2 9 0 "
    is "$(computed)" 3
    exits 3 dj get --cached --ignore seed fit 2 8
    is "$(dj get --cached --ignore seed fit 1 1)" "fit 1 8 0 "
}

@test "what is no parameter is refused by name, and so are both at once" {
    exits 2 dj get --ignore bogus fit 1 2
    has "$output" "fit has no parameter bogus to ignore"
    exits 2 dj get --keep bogus fit 1 2
    has "$output" "fit has no parameter bogus to keep"
    exits 2 dj get --ignore n --keep n fit 1 2
    has "$output" "exclude each other"
    exits 2 dj get --force --ignore bogus fit 1 2
    exits 2 dj memo --ignore n true
    is "$(computed)" 0
}

@test "a list, a file that is ignored and one that counts" {
    echo a b > "$DJ_TMP/one"
    echo a b c > "$DJ_TMP/two"
    is "$(dj get words "$DJ_TMP/one")" 2
    is "$(dj get --ignore how words "$DJ_TMP/one" slow)" 2
    is "$(dj get --ignore how words "$DJ_TMP/two" slow)" 3
    is "$(dj get --ignore text words "$DJ_TMP/one" slow)" 3
    printf 'fit/n=1,seed=%s,verbose=0\n' 1 1 > "$DJ_TMP/list"
    is "$(dj get --ignore seed -f "$DJ_TMP/list" | sort -u)" "fit 1 1 0 "
    printf 'fit/n=1,seed=%s,verbose=0\n' 1 2 3 4 > "$DJ_TMP/list"
    is "$(dj get --ignore seed -f "$DJ_TMP/list" | sort -u)" "fit 1 1 0 "
    is "$(computed)" 1
    exits 1 dj get --ignore bogus -f "$DJ_TMP/list"
    has "$output" "list:1: fit has no parameter bogus to ignore"
}

@test "inside a run the edge goes to the run that answered" {
    dj define top -- sh -c 'dj get --ignore seed fit 1 9'
    dj get fit 1 7 > /dev/null
    is "$(dj get top)" "fit 1 7 0 "
    is "$(dj ls tasks/top/_/deps)" "fit,n=1,seed=7,verbose=0"
    dj get fit 1 9 > /dev/null
    is "$(dj get top)" "fit 1 7 0 "
    dj write tasks/fit/n=1,seed=7,verbose=0/ctl invalidate
    is "$(dj cat tasks/top/_/status)" stale
    is "$(dj get top)" "fit 1 9 0 "
}

@test "runs that end later, a redefinition and a restart" {
    dj get --ignore seed fit 1 1 > /dev/null
    seq 2 30 | sed 's,.*,fit/n=&\,seed=1\,verbose=0,' > "$DJ_TMP/list"
    dj get -f "$DJ_TMP/list" > /dev/null
    is "$(dj get --ignore seed fit 17 3)" "fit 17 1 0 "
    is "$(dj get --ignore verbose fit 17 1 3)" "fit 17 1 0 "
    stop_daemon
    start_daemon --workers 2 --no-mount
    is "$(dj get --ignore seed fit 17 3)" "fit 17 1 0 "
    is "$(computed)" 30
    # The same parameters in another order: what was known of their places is forgotten.
    define_tasks <<TASKS
[fit]
command = sh -c 'echo x >> $DJ_TMP/count/fit; echo "fit {n} {seed} {verbose} \$X"'
params = seed:int, n:int, verbose:int
default.verbose = 0
TASKS
    has "$(dj get --ignore n fit 1 99)" " 1 0 "
    is "$(computed)" 30
    define_tasks <<TASKS
[fit]
command = sh -c 'echo x >> $DJ_TMP/count/fit; echo "fit {n} {seed} {verbose} \$X"'
params = seed:int, n:int, verbose:int, more:int
default.verbose = 0
default.more = 0
TASKS
    is "$(dj get --ignore more fit 1 17 0 5)" "fit 17 1 0 "
    is "$(dj get --ignore seed fit 3 17)" "fit 17 1 0 "
    is "$(computed)" 30
}

@test "while the runs are looked through others are answered, and who waits may go" {
    local n pids=()
    seq "${DJ_ALIKE:-600}" | sed 's,.*,fit/n=&\,seed=1\,verbose=0,' > "$DJ_TMP/list"
    dj get -f "$DJ_TMP/list" > /dev/null
    stop_daemon
    start_daemon --workers 2 --no-mount
    for n in 1 2 3 4; do
        dj get --ignore seed fit "$n" 2 > "out.$n" 3>&- &
        pids+=($!)
    done
    wait "${pids[@]}"
    is "$(cat out.1 out.4)" "fit 1 1 0 
fit 4 1 0 "
    stop_daemon
    start_daemon --workers 2 --no-mount
    exits 124 dj get --timeout 0.001 --ignore seed fit 1 1000 || exits 0 dj get --ignore seed fit 1 1000
    is "$(dj get --ignore seed fit 599 2)" "fit 599 1 0 "
}
