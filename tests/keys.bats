# What makes two calls the same: each way in which keys can go wrong, end to end.

load helper/djfs

setup_file()
{
    dj_setup
    mkdir "$DJ_TMP/count"
    start_daemon --workers 2
    cat > "$DJ_TMP/tasks.ini" <<TASKS
[greets]
command = sh -c 'echo x >> $DJ_TMP/count/greets; echo "\$1 \${{WHO-nobody}}"' sh {n}
params = n:int
env = WHO

[where]
command = sh -c 'echo "[\${{PLACE-unset}}]"' sh
env = PLACE

[outer]
command = sh -c 'WHO=\$1 dj get greets 1; DJ_X=1 WHO=\$1 cat "\$DJ/tasks/greets/1/result"' sh {who}
params = who
TASKS
    dj define "$DJ_TMP/tasks.ini"
}

teardown_file()
{
    dj_teardown
}

lines()
{
    wc -l < "$1"
}

@test "env = NAME: the caller's value is part of the key and given to the run" {
    is "$(WHO=ann dj get greets 5)" "5 ann"
    is "$(WHO=ben dj get greets 5)" "5 ben"
    is "$(WHO=ann dj get greets 5)" "5 ann"
    is "$(lines "$DJ_TMP/count/greets")" 2
    is "$(WHO=ann dj path greets 5)" tasks/greets/n=5,env.WHO=ann
    is "$(dj ls tasks/greets | sort | tr '\n' ' ')" "n=5,env.WHO=ann n=5,env.WHO=ben "
    is "$(dj cat tasks/greets/n=5,env.WHO=ben/args)" '{"n":5,"env.WHO":"ben"}'
}

@test "env = NAME: a variable that is not set is another call than an empty one" {
    is "$(env -u PLACE dj get where)" "[unset]"
    is "$(PLACE='' dj get where)" "[]"
    is "$(env -u PLACE dj get where)" "[unset]"
    is "$(env -u PLACE dj path where)" tasks/where/env.PLACE=%u
    is "$(PLACE='' dj path where)" tasks/where/env.PLACE=%e
    is "$(PLACE='a,b=c/%u' dj get where)" "[a,b=c/%u]"
    is "$(PLACE=%u dj path where)" tasks/where/env.PLACE=%25u
    is "$(dj cat tasks/where/env.PLACE=%u/result)" "[unset]"
    is "$(dj cat tasks/where/env.PLACE=never-asked-for/result)" "[never-asked-for]"
}

@test "env = NAME: by the tree's messages, by words, by a list and by ctl" {
    is "$(WHO=cat dj cat tasks/greets/7/result)" "7 cat"
    is "$(dj get greets 7 env.WHO=word)" "7 word"
    is "$(printf 'greets/8\ngreets/n=8,env.WHO=listed\n' | WHO=eve dj get -f -)" \
        "$(printf '8 eve\n8 listed')"
    WHO=ctl dj write tasks/greets/.ctl 'run 9'
    wait_until sh -c "dj cat tasks/greets/n=9,env.WHO=ctl/status | grep -q done"
    WHO=run dj run greets 9
    wait_until sh -c "dj cat tasks/greets/n=9,env.WHO=run/status | grep -q done"
}

@test "env = NAME: through the mount, by the opener's environment, and looking computes nothing" {
    requires_fuse
    is "$(WHO=moe cat "$MNT/tasks/greets/20/result")" "20 moe"
    is "$(WHO=may cat "$MNT/tasks/greets/20/result")" "20 may"
    is "$(env -u WHO cat "$MNT/tasks/greets/20/result")" "20 nobody"
    is "$(WHO=moe readlink "$MNT/tasks/greets/20")" n=20,env.WHO=moe
    cat "$MNT/tasks/greets/n=20,env.WHO=quin/result"
    local before
    before=$(lines "$DJ_TMP/count/greets")
    WHO=looker stat -L "$MNT/tasks/greets/21" > /dev/null
    WHO=looker ls -l "$MNT/tasks/greets/21/" > /dev/null
    find "$MNT/tasks/greets" > /dev/null
    is "$(lines "$DJ_TMP/count/greets")" "$before"
    WHO=pen bash -c "echo 'run 22' > '$MNT/tasks/greets/.ctl'"
    wait_until sh -c "dj cat tasks/greets/n=22,env.WHO=pen/status | grep -q done"
}

@test "env = NAME: from inside other runs" {
    requires_fuse
    is "$(dj get outer zoe)" "$(printf '1 zoe\n1 zoe')"
    is "$(dj ls tasks/outer/zoe/deps)" greets,n=1,env.WHO=zoe
}

@test "env = NAME: survives a restart" {
    WHO=ann dj get greets 30
    dj run greets 31 env.WHO=late
    wait_until sh -c "dj cat tasks/greets/n=31,env.WHO=late/status | grep -q done"
    kill_daemon
    start_daemon --workers 2 --no-mount
    is "$(WHO=ann dj get --cached greets 30)" "30 ann"
    is "$(dj cat tasks/greets/n=30,env.WHO=ann/args)" '{"n":30,"env.WHO":"ann"}'
    is "$(WHO=new dj get greets 30)" "30 new"
    [[ "$(dj cat tasks/greets/.definition)" == *"env = WHO"* ]]
}
