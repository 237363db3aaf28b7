# How runs are looked at: status, tasks, show, log, events, and the bar of what takes its time.

load helper/djfs

setup_file()
{
    dj_setup
    start_daemon --workers 2 --no-mount
    define_tasks << 'END'
[pause]
params = n:int
command = sh -c 'sleep 0.25; echo "$1"' sh {n}
END
}

teardown_file()
{
    dj_teardown
}

# on_terminal CMD: its output, stderr and stdout mixed, as a terminal of 80 columns gets it; status.
on_terminal()
{
    script -qec "stty cols 80; $1" /dev/null < /dev/null
}

# pauses FROM TO: paths of runs that take a quarter of a second each, two at a time.
pauses()
{
    seq -f tasks/pause/%.0f "$1" "$2"
}

# ---- the bar -------------------------------------------------------------------------------------

@test "bar: on a terminal a list of runs shows one that moves, and nothing is left of it" {
    requires script
    pauses 1 14 > list
    on_terminal "dj get -f list > got" > seen
    is "$(cat got)" "$(seq 14)"
    [ "$(grep -oaE '\[=*> *\] [0-9]+/14 [0-9]+ % eta [0-9]+ s' seen | sort -u | wc -l)" -ge 3 ]
    # Drawn anew on one line, and taken away at the end.
    is "$(tr -cd '\n' < seen | wc -c)" 0
    is "$(tail -c 4 seen | od -An -c | tr -d ' ')" '\r033[K'

    # Results on the same terminal come out whole.
    pauses 21 34 > list
    on_terminal "dj get -f list" > seen
    grep -qa 'eta' seen
    is "$(sed 's/\r$//; s/.*\x1b\[K//' seen)" "$(seq 21 34)"
}

@test "bar: elsewhere it is a plain line, with -q nothing, and within a second nothing" {
    pauses 41 54 > list
    dj get -f list > got 2> said
    is "$(cat got)" "$(seq 41 54)"
    grep -qxE 'dj: results: [0-9]+ of 14, [0-9]+ %, eta [0-9]+ s' said
    is "$(tr -cd '\r\033' < said)" ""
    dj get -f list > got 2> said
    is "$(cat said)" ""
    pauses 61 74 > list
    on_terminal "dj -q get -f list > got" > seen
    is "$(cat seen)" ""
    TERM=dumb on_terminal "dj get --force -f list > got" > seen
    is "$(tr -cd '\033' < seen)" ""
    grep -qa 'dj: results: ' seen
}

@test "bar: many are deleted at once; what one is refused is said by its path" {
    dj get -f - > got < <(pauses 81 84)
    exits 5 dj rm tasks/pause/81 tasks/pause/82 tasks/pause/99 tasks/pause/83
    is "$output" "dj: tasks/pause/99: nothing is stored of this run, so nothing is deleted"
    exits 0 dj get --cached pause 84
    for n in 81 82 83; do
        exits 3 dj get --cached pause "$n"
    done
}
