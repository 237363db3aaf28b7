# Folders of thousands of runs, listed in pages: plainly, in detail, with seekdir, over a restart.

bats_require_minimum_version 1.5.0
load helper/djfs

setup()
{
    requires_fuse
    dj_setup
    start_daemon --workers 2
    dj define task n:int -- echo '{n}'
    dj define other n:str -- echo '{n}'
    mkdir "$DJ_TMP/folder"
    dj frame n=1..2600 | dj -q map task > /dev/null
}

teardown()
{
    dj_teardown
}

@test "every run once, plainly and in detail, and by one number each" {
    is "$(ls -U "$MNT/tasks/task" | sort -n | md5sum)" "$(seq 2600 | md5sum)"
    is "$(find "$MNT/tasks/task" -maxdepth 1 -type d -name '[0-9]*' | wc -l)" 2600
    same <(ls -iU "$MNT/tasks/task" | sort) \
        <(ls -l "$MNT/tasks/task" > /dev/null; cd "$MNT/tasks/task" && stat -c '%i %n' [0-9]* | sort)
    ls -l "$MNT/tasks/task" > long
    is "$(grep -c '^dr' long)" 2600
    mkdir ro
    djfs -o ro "$DJ_TMP/ro"
    is "$(ls -U ro/tasks/task | sort -n | md5sum)" "$(seq 2600 | md5sum)"
    fusermount3 -u ro
}

@test "seekdir, rewinddir, and a run that comes meanwhile" {
    run -0 perl -e '
        opendir my $d, $ARGV[0] or die; my (@all, @tell);
        while (1) { push @tell, telldir $d; my $e = readdir $d; last unless defined $e; push @all, $e }
        for my $i (2500, 3, 2601, 0, 1100, 1023, 1024, 1025) {
            seekdir $d, $tell[$i]; my $e = readdir $d; die "$i: $e, not $all[$i]" unless $e eq $all[$i];
        }
        system("dj get task 9999 > /dev/null");
        rewinddir $d; my $n = () = readdir $d; print "$n\n"' "$MNT/tasks/task"
    is "$output" 2603
}

@test "runs are taken away while they are listed" {
    run -0 perl -e '
        opendir my $d, $ARGV[0] or die; my $n = 0;
        while (defined(my $e = readdir $d)) {
            next if $e =~ /^\./ || $e % 100; $n++;
            system("dj", "rm", "task", $e) == 0 or die;
        }
        print "$n\n"' "$MNT/tasks/task"
    is "$output" 26
    is "$(ls -U "$MNT/tasks/task" | wc -l)" 2574
}

@test "djd is another one in the middle of a listing" {
    mkfifo go
    perl -e '
        opendir my $d, $ARGV[0] or die; my @all = map { scalar readdir $d } 1 .. 100;
        open my $go, "<", "go" or die; <$go>;
        push @all, readdir $d; print "$_\n" for grep { !/^\./ } @all' "$MNT/tasks/task" > listed 3>&- &
    listing=$!
    exec 7> go
    kill_daemon
    start_daemon --no-mount
    echo >&7
    exec 7>&-
    wait "$listing"
    is "$(sort -n listed | md5sum)" "$(seq 2600 | md5sum)"
}

@test "long names: a page is more than the kernel's buffer takes" {
    for i in $(seq 400); do
        printf 'other\t%0200d\n' "$i"
    done > words
    cut -f2 words | sed 's,^,other/,' > list
    dj -q get -f list > /dev/null
    same <(ls -U "$MNT/tasks/other" | sort) <(cut -f2 words | sort)
    ls -lU "$MNT/tasks/other" > long
    is "$(grep -c '^dr' long)" 400
}
