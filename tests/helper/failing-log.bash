# shellcheck shell=bash
#
# A log of the store that can be told to fail: tests/tools/failing-log.c says by which files in
# $FAILING, which is the folder `failing` of a test that has called failing_log behind dj_setup.

failing_log()
{
    not_beside_a_sanitizer
    export FAILING=$DJ_TMP/failing
    mkdir "$FAILING"
    cc -shared -fPIC -o failing-log.so "$BATS_TEST_DIRNAME/tools/failing-log.c" -ldl
}

# start_on_failing_log [OPTION]…: as start_daemon.
start_on_failing_log()
{
    LD_PRELOAD=$DJ_TMP/failing-log.so start_daemon "$@"
}
