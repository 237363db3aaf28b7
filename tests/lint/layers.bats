# Who may include whom, and which file may include a heavy library: DESIGN.md, "Layers".

setup()
{
    cd "${DJ_SRCDIR:-$BATS_TEST_DIRNAME/../..}" || return
}

# layers: a line a layer, itself first, then those whose headers it may include.
layers()
{
    cat << END
util
model util
wire model util
proto wire model util
client proto wire model util
worker client proto wire model util
host worker client proto wire model util djfs
djfs
daemon proto wire model util
fs client proto wire model util
cli client model util
END
}

# includes FOLDER…: FILE HEADER of each include of a header of ours.
includes()
{
    grep -rE --include='*.[ch]' '^ *# *include *"' "$@" |
        sed -E 's/^([^:]+): *# *include *"([^"]+)".*/\1 \2/'
}

@test "includes go down the layers only" {
    local wrong
    [ "$(includes lib daemon fs cli | wc -l)" -gt 300 ]
    wrong=$(awk '
        function layer_of(file, part) {
            split(file, part, "/")
            if (file ~ /^daemon\/worker\//) return "worker"
            if (file ~ /^daemon\/host\//) return "host"
            return part[1] == "lib" ? part[2] : part[1]
        }
        NR == FNR { for (i = 1; i <= NF; i++) may[$1, $i] = 1; next }
        !((layer_of($1), layer_of($2)) in may) { print $1 " includes " $2 }
    ' <(layers) <(includes lib daemon fs cli))
    [ -z "$wrong" ] || { echo "$wrong" >&2; false; }
}

@test "a header of ours is named from the top folder" {
    local header wrong=0
    while read -r header; do
        [ -f "$header" ] || { echo "$header is included, and not below the top" >&2; wrong=1; }
    done < <(includes lib daemon fs cli tests bench | cut -d' ' -f2 | sort -u)
    [ "$wrong" -eq 0 ]
}

# Of what lies above lib/model, dj includes dj.h alone; its archive is linked with the rest, too.
@test "dj talks to the daemon through dj.h" {
    local wrong
    [ "$(includes cli | grep -c ' lib/client/dj\.h$')" -gt 1 ]
    wrong=$(includes cli | grep -E ' lib/(wire|proto|client)/' | grep -v ' lib/client/dj\.h$' || :)
    wrong+=$(grep -nE '\bDJ_MSG_|\bdj_(msg|part)_|\bdj_connection_|^ *extern .*\bdj_' cli/*.[ch] cli/archive/*.[ch] |
        grep -vE '^cli/command\.h:[0-9]+:extern const (struct dj_command|size_t) ' || :)
    [ -z "$wrong" ] || { echo "$wrong" >&2; false; }
}

# only_in PATTERN FILE…: <PATTERN…> is included in these files of lib, daemon, fs and cli alone.
only_in()
{
    local pattern=$1 file wrong=0

    shift
    while read -r file; do
        if [[ " $* " != *" $file "* ]]; then
            echo "$file includes <$pattern>" >&2
            wrong=1
        fi
    done < <(grep -rlE --include='*.[ch]' "^ *# *include *<$pattern" lib daemon fs cli)
    return "$wrong"
}

@test "a heavy library is one file's" {
    only_in 'cbor' lib/util/cbor.c
    only_in 'jansson' lib/model/json.c
    only_in 'jq' lib/model/expression.c
    only_in 'sodium' lib/util/digest.c
    only_in 'archive(_entry)?\.h' cli/archive/read.c cli/archive/write.c
    only_in 'libsmartcols' cli/table.c
    only_in 'rocksdb/' daemon/store_rocksdb.c
    only_in 'uv\.h' daemon/loop.c
    only_in 'fuse' fs/fuse.h
}

@test "every header compiles alone" {
    # shellcheck disable=SC2046,SC2086 # CC may be two words
    find lib daemon fs cli -name '*.h' -print0 | xargs -0 -n 1 ${CC:-cc} -std=gnu17 \
        -D_GNU_SOURCE=1 -D_FILE_OFFSET_BITS=64 \
        $(pkg-config --cflags fuse3 rocksdb libuv libsodium libcbor jansson) -I. -Wall -Wextra \
        -Werror -fsyntax-only -x c /dev/null -include >&2
}

@test "every header guards itself" {
    local header wrong=0 guard
    while read -r header; do
        guard=$(sed -nE 's/^#ifndef (DJ_[A-Z0-9_]+_H)$/\1/p' "$header" | head -n 1)
        if [ -z "$guard" ] || ! grep -qx "#define $guard" "$header"; then
            echo "$header has no #ifndef DJ_…_H" >&2
            wrong=1
        fi
    done < <(find lib daemon fs cli -name '*.h' | sort)
    [ "$wrong" -eq 0 ]
}

@test "what reads bytes of others converts no number silently" {
    local file wrong=0
    while read -r file; do
        # shellcheck disable=SC2086
        ${CC:-cc} -std=gnu17 -D_GNU_SOURCE=1 -D_FILE_OFFSET_BITS=64 -I. \
            -Wconversion -Wsign-conversion -Werror -fsyntax-only "$file" || wrong=1
    done < <(find lib/wire lib/proto -name '*.c' | sort)
    [ "$wrong" -eq 0 ]
}
