# blocked: ten times as many readers as runs, all waiting for one run, and what others notice of that.
# (bench/run)
# shellcheck shell=bash disable=SC2154,SC2034,SC2317 # variables and functions of bench/run

# threads_of PROGRAM: of ours, in this world.
threads_of()
{
    local pid sum=0

    for pid in $(ours "$1"); do
        sum=$((sum + $(sed -n 's/^Threads:[^0-9]*//p' "/proc/$pid/status")))
    done
    echo "$sum"
}

bench_blocked()
{
    local count=$((runs * 10)) i=0 before after pid

    [ -n "$fuse" ] && threads || return 0
    each_thread 1 "$runs"
    cat > gate.sh << 'END'
#!/bin/sh
while [ ! -e "$1/open" ]; do
    sleep 0.05
done
echo opened
END
    chmod 755 gate.sh
    printf '[gate]\ncommand = %s %s\n' "$world/gate.sh" "$world" > gate.dj
    dj define gate.dj > /dev/null
    mount_anew
    before="djd $(threads_of djd), djfs $(threads_of djfs)"
    : > blocked
    seq "$runs" | sed "s,.*,$mnt/tasks/thread/&/result," |
        xargs "$tools/readers" -n "$count" "$mnt/tasks/gate/_/result" > blocked &
    pid=$!
    until grep -q '^done' blocked; do
        kill -0 "$pid" || die "the readers failed"
        sleep 0.1
    done
    after="djd $(threads_of djd), djfs $(threads_of djfs)"
    : > open
    wait "$pid" || die "the readers failed"
    grep -q "^blocked $count\$" blocked || die "too few readers waited"
    awk -v OFS='\t' '$1 == "other" { print "a read meanwhile", n, $2; print "5 ms", n++, 5000000 }' \
        blocked | figures blocked 'a read meanwhile' '5 ms=1.0'
    echo "blocked  threads before: $before; with $count readers: $after"
    printf '{"bench":"blocked","readers":%d,"threads":{"before":"%s","blocked":"%s"}}\n' \
        "$count" "$before" "$after" >> "$json"
    [ "$before" = "$after" ] || missed=1
}
