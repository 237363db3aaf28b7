# The examples of examples/tasks.ini on real input.

load helper/djfs

setup_file()
{
    dj_setup
    start_daemon --workers 2
    dj define "$DJ_SRCDIR/examples/tasks.ini"
}

teardown_file()
{
    dj_teardown
}

@test "factorial" {
    is "$(dj get factorial 5)" 120
    is "$(dj ls tasks/factorial | wc -l)" 6
    requires_fuse
    is "$(cat "$MNT/tasks/factorial/6/result")" 720
}

@test "word statistics over the licences" {
    local licences=/usr/share/common-licenses
    dj get merge "$licences/GPL-3" "$licences/Apache-2.0" > "$DJ_TMP/merged"
    is "$(dj ls tasks/words | wc -l)" 2
    is "$(head -n 1 "$DJ_TMP/merged" | cut -f 1)" the
}

@test "a vector by numpy, read back from files/" {
    [ "$(dj get random_vector 1000 7)" = "$(dj get random_vector 1000 7)" ]
    dj cat "tasks/random_vector/n=1000,seed=7/files/vec.npy" > "$DJ_TMP/vec.npy"
    is "$(/usr/bin/python3 -c 'import numpy, sys; print(numpy.load(sys.argv[1]).shape)' "$DJ_TMP/vec.npy")" \
        "(1000,)"
    requires_fuse
    is "$(/usr/bin/python3 -c 'import numpy, sys; print(numpy.load(sys.argv[1], mmap_mode="r").shape)' \
        "$MNT/tasks/random_vector/n=1000,seed=7/files/vec.npy")" "(1000,)"
}
