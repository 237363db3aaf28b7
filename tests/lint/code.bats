# What no compiler says about the C sources: HACKING.md, "Style".

setup()
{
    export LC_ALL=C.UTF-8
    cd "${DJ_SRCDIR:-$BATS_TEST_DIRNAME/../..}" || return
}

# Every C file that is ours.
sources()
{
    find lib daemon fs cli tests bench examples -name '*.[ch]' "$@" | sort
}

# nothing_found PATTERN FILE…: no line matches; those that do are printed.
nothing_found()
{
    local pattern=$1

    shift
    ! grep -nE -- "$pattern" "$@" >&2
}

# code_of FILE: without its comments and strings, its line numbers kept. The compiler's preprocessor
# knows what a comment is; -fpreprocessed keeps it from doing more.
code_of()
{
    "${CC:-cc}" -fpreprocessed -dD -E -x c "$1" 2> /dev/null |
        sed -E 's/"([^"\\]|\\.)*"/""/g; /^# [0-9]/d'
}

@test "there are sources" {
    [ "$(sources | wc -l)" -gt 30 ]
}

@test "no file over 900 lines" {
    local long
    long=$(sources -exec awk 'END { if (FNR > 900) print FILENAME ": " FNR }' {} \;)
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
    local file found=0
    while read -r file; do
        # What is left of // after strings went is a comment.
        if sed -E 's/"([^"\\]|\\.)*"/""/g; s,/\*([^*]|\*[^/])*\*/,,g' "$file" |
            grep -nE '(^|[^:*])//' | sed "s|^|$file:|" | grep -v ': *\*' >&2; then
            found=1
        fi
        if code_of "$file" | grep -E 'typedef (struct|union|enum)' >&2; then
            echo "in $file" >&2
            found=1
        fi
    done < <(sources)
    [ "$found" -eq 0 ]
}

@test "no banned function" {
    local file found=0
    local banned='strcpy|strcat|strncpy|strncat|sprintf|vsprintf|gets|strtok|atoi|atol|atoll|atof'
    banned+='|mktemp|tmpnam|tempnam|alloca|gmtime|localtime|asctime|ctime|system|popen|rand|srand'
    banned+='|vfork|sleep|usleep|readdir_r|strerror_r|bzero|bcopy|index|rindex'
    while read -r file; do
        if code_of "$file" | grep -E "(^|[^A-Za-z0-9_.>])($banned) *\(" >&2; then
            echo "in $file" >&2
            found=1
        fi
    done < <(find lib daemon fs cli -name '*.[ch]' | sort)
    [ "$found" -eq 0 ]
}

@test "memory comes from lib/util/mem.c" {
    local file found=0
    while read -r file; do
        [ "$file" != lib/util/mem.c ] || continue
        if code_of "$file" |
            grep -E '(^|[^A-Za-z0-9_.>])(malloc|calloc|realloc|reallocarray|strdup|strndup|v?asprintf) *\(' >&2; then
            echo "in $file" >&2
            found=1
        fi
    done < <(find lib daemon fs cli -name '*.[ch]' | sort)
    [ "$found" -eq 0 ]
}

@test "a script that is run says how" {
    local file
    while read -r file; do
        head -n 1 "$file" | grep -q '^#!' || { echo "$file has no #! line" >&2; return 1; }
    done < <(find . \( -name .git -o -name build-aux -o -name 'autom4te.cache' -o -name 'build*' \) -prune -o \
        -type f -perm /111 -size -100k -print |
        while read -r f; do head -c 4 "$f" | grep -q ELF || echo "$f"; done)
}
