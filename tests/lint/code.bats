# What no compiler says about the C sources: HACKING.md, "Style".

setup()
{
    export LC_ALL=C.UTF-8
    cd "${DJ_SRCDIR:-$BATS_TEST_DIRNAME/../..}" || return
}

# Every C file that is ours.
sources()
{
    find lib daemon fs cli tests bench examples -name '*.[ch]' | sort
}

# nothing_found PATTERN FILE…: no line matches; those that do are printed.
nothing_found()
{
    local pattern=$1

    shift
    ! grep -nE -- "$pattern" "$@" >&2
}

# code_of FILE…: each line as FILE:NUMBER:CODE, without comments and with empty strings. A // stays,
# so that it is found.
code_of()
{
    perl -0777 -ne '
        s{("(?:[^"\\\n]|\\.)*"|\x27(?:[^\x27\\\n]|\\.)*\x27)|/\*.*?\*/}{
            my $text = $&; defined $1 ? "\"\"" : $text =~ tr/\n//cdr }gse;
        my $line = 0;
        print "$ARGV:" . ++$line . ":$_\n" for split /\n/;' "$@"
}

@test "there are sources" {
    [ "$(sources | wc -l)" -gt 30 ]
}

@test "no file over 900 lines" {
    local long
    long=$(find lib daemon fs cli tests bench examples -name '*.[ch]' -exec wc -l {} + |
        awk '$1 > 900 && $2 != "total"')
    [ -z "$long" ] || { echo "$long" >&2; false; }
}

@test "no tab, no blank at a line's end, no line over 100 columns" {
    local files
    mapfile -t files < <(sources)
    nothing_found $'\t' "${files[@]}"
    nothing_found ' $' "${files[@]}"
    nothing_found '^.{101,}$' "${files[@]}"
}

@test "nothing is left to do" {
    local files
    mapfile -t files < <(sources; find tests bench contrib examples man quickstart run.in .ci \
        -type f -not -name code.bats -not -name '*.[ch]' -not -path 'tests/fuzz/corpus/*')
    nothing_found '\b(TODO|FIXME|XXX|HACK)\b' "${files[@]}"
}

@test "no // comment, no typedef of a struct" {
    local files
    mapfile -t files < <(sources)
    [ "$(code_of "${files[@]}" | wc -l)" -gt 10000 ]
    ! code_of "${files[@]}" | grep -E '//|typedef (struct|union|enum)' >&2
}

@test "no banned function" {
    local files
    local banned='strcpy|strcat|strncpy|strncat|sprintf|vsprintf|gets|strtok|atoi|atol|atoll|atof'
    banned+='|mktemp|tmpnam|tempnam|alloca|gmtime|localtime|asctime|ctime|system|popen|rand|srand'
    banned+='|vfork|sleep|usleep|readdir_r|strerror_r|bzero|bcopy|index|rindex'
    mapfile -t files < <(find lib daemon fs cli -name '*.[ch]')
    ! code_of "${files[@]}" | grep -E "(^|[^A-Za-z0-9_.>])($banned) *\(" >&2
}

@test "memory comes from lib/util/mem.c" {
    local files
    local banned='malloc|calloc|realloc|reallocarray|strdup|strndup|v?asprintf'
    mapfile -t files < <(find lib daemon fs cli -name '*.[ch]' -not -path lib/util/mem.c)
    ! code_of "${files[@]}" | grep -E "(^|[^A-Za-z0-9_.>])($banned) *\(" >&2
}

@test "a script that is run says how" {
    local file
    while read -r file; do
        head -n 1 "$file" | grep -q '^#!' || { echo "$file has no #! line" >&2; return 1; }
    done < <(find . \( -name .git -o -name build-aux -o -name 'autom4te.cache' -o -name 'build*' \) -prune -o \
        -type f -perm /111 -size -100k -print |
        while read -r f; do head -c 4 "$f" | grep -q ELF || echo "$f"; done)
}
