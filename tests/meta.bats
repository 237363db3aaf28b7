# meta: each of its members against a source of its own.

load helper/djfs

setup_file()
{
    dj_setup
    requires jq b2sum perl
    start_daemon --workers 2
    mkdir "$DJ_TMP/go"
    cat > "$DJ_TMP/works.pl" <<'PERL'
#!/usr/bin/perl
# Busy in user mode and in the kernel until both clocks say so; then what they said.
my $big = "x" x (60 << 20);
my ($user, $system) = (0, 0);
do { $x += $_ for 1 .. 10000; ($user, $system) = times } while $user < 0.2;
do { stat "/" for 1 .. 1000; ($user, $system) = times } while $system < 0.1;
open my $status, "<", "/proc/self/status";
my ($peak) = map { /^VmHWM:\s+(\d+)/ ? $1 : () } <$status>;
print "$user $system $peak\n";
print STDERR "a log\n";
mkdir "d";
for (["a", 3], ["d/b", 70000]) { open my $f, ">", $_->[0]; print $f "y" x $_->[1] }
symlink "a", "l";
PERL
    chmod +x "$DJ_TMP/works.pl"
    define_tasks <<TASKS
[works]
command = ./works.pl {n}
params = n:int
version = 7
timeout = 90s
memory = 4G
max_result = 1M
max_log = 2M
max_files = 3M

[plain]
command = sh -c 'sleep 0.2; test -e $DJ_TMP/go/\$1' sh {n}
params = n:int
retries = 1
retry_delay = 0

[term]
command = sh -c 'kill -TERM \$\$'
TASKS
    before=$(date -u +%FT%T.%6NZ)
    dj get works 1 > "$DJ_TMP/result"
    dj cat tasks/works/1/meta > "$DJ_TMP/meta"
    after=$(date -u +%FT%T.%6NZ)
    export before after
}

teardown_file()
{
    dj_teardown
}

meta()
{
    jq -r "$1" "${2:-$DJ_TMP/meta}"
}

# number EXPRESSION: of jq, true of the meta.
holds()
{
    jq -e "$@" "$DJ_TMP/meta" > /dev/null || { echo "not: $*"; cat "$DJ_TMP/meta"; return 1; } >&2
}

@test "who and what: task, name, key, version, status, host, user, launch" {
    is "$(meta '.task, .name, .version, .status, .state, .launch' | tr '\n' ' ')" "works 1 7 done done process "
    is "$(meta .version)" "$(dj cat tasks/works/.version)"
    is "$(meta .status)" "$(dj cat tasks/works/1/status)"
    dj key works 1 > "$DJ_TMP/key"
    is "$(meta .key)" "$(sed -n 's/^key //p' "$DJ_TMP/key")"
    is "$(meta .effective_version)" "$(sed -n 's/^effective //p' "$DJ_TMP/key")"
    is "$(meta .host)" "$(uname -n)"
    is "$(meta .user)" "$(id -un)"
    is "$(meta .instance)" "$(dj cat events | jq -s 'map(select(.event == "done" and .task == "works"))[-1].instance')"
}

@test "when: the times of others enclose it, and seconds are the difference" {
    [[ $before < $(meta .queued) && ! $(meta .queued) > $(meta .started) ]]
    [[ $(meta .started) < $(meta .ended) && $(meta .ended) < $after ]]
    [ "$(date -d "$(meta .queued)" +%s%6N)" -le "$(date -d "$(meta .started)" +%s%6N)" ]
    us=$(($(date -d "$(meta .ended)" +%s%6N) - $(date -d "$(meta .started)" +%s%6N)))
    holds --argjson us "$us" '.seconds * 1000000 - $us | fabs < 1.5' # each is rounded down
    if fuse_usable; then
        is "$(date -u -r "$MNT/tasks/works/1/result" +%FT%T.%6NZ)" "$(meta .ended)"
    fi
}

ordered_since()
{
    find "$DJ_STORE/work" -name args.json -newer "$1" | grep -q .
}

# Who was called has ended before who called, also when there was no processor for it at first.
@test "when: a run whose process came late has ended when it ended" {
    local late reapers

    dj define late n:int -- echo '{n}'
    dj get late 1
    mapfile -t reapers < <(our_pids dj-reaper)
    [ "${#reapers[@]}" -gt 0 ]
    touch "$DJ_TMP/stopped"
    kill -STOP "${reapers[@]}"
    dj run late 2
    wait_until ordered_since "$DJ_TMP/stopped"
    late=$(date -u +%FT%T.%6NZ)
    kill -CONT "${reapers[@]}"
    is "$(dj get late 2)" 2
    dj cat tasks/late/2/meta > "$DJ_TMP/late"
    [[ $(meta .started "$DJ_TMP/late") < $late && $late < $(meta .ended "$DJ_TMP/late") ]]
}

@test "cpu and memory: at least what the program has seen of itself, and no more than can be" {
    read -r user system peak < "$DJ_TMP/result"
    holds --argjson seen "$user" '.user_seconds >= $seen - 0.011'
    holds --argjson seen "$system" '.system_seconds >= $seen - 0.011'
    holds --argjson cpus "$(nproc)" '.user_seconds + .system_seconds <= .seconds * $cpus + 0.1'
    # The kernel counts pages in batches for each processor.
    holds --argjson seen "$peak" '.max_rss_kib >= $seen - 1024 and .max_rss_kib < $seen * 1.2 + 4096'
    holds --argjson seen "$peak" '(.memory.watched_by | IN("polling", "cgroup")) and .memory.peak >= ($seen - 1024) * 1024'
    dj define light -- true
    dj get light
    is "$(dj cat tasks/light/_/meta | jq -c .memory)" '{"watched_by":"none"}'
}

@test "sizes and digests, as stat and b2sum have them" {
    is "$(meta .result.size)" "$(stat -c %s "$DJ_TMP/result")"
    is "$(meta .result.digest)" "$(b2sum -l 256 < "$DJ_TMP/result" | cut -d' ' -f1)"
    dj cat tasks/works/1/log > "$DJ_TMP/log"
    is "$(meta .log.size)" "$(stat -c %s "$DJ_TMP/log")"
    is "$(meta .log.digest)" "$(b2sum -l 256 < "$DJ_TMP/log" | cut -d' ' -f1)"
    is "$(meta '.files.count, .files.size' | tr '\n' ' ')" "2 70003 "
    if fuse_usable; then
        find "$MNT/tasks/works/1/files" -type f -printf '%s\n' > "$DJ_TMP/sizes"
        is "$(meta .files.count)" "$(wc -l < "$DJ_TMP/sizes")"
        is "$(meta .files.size)" "$(($(paste -sd+ "$DJ_TMP/sizes")))"
    fi
}

@test "limits, as they were defined" {
    is "$(jq -c .limits "$DJ_TMP/meta")" '{"timeout_ms":90000,"memory":4294967296,"max_result":1048576,"max_log":2097152,"max_files":3145728}'
    is "$(meta .exceeded)" null
}

@test "how it ended; tries and attempts, and their history" {
    is "$(meta '.ended_by, .code, .signal, .error, .cancelled_by' | tr '\n' ' ')" "exit 0 null null null "
    is "$(meta '.attempt, .forced, .try' | tr '\n' ' ')" "1 false null "
    run dj get plain 1
    dj cat tasks/plain/1/meta > "$DJ_TMP/failed"
    is "$(meta '.ended_by, .code, .status, .state, .try, .tries, .attempt' "$DJ_TMP/failed" | tr '\n' ' ')" \
        "exit 1 failed failed 2 2 1 "
    is "$(meta .error "$DJ_TMP/failed")" "$(dj cat tasks/plain/1/error)"
    is "$(jq '.seconds >= 0.2' "$DJ_TMP/failed")" true
    is "$(dj cat tasks/plain/1/history/1/meta | jq -r '.ended_by, .try' | tr '\n' ' ')" "exit 1 "
    run dj get term
    is "$(dj cat tasks/term/_/meta | jq -r '.ended_by, .code, .signal' | tr '\n' ' ')" \
        "signal $(kill -l TERM) TERM "
    touch "$DJ_TMP/go/1"
    dj get --force plain 1
    is "$(dj cat tasks/plain/1/meta | jq -r '.state, .forced, .try' | tr '\n' ' ')" "done true 1 "
}

@test "of one under way, and of none" {
    is "$(dj cat tasks/plain/5/meta | jq -r 'keys | join(" ")')" "key name status task"
    dj write ctl pause
    dj run plain 6
    dj run plain 7
    dj cat tasks/plain/7/meta > "$DJ_TMP/queued"
    is "$(meta '.status, .position, .started' "$DJ_TMP/queued" | tr '\n' ' ')" "queued 2 null "
    dj write ctl resume
    dj wait plain 6
    dj wait plain 7
}

@test "every member is in the manual" {
    dj cat tasks/plain/1/meta tasks/term/_/meta tasks/works/1/meta |
        jq -r 'paths | map(select(type == "string"))[-1]' "$DJ_TMP/queued" - | sort -u > "$DJ_TMP/members"
    [ "$(wc -l < "$DJ_TMP/members")" -gt 35 ]
    while read -r member; do
        grep -q "^\.Li $member\b" "${DJ_SRCDIR:-$BATS_TEST_DIRNAME/..}/man/dj-tree.5" || { echo "$member is not in dj-tree(5)" >&2; return 1; }
    done < "$DJ_TMP/members"
}
