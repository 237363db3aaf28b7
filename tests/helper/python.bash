# shellcheck shell=bash
#
# What the tests of djfs.py share: a private world in which `python3` is Debian's, for which
# python3-numpy is installed, and finds the djfs.py of the build folder.

# beside_sanitizer: one has to be loaded before Python, so nothing there can use libdj.
beside_sanitizer()
{
    grep -qE -- '^[A-Z_]*CFLAGS = .*-fsanitize=' "${DJ_BUILDDIR:?}/Makefile"
}

not_beside_sanitizer()
{
    ! beside_sanitizer ||
        skip "not beside a sanitizer"
}

# python_setup [beside]: with the word also where the programs have a sanitizer.
python_setup()
{
    requires python3
    [ "${1-}" = beside ] || not_beside_sanitizer
    dj_setup
    mkdir "$DJ_TMP/bin"
    ln -s /usr/bin/python3 "$DJ_TMP/bin/python3"
    export PATH=$DJ_TMP/bin:$PATH PYTHONPATH=$DJ_BUILDDIR
    export PYTHONDONTWRITEBYTECODE=1
    unset PYTHONSAFEPATH PYTHONHOME
}

# py FILE [ARGUMENT…]: a program; what it prints is in `out`, what it says in `err`. One that hangs
# fails.
py()
{
    timeout $((60 * DJ_TIME_FACTOR)) python3 "$@" > out 2> err 3>&- < /dev/null || {
        echo "python3 $1 failed:"
        cat out err
        return 1
    } >&2
}

# said FILE LINE…: the lines of a file, all of them.
said()
{
    local file=$1

    shift
    diff <(printf '%s\n' "$@") "$file" >&2
}
