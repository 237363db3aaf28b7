# resweep: a sweep of which everything is there, each row a run of its own, beside ninja with as many
# files and nothing to do. (bench/run)
# shellcheck shell=bash disable=SC2154,SC2034,SC2317 # variables and functions of bench/run

map_csv()
{
    dj -q map --csv --to csv -i rows.csv thread > out.csv
}

get_list()
{
    dj -q get -f list > out
}

nothing_to_do()
{
    ninja -C outputs > ninja.log
}

# A rule that is a generator asks for no entry in ninja's log, so the files need no first build of
# minutes; what is left is what ninja always does, a stat and a comparison of times for each.
make_outputs()
{
    rm -rf outputs
    mkdir outputs
    (cd outputs && : > source && seq "$1" | xargs touch)
    {
        printf 'rule make\n  command = false\n  generator = 1\n'
        seq "$1" | sed 's/.*/build &: make source/'
    } > outputs/build.ninja
}

bench_resweep()
{
    local n=$((runs * 100)) round

    threads || return 0
    each_thread 1 "$n"
    seq "$n" > numbers
    { echo n; cat numbers; } > rows.csv
    sed 's,^,thread/,' numbers > list
    ! has ninja ninja-build || make_outputs "$n"
    for ((round = 0; round < rounds; round++)); do
        timed 'dj get' "$round" "$n" get_list
        cmp -s numbers out || die "dj get gave other results than it should"
        timed 'dj map, CSV' "$round" "$n" map_csv
        [ "$(tail -n +2 out.csv | cut -d, -f1 | cmp - numbers && tail -n +2 out.csv | wc -l)" = "$n" ] ||
            die "dj map gave other results than it should"
        printf '20 us a row\t%d\t20000\n' "$round"
        if [ -d outputs ]; then
            timed ninja "$round" "$n" nothing_to_do
            grep -q 'no work to do' ninja.log || die "ninja had work to do"
        fi
    done > rounds
    grep -v '^dj map' rounds | figures resweep 'dj get' '20 us a row=1.0;ninja=1.0'
    grep -v '^dj get' rounds | figures resweep 'dj map, CSV' '20 us a row=1.0;ninja=1.0'
}
