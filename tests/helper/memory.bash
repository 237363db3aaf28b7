# What the tests of the limits of memory share.

setup()
{
    dj_setup
    requires perl
}

teardown()
{
    dj_teardown
}

tasks()
{
    cat > eat.pl <<'PERL'
#!/usr/bin/perl
$x = "x" x ($ARGV[0] << 20);
sleep $ARGV[1];
print "5\n"
PERL
    chmod +x eat.pl
    define_tasks <<TASKS
[hog]
command = ./eat.pl 200 60
memory = 100M

[herd]
command = sh -c '{here}/eat.pl 60 60 & {here}/eat.pl 61 60 & sleep 60'
memory = 100M

[modest]
command = ./eat.pl 20 0
memory = 100M

[patient]
command = sh -c '{here}/eat.pl 20 60'
memory = 100M

[nested]
command = sh -c 'd=\$(sed -n "s,^0::,$point,p" /proc/self/cgroup) && mkdir \$d/deep \$d/deep/er && echo 3'
memory = 100M

[outside]
command = sh -c 'echo 0 > $DJ_TMP/tight/cgroup.procs && exec {here}/eat.pl 200 60'

[falls]
command = sh -c 'kill -KILL \$\$'
TASKS
}

rmdir_all()
{
    find "$1" -depth -type d -exec rmdir {} \;
    [ ! -e "$1" ]
}

meta()
{
    dj cat "tasks/$1/_/meta" | jq -r "$2"
}
