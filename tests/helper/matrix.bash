# shellcheck shell=bash
#
# Ordinary programs, and how each of them reads a file. `tool_NAME FILE COPY` lets the program read
# FILE and puts what it saw of it into COPY, so the copy is right when it is equal to $WANT, which
# has the bytes that FILE should have. Where a program tells something else than bytes (a size, a
# digest, whether files are equal) the copy is made from $WANT when that was right.
#
# The files that are read are text: sorted lines of 100 bytes, no two alike, or nothing at all.

tool_cat() { cat "$1" > "$2"; }
tool_cp() { cp "$1" "$2"; }
tool_cp_a() { cp -a --no-preserve=ownership "$1" "$2"; }
tool_install() { install -m 644 "$1" "$2"; }
tool_mv() { mv -f "$1" "$2"; }
tool_dd() { dd if="$1" of="$2" bs=64k status=none; }
tool_head_c() { head -c 1G "$1" > "$2"; }
tool_tail_n() { head -c -1000 "$WANT" > "$2" && tail -n 10 "$1" >> "$2"; }
tool_tail_c() { tail -c +1 "$1" > "$2"; }
tool_tac() { tac "$1" | tac > "$2"; }
tool_tee() { tee "$2" < "$1" > /dev/null; }
tool_split()
{
    rm -rf parts
    mkdir parts
    split -b 3M "$1" parts/ && find parts -type f | sort | xargs -r cat > "$2"
}
tool_sort() { sort "$1" > "$2"; }
tool_uniq() { uniq "$1" > "$2"; }
tool_cut() { cut -b 1- "$1" > "$2"; }
tool_paste() { paste "$1" > "$2"; }
tool_wc() { head -c "$(wc -c "$1" | cut -d ' ' -f 1)" "$WANT" > "$2"; }
tool_wc_l() { head -n "$(wc -l "$1" | cut -d ' ' -f 1)" "$WANT" > "$2"; }
tool_md5sum() { as_wanted "$2" "$(md5sum < "$WANT")" "$(md5sum "$1")"; }
tool_sha256sum() { as_wanted "$2" "$(sha256sum < "$WANT")" "$(sha256sum "$1")"; }
tool_b2sum() { as_wanted "$2" "$(b2sum < "$WANT")" "$(b2sum "$1")"; }
tool_base64() { base64 "$1" | base64 -d > "$2"; }
tool_od() { as_wanted "$2" "$(od -v -tx8 "$WANT" | cksum)" "$(od -v -tx8 "$1" | cksum)"; }
tool_hexdump() { as_wanted "$2" "$(hex "$WANT")" "$(hex "$1")"; }
hex() { hexdump -v -e '8/8 "%x"' "$1" | cksum; }
tool_xxd() { xxd "$1" | xxd -r > "$2"; }
tool_grep() { grep '' "$1" > "$2" || [ ! -s "$WANT" ]; }
tool_sed() { sed '' "$1" > "$2"; }
tool_awk() { awk 1 "$1" > "$2"; }
tool_less() { less "$1" > "$2"; }
tool_strings() { strings -a "$1" > "$2"; }
tool_vim() { vi -es -u NONE -i NONE -n -c "w! $2" -c 'q!' "$1" < /dev/null; }
tool_cmp() { cmp "$1" "$WANT" && cat "$WANT" > "$2"; }
tool_diff() { diff -q "$1" "$WANT" && cat "$WANT" > "$2"; }
tool_file() { as_wanted "$2" "$(file -bE "$WANT")" "$(file -bE "$1")"; }
tool_rsync() { rsync -a "$1" "$2"; }
tool_rsync_inplace() { : > "$2" && rsync --inplace --ignore-times "$1" "$2"; }
tool_scp() { scp -q "$1" "$2"; }
tool_curl() { : > "$2" && curl -sS "file://$1" -o "$2"; }
tool_gzip() { gzip -1c "$1" | gzip -dc > "$2" && [ "${PIPESTATUS[0]}" -eq 0 ]; }
tool_gzip_file() { gzip -1c < "$1" | gzip -dc > "$2"; }
tool_xz() { xz -0c "$1" | xz -dc > "$2" && [ "${PIPESTATUS[0]}" -eq 0 ]; }
tool_bzip2() { bzip2 -1c "$1" | bzip2 -dc > "$2" && [ "${PIPESTATUS[0]}" -eq 0 ]; }
tool_zstd() { zstd -q -1c "$1" | zstd -dcq > "$2" && [ "${PIPESTATUS[0]}" -eq 0 ]; }
tool_zip() { rm -f out.zip && zip -q1j out.zip "$1" && unzip -p out.zip > "$2"; }
tool_tar() { tar -C "${1%/*}" -cf - "${1##*/}" | tar -xOf - > "$2"; }
tool_cpio()
{
    (cd "${1%/*}" && echo "${1##*/}" | cpio -oL --quiet) | cpio -i --quiet --to-stdout > "$2"
}
tool_git() { as_wanted "$2" "$(git hash-object "$WANT")" "$(git hash-object "$1")"; }
tool_openssl() { openssl base64 -in "$1" | openssl base64 -d > "$2"; }
tool_jq() { jq -Rr . "$1" > "$2"; }
tool_sqlite3()
{
    : > "$2"
    sqlite3 :memory: "select writefile('$2', readfile('$1'))" > /dev/null
}
tool_perl() { perl -e 'local $/; open F, "<", $ARGV[0] or die "$!\n"; print <F>' "$1" > "$2"; }
tool_perl_copy() { perl -MFile::Copy -e 'copy($ARGV[0], $ARGV[1]) or die "$!\n"' "$@"; }
tool_bash_file()
{
    local text && text=$(< "$1") && printf '%s' "$text" > "$2" && [ -z "$text" ] || echo >> "$2"
}
tool_test_s() { if [ -s "$1" ]; then cat "$WANT" > "$2"; else : > "$2"; fi; }
tool_truncate_r()
{
    rm -f sized && truncate -r "$1" sized && head -c "$(stat -c %s sized)" "$WANT" > "$2"
}
tool_python_read() { copy_by read "$@"; }
tool_python_shutil() { copy_by shutil "$@"; }
tool_python_mmap() { copy_by mmap "$@"; }
tool_numpy_memmap() { copy_by memmap "$@"; }
tool_sendfile() { "$DJ_BUILDDIR/tests/tools/copy-by" sendfile "$1" "$2"; }
tool_splice() { "$DJ_BUILDDIR/tests/tools/copy-by" splice "$1" "$2"; }
tool_mmap() { "$DJ_BUILDDIR/tests/tools/copy-by" mmap "$1" "$2"; }
tool_fstat_read() { "$DJ_BUILDDIR/tests/tools/copy-by" fstat "$1" "$2"; }
tool_pread_backwards() { "$DJ_BUILDDIR/tests/tools/copy-by" backwards "$1" "$2"; }

# as_wanted COPY WANTED GOT: equal but for a file's name at the end.
as_wanted()
{
    : > "$1"
    [ "${2%% *}" != "${3%% *}" ] || cat "$WANT" > "$1"
}

copy_by()
{
    /usr/bin/python3 -S - "$@" << 'PY'
import sys
way, source, target = sys.argv[1:]
sys.path.append('/usr/lib/python3/dist-packages')
if way == 'read':
    data = open(source, 'rb').read()
elif way == 'shutil':
    import shutil
    shutil.copyfile(source, target)
    raise SystemExit
elif way == 'mmap':
    import mmap, os
    with open(source, 'rb') as f:
        size = os.fstat(f.fileno()).st_size
        data = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)[:] if size else b''
elif way == 'memmap':
    import numpy, os
    with open(source, 'rb') as f:
        data = numpy.memmap(f, dtype='u1', mode='r').tobytes() if f.seek(0, 2) else b''
open(target, 'wb').write(data)
PY
}

# program_of LABEL: `cp -a` as the table has it is tool_cp_a here.
program_of()
{
    local name=${1//[^a-z0-9]/ }

    # shellcheck disable=SC2086
    set -- $name
    local IFS=_
    echo "tool_$*"
}

# verdict_of PROGRAM FILE: what the program makes of FILE, in a word.
verdict_of()
{
    local code=0

    rm -f copy
    "$1" "$2" copy > out 2> err < /dev/null || code=$?
    if [ "$code" -ne 0 ] && grep -qs "$(errno_text EAGAIN)" err; then
        echo EAGAIN
    elif [ "$code" -ne 0 ] || [ ! -e copy ]; then
        echo "failed with $code: $(tail -n 1 err)"
    elif cmp -s copy "$WANT"; then
        echo right
    elif [ ! -s copy ]; then
        echo empty
    else
        echo "wrong: $(cmp copy "$WANT" 2>&1)"
    fi
}
