"""A good archive of runs made into a bad one: forge-archive.py HOW GOOD BAD."""
import hashlib
import io
import re
import sys
import tarfile

how, good, bad = sys.argv[1:]
members = []
with tarfile.open(good) as tar:
    for info in tar:
        data = tar.extractfile(info).read() if info.isreg() else b""
        members.append([info, data])


def at(end, nth=0):
    return [i for i, (info, _) in enumerate(members) if info.name.endswith(end)][nth]


def change(end, data):
    """A member gets other bytes, and its line of the manifest their digest."""
    info = members[at(end)][0]
    members[at(end)] = [info, data]
    info.size = len(data)
    if end[1:] != "manifest" and "/manifest" in " ".join(i.name for i, _ in members):
        name = info.name.split("/", 3)[-1]
        manifest = members[at("/manifest")]
        digest = hashlib.blake2b(data, digest_size=32).hexdigest()
        manifest[1] = re.sub(rb"(?m)^[0-9a-f]{64}(?=  %s$)" % re.escape(name.encode()),
                             digest.encode(), manifest[1])


def add(index, name, data=b"", kind=tarfile.REGTYPE, **fields):
    info = tarfile.TarInfo(name)
    info.type = kind
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    members.insert(index, [info, data])


def result(**fields):
    for field, value in fields.items():
        setattr(members[at("/result")][0], field, value)


record = members[at("/record.cbor")][1]
raw_size = None
if how == "dotdot":
    result(name="../result")
elif how == "absolute":
    result(name="/tmp/forged-result")
elif how == "symlink":
    result(type=tarfile.SYMTYPE, linkname="/etc/passwd", size=0)
elif how == "hardlink":
    result(type=tarfile.LNKTYPE, linkname="/etc/passwd", size=0)
elif how == "device":
    result(type=tarfile.CHRTYPE, devmajor=1, devminor=3, size=0)
elif how == "fifo":
    result(type=tarfile.FIFOTYPE, size=0)
elif how == "twice":
    add(at("/result"), members[at("/result")][0].name, members[at("/result")][1])
elif how == "missing":
    del members[at("/result")]
elif how == "extra":
    add(at("/manifest"), "runs/evil", b"x")
elif how == "behind":
    add(len(members), "runs/evil", b"x")
elif how == "huge":
    raw_size = "/result"
elif how == "hugerecord":
    raw_size = "/record.cbor"
elif how == "digest":
    members[at("/result")][1] = bytes(b ^ 1 for b in members[at("/result")][1])
elif how == "key-text":
    members[at("/key")][1] = members[at("/key")][1].replace(b"task", b"tusk")
elif how == "file":
    members[at("/files/sub/note")][1] = members[at("/files/sub/note")][1].replace(b"left", b"lift")
elif how == "link":
    members[at("/files/link")][0].linkname = "../../../../etc/passwd"
elif how == "args":
    change("/record.cbor", record.replace(b"\x82\x64fact\xa1\x61n\x00", b"\x82\x64fact\xa1\x61n\x09", 1))
elif how == "record":
    change("/record.cbor", record[:-5])
elif how == "host":
    change("/record.cbor", record.replace(b"left-by-nobody", b""))
elif how == "result-of-another":
    text = hashlib.blake2b(b"1\n", digest_size=32).digest()
    change("/record.cbor", record.replace(text, hashlib.blake2b(b"2\n", digest_size=32).digest()))
    members[at("/result")][1] = b"2\n"
elif how == "folder":
    folder = members[at("/manifest")][0].name.rsplit("/", 1)[0]
    for info, _ in members:
        info.name = info.name.replace(folder, folder[:-4] + "0000")
elif how == "task":
    for info, _ in members:
        info.name = info.name.replace("runs/fact/", "runs/../")
elif how == "manifest":
    members[at("/manifest")][1] = b"nothing\n"
elif how == "manifest-name":
    members[at("/manifest")][1] = b"0" * 64 + b"  ../record.cbor\n"
elif how == "files-list":
    change("/files.cbor", members[at("/files.cbor")][1].replace(b"sub/note", b"../notes"))
elif how == "format":
    members[0][1] = members[0][1].replace(b"archive 1", b"archive 2")
elif how == "head":
    del members[0]
elif how == "count":
    members[-1][1] = b"runs 7\n"
elif how == "end":
    del members[-1]
else:
    sys.exit("forge-archive.py: no way to forge " + how)

out = io.BytesIO()
with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
    for info, data in members:
        if info.isreg() and not (raw_size and info.name.endswith(raw_size)):
            info.size = len(data)
        if raw_size and info.name.endswith(raw_size):
            info.size = 1 << 50
            tar.fileobj.write(info.tobuf(tarfile.GNU_FORMAT))
            tar.fileobj.write(data.ljust(512, b"\0"))
            raw_size = None
            break
        tar.addfile(info, io.BytesIO(data) if info.isreg() else None)
with open(bad, "wb") as file:
    file.write(out.getvalue())
