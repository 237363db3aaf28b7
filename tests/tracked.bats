# Tracked files that change while runs are queued, under way or accepted: a result is valid for what
# they were all the time that its run took, and for nothing else.

load helper/djfs
load helper/gatefs

setup()
{
    dj_setup
    file=$DJ_TMP/file
    echo good > "$file"
}

teardown()
{
    touch "$DJ_TMP/go" "$DJ_TMP/gate-1" "$DJ_TMP/gate-2"
    dj_teardown
}

# define_reads COMMAND: a task that tracks $file; COMMAND is for a shell.
define_reads()
{
    dj define reads track="$file" -- sh -c "$1"
}

is_queued()
{
    [ "$(dj cat tasks/reads/_/status)" = queued ]
}

started()
{
    [ "$(cat "$DJ_TMP/started" 2> /dev/null | wc -l)" -eq "$1" ]
}

# is_good: no result for what the file was meanwhile is taken for one of what it is now.
is_good()
{
    is "$(dj cat tasks/reads/_/status)" stale
    exits 3 dj get --cached reads
    is "$(get reads)" good
    is "$(get --cached reads)" good
}

# ---- a run that waits, or goes on ----------------------------------------------------------------

@test "what a queued run is valid for is what the file is when it starts" {
    local busy reads

    start_daemon --workers 1 --no-mount
    dj define busy -- sh -c "touch $DJ_TMP/is-busy; until [ -e $DJ_TMP/go ]; do sleep 0.02; done"
    define_reads "cat $file"
    dj get busy 3>&- &
    busy=$!
    wait_until test -e "$DJ_TMP/is-busy"
    dj get reads > "$DJ_TMP/got" 3>&- &
    reads=$!
    wait_until is_queued
    echo BAD > "$file"
    touch "$DJ_TMP/go"
    wait "$busy"
    wait "$reads"
    is "$(cat "$DJ_TMP/got")" BAD
    echo good > "$file"
    is_good
    echo BAD > "$file"
    is "$(get --cached reads)" BAD
}

# Gives what it reads once gate-1 is there, and ends once gate-2 is.
define_slow()
{
    define_reads "echo x >> $DJ_TMP/started
        until [ -e $DJ_TMP/gate-1 ]; do sleep 0.02; done
        cat $file; touch $DJ_TMP/has-read
        until [ -e $DJ_TMP/gate-2 ]; do sleep 0.02; done"
    dj get reads > "$DJ_TMP/got" 3>&- &
    wait_until started 1
    echo BAD > "$file"
    touch "$DJ_TMP/gate-1"
    wait_until test -e "$DJ_TMP/has-read"
}

@test "a file that was another one while a run went on, and is what it was when that ends" {
    start_daemon --workers 2 --no-mount
    define_slow
    echo good > "$file"
    touch "$DJ_TMP/gate-2"
    wait $! || :
    is_good
    started 2
}

@test "a file that changed while a run went on, and is what it was again after its end" {
    start_daemon --workers 2 --no-mount
    define_slow
    touch "$DJ_TMP/gate-2"
    wait $! || :
    echo good > "$file"
    is_good
    started 2
}

@test "who asks while a forced run goes on does not get what the file was before" {
    start_daemon --workers 2 --no-mount
    define_reads "cat $file; echo x >> $DJ_TMP/started
        [ \$(wc -l < $DJ_TMP/started) -gt 1 ] || until [ -e $DJ_TMP/go ]; do sleep 0.02; done"
    dj get --force reads > "$DJ_TMP/got" 3>&- &
    wait_until started 1
    echo newer > "$file"
    is "$(get reads)" newer
    touch "$DJ_TMP/go"
    wait $!
    is "$(cat "$DJ_TMP/got")" good
    is "$(get reads)" newer
    started 2
}

# ---- a file that takes long to read --------------------------------------------------------------

# slow_file: $file is one that nobody can read while there is a gate; get reads gives how often it
# was computed.
slow_file()
{
    requires_fuse
    start_daemon --workers 2 --no-mount
    truncate -s 8M "$DJ_TMP/backing"
    start_gatefs
    file=$GATED
    define_reads "echo x >> $DJ_TMP/started; wc -l < $DJ_TMP/started"
    is "$(get reads)" 1
}

# change_slowly: the file is another one, and cannot be read yet.
change_slowly()
{
    : > "$DJ_TMP/gate"
    printf x >> "$DJ_TMP/backing"
}

cannot_accept()
{
    exits 75 dj accept tasks/reads/_
    is "$output" "dj: a file that reads tracks is being read; ask again in a moment"
}

accepts()
{
    dj accept tasks/reads/_
}

@test "accept is refused while the file is read, and is what it is afterwards" {
    slow_file
    change_slowly
    cannot_accept
    wait_until is_reading
    cannot_accept
    exits 3 dj get --cached reads
    is "$(dj cat tasks/reads/_/status)" stale
    rm "$DJ_TMP/gate"
    wait_until accepts
    is "$(get --cached reads)" 1
    started 1
}

@test "what was accepted does not answer while the file is read again, and nothing stale does" {
    slow_file
    printf x >> "$DJ_TMP/backing"
    wait_until accepts
    is "$(get --cached reads)" 1
    change_slowly
    exits 3 dj get --cached reads
    cannot_accept
    dj get reads > "$DJ_TMP/got" 3>&- &
    wait_until is_queued
    wait_until is_reading
    exits 3 dj get --cached reads
    printf x >> "$DJ_TMP/backing"
    exits 3 dj get --cached reads
    rm "$DJ_TMP/gate"
    wait $!
    is "$(cat "$DJ_TMP/got")" 2
    is "$(get --cached reads)" 2
}
