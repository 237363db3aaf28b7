# dj get -f: a list of paths gives what `dj get` of each gives, though they travel in groups and djd
# remembers what it answered.

bats_require_minimum_version 1.5.0
load helper/djfs

setup()
{
    dj_setup
    start_daemon --no-mount --workers 2
    define_tasks <<'TASKS'
[double]
command = sh -c 'echo x >> "$1/runs"; echo $(($2 * 2))' sh {here} {n}
params = n:int

[mult]
command = sh -c 'echo $(($1 * $2))' sh {a} {b}
params = a:int b:int

[says]
command = printf %s {text}
params = text

[bad]
command = sh -c 'echo oh dear >&2; exit 3'
params = n:int

[keyed]
command = sh -c 'echo "$WHO $1"' sh {n}
params = n:int
env = WHO
TASKS
}

teardown()
{
    dj_teardown
}

# each OPTION…: what dj get says of the lines of the file list, one after the other, in want; and what
# it cannot give, by its line, in said.want.
each()
{
    local line number=0

    : > want
    : > said.want
    while IFS= read -r line || [ -n "$line" ]; do
        number=$((number + 1))
        [ -z "$line" ] || dj -q get "$@" "$line" >> want 2> one ||
            sed "s/^dj: /dj: list:$number: /" one >> said.want
    done < list
}

# as_each STATUS OPTION…: the list gives the same, three times: told apart from what was remembered.
as_each()
{
    local status=$1 times

    shift
    each "$@"
    for times in 1 2 3; do
        run -"$status" sh -c 'dj -q get "$@" -f list > got 2> said' sh "$@"
        same got want
        same said said.want
    done
}

@test "of many tasks, in any order, spelled in any way" {
    for n in $(seq 40); do
        printf '%s\n' "double/$n" "mult/$n,2" "says/$n" "tasks/double/$((n % 7))/" "keyed/$n,env.WHO=me"
    done > list
    WHO=eve as_each 0
    printf '%s\n' mult/3,4 mult/b=4,a=3 mult/a=3,b=4 mult/+3,04 'says/a b%2Fc' 'says/a%20b' says/%41 \
        says/A says/100%25 says/%2C double/007 double/-0 > list
    printf 'says/no newline' >> list
    as_each 0
    is "$(sort runs | uniq -c | tr -s ' ')" " 41 x"
}

@test "a word and a name of the same letters are not the same" {
    dj get says %41 > /dev/null
    printf 'text\n%%41\n%%2C\n' > words.csv
    for _ in 1 2 3; do
        is "$(dj -q map --csv --to csv -i words.csv says | cut -d, -f4 | paste -sd' ')" "result %41 %2C"
        is "$(printf 'says/%%41\nsays/%%2C\n' | dj get -f -)" A,
    done
}

@test "what there is none of, each by its line" {
    printf '%s\n' double/1 nothing/1 double/x bad/1 double/9 mult/3 mult/3,4,5 mult/c=3,d=4 .x/1 \
        double/.x says/.x bad/2 'says/%h0000' says/~x memo/_ a/b/c double/1/result no/way/to/go \
        'double/%zz' double/@x keyed/8 double/2 > list
    as_each 1
    [ "$(wc -l < said)" -gt 12 ]
    as_each 1 --cached
    WHO=eve as_each 1
}

@test "in a list a sweep is a name as any other" {
    printf '%s\n' double/1 double/1..3 'double/{1;2}' tasks/double double/ double says/1..3 > list
    run -1 sh -c 'dj -q get -f list > got 2> said'
    is "$(cat got)" "2
1..3"
    is "$(cut -d: -f1-3 said | paste -sd' ')" "dj: list:2 dj: list:3 dj: list:4 dj: list:5 dj: list:6"
    is "$(grep -c 'not the path of a run, which is TASK/NAME' said)" 3
}

@test "--cached, --force and --incognito are for each" {
    printf '%s\n' double/1 double/2 mult/3,4 > list
    dj get double 1 > /dev/null
    run -1 sh -c 'dj -q get --cached -f list > got 2> said'
    is "$(cat got)" 2
    has "$(cat said)" "list:2: not computed yet"
    has "$(cat said)" "list:3: not computed yet"
    is "$(wc -l < runs)" 1
    is "$(dj get --incognito -f list | paste -sd' ')" "2 4 12"
    is "$(wc -l < runs)" 2
    exits 3 dj get --cached double 2
    is "$(dj get --force -f list | paste -sd' ')" "2 4 12"
    is "$(wc -l < runs)" 4
    is "$(dj get --force -f list | paste -sd' ')" "2 4 12"
    is "$(wc -l < runs)" 6
    exits 2 dj get --force --cached -f list
    printf '%s\n' double/5 double/5 double/5 > list
    is "$(dj get -f list | paste -sd' ')" "10 10 10"
    is "$(wc -l < runs)" 7
}

@test "between two lists: deleted, forced, invalidated, defined anew, undefined" {
    dj define task n:int -- sh -c 'cat "$1"; echo {n}' sh "$DJ_TMP/word"
    printf 'task/%d\n' 1 2 3 > list
    echo a > word
    as_each 0
    is "$(paste -sd' ' got)" "a 1 a 2 a 3"
    echo b > word
    dj rm task 2
    as_each 0
    is "$(paste -sd' ' got)" "a 1 b 2 a 3"
    dj invalidate task 1
    dj get -f list > got
    is "$(paste -sd' ' got)" "b 1 b 2 a 3"
    echo c > word
    dj get --force task 3 > /dev/null
    dj get -f list > got
    is "$(paste -sd' ' got)" "b 1 b 2 c 3"
    dj bump task
    dj get -f list > got
    is "$(paste -sd' ' got)" "c 1 c 2 c 3"
    dj define task n:int -- sh -c 'echo -{n}'
    dj get -f list > got
    is "$(paste -sd' ' got)" "-1 -2 -3"
    as_each 0
    dj define task n -- printf '<%s>' '{n}'
    dj get -f list > got
    is "$(cat got)" "<1><2><3>"
    as_each 0
    dj undefine task
    as_each 1
    dj define other n:int -- echo other
    as_each 1
    dj define task n:int -- echo '{n}'
    dj get -f list > got
    is "$(paste -sd' ' got)" "1 2 3"
}

@test "a run that fails, and then does not" {
    dj define moody n:int -- sh -c 'echo "$1"; test -e "$0" || exit 4' "$DJ_TMP/good" '{n}'
    printf '%s\n' moody/1 double/1 moody/2 > list
    run -1 sh -c 'dj -q get -f list > got 2> said'
    is "$(cat got)" 2
    has "$(cat said)" "list:1: moody/1 failed with exit code 4"
    has "$(cat said)" "list:3: moody/2 failed with exit code 4"
    touch good
    dj invalidate moody 1 || dj rm moody 1
    dj get --force moody 1 > /dev/null
    dj get --force moody 2 > /dev/null
    as_each 0
    is "$(paste -sd' ' got)" "1 2 2"
}

@test "memos by their names, as dj get has them" {
    dj memo sh -c 'echo once' > /dev/null
    dj memo sh -c 'echo twice; exit 2' > /dev/null || :
    dj ls tasks/memo | sed 's,^,memo/,' > list
    [ "$(wc -l < list)" -ge 1 ]
    each
    run sh -c 'dj -q get -f list > got 2> said'
    same got want
    same said said.want
}

@test "large results among small ones, and a reader that goes" {
    dj define large n:int -- sh -c 'yes "$1" | head -c 3000000' sh '{n}'
    printf '%s\n' double/1 large/1 double/2 large/2 large/1 double/3 > list
    as_each 0
    seq -f says/%.0f 3000 > list
    dj get -f list > /dev/null
    run -1 sh -c '{ dj get -f list 2> said; echo $? > status; } | true; exit "$(cat status)"'
    is "$(cat said)" "dj: cannot write: Broken pipe"
}

@test "within a run they are what it has called" {
    dj define caller -- sh -c 'printf "%s\n" double/1 mult/2,3 bad/1 nothing/1 | dj -q get -f - 2> /dev/null; true'
    dj get -f - <<< double/1 > /dev/null
    is "$(dj get caller | paste -sd' ')" "2 6"
    is "$(dj ls tasks/caller/_/deps | wc -l)" 3
    dj invalidate mult 2 3
    exits 3 dj get --cached caller
}

@test "twenty thousand lines of two tasks" {
    dj define word n:int -- echo '{n}'
    for n in 1 2 3 4 5; do printf 'word/%d\ndouble/%d\n' "$n" "$n"; done > few
    for _ in $(seq 2000); do cat few; done > list
    dj get -f list > got
    is "$(wc -l < got)" 20000
    is "$(sort got | uniq -c | tr -s ' ' | paste -sd' ')" \
        " 2000 1  2000 10  4000 2  2000 3  4000 4  2000 5  2000 6  2000 8"
    is "$(head -n 4 got | paste -sd' ')" "1 2 2 4"
}
