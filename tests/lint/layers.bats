# Who may include whom, and which file may include a heavy library: DESIGN.md, "Layers".

setup()
{
    cd "${DJ_SRCDIR:-$BATS_TEST_DIRNAME/../..}" || return
}

# layer_of FILE: the innermost layer that the file is in.
layer_of()
{
    case $1 in
    daemon/worker/*) echo worker ;;
    lib/*/*) echo "${1#lib/}" | cut -d/ -f1 ;;
    *) echo "${1%%/*}" ;;
    esac
}

# may_include LAYER: the layers whose headers it may include, itself first.
may_include()
{
    case $1 in
    util) echo util ;;
    model) echo model util ;;
    wire) echo wire model util ;;
    proto) echo proto wire model util ;;
    client) echo client proto wire model util ;;
    worker) echo worker client proto wire model util ;;
    daemon) echo daemon proto wire model util ;;
    fs) echo fs client proto wire model util ;;
    cli) echo cli client proto wire model util ;;
    *) return 1 ;;
    esac
}

@test "includes go down the layers only" {
    local file header layer allowed wrong=0
    while IFS=: read -r file header; do
        layer=$(layer_of "$file")
        allowed=$(may_include "$layer") || { echo "$file: a layer of no name" >&2; wrong=1; continue; }
        if [[ " $allowed " != *" $(layer_of "$header") "* ]]; then
            echo "$file includes $header" >&2
            wrong=1
        fi
    done < <(grep -rE --include='*.[ch]' '^ *# *include *"' lib daemon fs cli |
        sed -E 's/^([^:]+): *# *include *"([^"]+)".*/\1:\2/')
    [ "$wrong" -eq 0 ]
}

@test "a header of ours is named from the top folder" {
    local file header wrong=0
    while IFS=: read -r file header; do
        [ -f "$header" ] || { echo "$file includes $header, which is not below the top" >&2; wrong=1; }
    done < <(grep -rE --include='*.[ch]' '^ *# *include *"' lib daemon fs cli tests bench |
        sed -E 's/^([^:]+): *# *include *"([^"]+)".*/\1:\2/')
    [ "$wrong" -eq 0 ]
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
    only_in 'sodium' lib/util/digest.c
    only_in 'rocksdb/' daemon/store_rocksdb.c
    only_in 'uv\.h' daemon/loop.c
    only_in 'fuse' fs/fuse.h
}

@test "every header compiles alone" {
    local header wrong=0
    while read -r header; do
        # shellcheck disable=SC2046,SC2086
        if ! ${CC:-cc} -std=gnu17 -D_GNU_SOURCE=1 -D_FILE_OFFSET_BITS=64 \
            $(pkg-config --cflags fuse3 rocksdb libuv libsodium libcbor jansson) -I. -Wall -Wextra -Werror -fsyntax-only -x c -include "$header" /dev/null; then
            echo "$header does not compile alone" >&2
            wrong=1
        fi
    done < <(find lib daemon fs cli -name '*.h' | sort)
    [ "$wrong" -eq 0 ]
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
