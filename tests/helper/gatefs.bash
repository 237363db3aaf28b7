# A mount of another program, whose one file nobody can read while there is a gate.

# start_gatefs [GATE]: $GATED is the file, $DJ_TMP/backing what it holds, $DJ_TMP/GATE the gate.
start_gatefs()
{
    GATE=$DJ_TMP/${1:-gate} GATED=$DJ_TMP/slow/file
    mkdir "$DJ_TMP/slow"
    "$DJ_BUILDDIR/tests/tools/gatefs" "$DJ_TMP/backing" "$GATE" "$DJ_TMP/slow" \
        > "$DJ_TMP/gatefs.out" 3>&- &
    GATEFS=$!
    on_exit end_gatefs
    wait_until grep -q ready "$DJ_TMP/gatefs.out"
}

end_gatefs()
{
    rm -f "$GATE"
    kill "$GATEFS" 2> /dev/null || :
    wait "$GATEFS" 2> /dev/null || :
}

# is_reading: the daemon has the file open at this moment.
is_reading()
{
    find "/proc/$(our_pids djd)/fd" -lname "$GATED" 2> /dev/null | grep -q .
}
