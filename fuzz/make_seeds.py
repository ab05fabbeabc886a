#!/usr/bin/env python3
"""Makes the seeds of fuzz targets that are no text: small, and taken by their readers to the end, which unit tests of those hold.

What it writes stands in the repository; it is run again where a format is to be added.

usage: fuzz/make_seeds.py      (needs Python's sqlite3, and zstd)
"""

import io
import json
import pathlib
import sqlite3
import struct
import subprocess
import tarfile
import tempfile
import zlib

SEEDS = pathlib.Path(__file__).parent / "seeds"


def write(target, name, content):
    folder = SEEDS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


# ext4: ten blocks of 1 KiB. Superblock in 1, the descriptor of the only group in 2, inodes from 3 on.

BLOCK = 1024
ROOT, FILE, SHORT, LONG, FOLDER = 2, 11, 12, 13, 14


def superblock(features, inode_size):
    fields = {0x0: 16, 0x4: 16, 0x14: 1, 0x18: 0, 0x20: 8192, 0x24: 8192, 0x28: 16, 0x38: 0xEF53, 0x4C: 1, 0x54: 11, 0x60: features}
    out = bytearray(1024)
    for at, value in fields.items():
        struct.pack_into("<H" if at == 0x38 else "<I", out, at, value)
    struct.pack_into("<H", out, 0x58, inode_size)
    out[0x78:0x7C] = b"seed"
    return out


def inode(mode, size, flags, block, attributes=b""):
    out = bytearray(128)
    struct.pack_into("<H", out, 0x0, mode)
    struct.pack_into("<I", out, 0x4, size)
    struct.pack_into("<IIIH", out, 0x8, 1, 2, 3, 0)
    struct.pack_into("<H", out, 0x1A, 1)
    struct.pack_into("<I", out, 0x20, flags)
    out[0x28 : 0x28 + len(block)] = block
    struct.pack_into("<I", out, 0x64, 7)
    return bytes(out) + (struct.pack("<H", 32) + bytes(30) + attributes if attributes else b"")


def extents(depth, entries, most=4):
    body = b"".join(struct.pack("<IIHH", at, block, 0, 0) if depth else struct.pack("<IHHI", at, 1, 0, block) for at, block in entries)
    return struct.pack("<HHHHI", 0xF30A, len(entries), most, depth, 0) + body


def entry(number, kind, name, length=None):
    length = length or (8 + len(name) + 3) & ~3
    return struct.pack("<IHBB", number, length, len(name), kind) + name.ljust(length - 8, b"\0")


def listing(entries, length=BLOCK):
    out = b"".join(entry(*one) for one in entries[:-1])
    return out + entry(*entries[-1], length=length - len(out))


def ext4(features, inodes, blocks, inode_size=128):
    out = bytearray(16 * BLOCK)
    out[BLOCK : 2 * BLOCK] = superblock(features, inode_size)
    struct.pack_into("<III", out, 2 * BLOCK, 14, 15, 3)
    for number, body in inodes.items():
        at = 3 * BLOCK + (number - 1) * inode_size
        out[at : at + len(body)] = body
    for number, content in blocks.items():
        out[number * BLOCK : number * BLOCK + len(content)] = content
    used = max(blocks, default=6) + 1
    return bytes(out[: used * BLOCK])


NAMES = [(ROOT, 2, b"."), (ROOT, 2, b".."), (FILE, 1, b"a\xff"), (SHORT, 7, b"short"), (LONG, 7, b"long"), (FOLDER, 2, b"folder")]
INSIDE = [(FOLDER, 2, b"."), (ROOT, 2, b".."), (FILE, 1, b"again")]


def trees():
    """Trees of extents, one of them with a node of its own."""
    flags = 0x80000
    inodes = {
        ROOT: inode(0o40755, BLOCK, flags, extents(0, [(0, 5)])),
        FILE: inode(0o100644, 2 * BLOCK + 9, flags, extents(1, [(0, 7)])),
        SHORT: inode(0o120777, 6, 0, b"a/file"),
        LONG: inode(0o120777, 70, flags, extents(0, [(0, 9)])),
        FOLDER: inode(0o40700, BLOCK, flags, extents(0, [(0, 6)])),
    }
    blocks = {5: listing(NAMES), 6: listing(INSIDE), 7: extents(0, [(0, 8), (2, 9)], most=84), 8: b"content", 9: b"x" * 70}
    return ext4(0x2 | 0x40, inodes, blocks)


def numbers():
    """Numbers of blocks, behind the twelfth by a block of them."""
    inodes = {
        ROOT: inode(0o40755, BLOCK, 0, struct.pack("<I", 5)),
        FILE: inode(0o100644, 14 * BLOCK, 0, struct.pack("<13I", 8, *([0] * 10), 9, 7)),
        SHORT: inode(0o120777, 6, 0, b"a/file"),
        LONG: inode(0o120777, 70, 0, struct.pack("<I", 9)),
        FOLDER: inode(0o40700, BLOCK, 0, struct.pack("<I", 6)),
    }
    blocks = {5: listing(NAMES), 6: listing(INSIDE), 7: struct.pack("<II", 0, 8), 8: b"content", 9: b"x" * 70}
    return ext4(0x2, inodes, blocks)


def inline():
    """Content in the inodes: the first 60 bytes in the place of the map, the others in an extended attribute."""

    def with_data(mode, content):
        rest = content[60:]
        head = struct.pack("<BBHIII", 4, 7, 60, 0, len(rest), 0) + b"data" + bytes(4)
        attributes = struct.pack("<I", 0xEA020000) + (head.ljust(60, b"\0") + rest).ljust(90, b"\0")
        return inode(mode, len(content), 0x10000000, content[:60], attributes)

    first = struct.pack("<I", ROOT) + listing(NAMES[2:4], 56)
    inodes = {
        ROOT: with_data(0o40755, first + listing(NAMES[4:], 28)),
        FILE: with_data(0o100644, bytes(range(80))),
        SHORT: inode(0o120777, 6, 0, b"a/file"),
        LONG: with_data(0o120777, b"x" * 70),
        FOLDER: with_data(0o40700, struct.pack("<I", ROOT) + listing([INSIDE[2]], 56)),
    }
    return ext4(0x2 | 0x8000, inodes, {}, inode_size=256)


# rpm: headers of https://rpm-software-management.github.io/rpm/manual/format_header.html in a table of SQLite, or in what rpm had before.

TEXT, TEXTS, CHAR, NUMBER = 6, 8, 1, 4


def header(tags):
    index, store = b"", b""
    for tag, kind, values in tags:
        data = {
            TEXT: lambda: values + b"\0",
            TEXTS: lambda: b"".join(text + b"\0" for text in values),
            CHAR: lambda: bytes(values),
            NUMBER: lambda: b"".join(struct.pack(">I", value) for value in values),
        }[kind]()
        store += bytes(-len(store) % 4) if kind == NUMBER else b""
        index += struct.pack(">IIII", tag, kind, len(store), 1 if kind == TEXT else len(values))
        store += data
    return struct.pack(">II", len(tags), len(store)) + index + store


def package(name, files):
    return header([
        (1000, TEXT, name), (1001, TEXT, b"1"), (1002, TEXT, b"2"), (1003, NUMBER, [0]), (1022, TEXT, b"noarch"),
        (1009, NUMBER, [7]), (1035, TEXTS, [b"0" * 64 for _ in files]), (1037, NUMBER, [1 for _ in files]),
        (1029, CHAR, [0 for _ in files]), (1116, NUMBER, [0 for _ in files]), (1117, TEXTS, files), (1118, TEXTS, [b"/usr/bin/"]),
    ])


def rpm(packages):
    with tempfile.NamedTemporaryFile() as file:
        database = sqlite3.connect(file.name)
        database.execute("PRAGMA page_size = 512")
        database.execute("CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)")
        database.executemany("INSERT INTO Packages (blob) VALUES (?)", [(one,) for one in packages])
        database.commit()
        database.close()
        return pathlib.Path(file.name).read_bytes()


def berkeley(packages, order):
    """One bucket, pages of 1 KiB; a header that fills half of one is on overflow pages. `order` is that of struct."""
    size = 1024

    def page(number, following, items, used, kind, body):
        head = struct.pack(order + "8xIIIHHBB", number, 0, following, items, used, 0, kind)
        return (head + body).ljust(size, b"\0")

    items, overflow = [b"\1" + bytes(4), b"\1" + struct.pack(order + "I", len(packages))], []
    for number, content in enumerate(packages, 1):
        items.append(b"\1" + struct.pack(order + "I", number))
        if len(content) < size // 2:
            items.append(b"\1" + content)
            continue
        items.append(struct.pack(order + "B3xII", 3, 2 + len(overflow), len(content)))
        pieces = [content[at : at + size - 26] for at in range(0, len(content), size - 26)]
        for left, piece in zip(reversed(range(len(pieces))), pieces):
            here = 2 + len(overflow)
            overflow.append(page(here, here + 1 if left else 0, 1, len(piece), 7, piece))
    ends = [size - sum(len(item) for item in items[: n + 1]) for n in range(len(items))]
    offsets = struct.pack(f"{order}{len(items)}H", *ends)
    body = offsets + bytes(ends[-1] - 26 - len(offsets)) + b"".join(reversed(items))
    meta = bytearray(size)
    struct.pack_into(order + "8xIIIIBBB", meta, 0, 0, 0x061561, 9, size, 0, 8, 0)
    struct.pack_into(order + "I", meta, 32, 1 + len(overflow))
    struct.pack_into(order + "6I", meta, 72, 0, 1, 0, 0, len(packages) + 1, 0)
    struct.pack_into(order + "I", meta, 96, 1)
    return bytes(meta) + page(1, 0, len(items), ends[-1], 13, body) + b"".join(overflow)


def ndb(packages):
    slots, blobs = [(0, 0, 0)], b""
    for number, content in enumerate(packages, 1):
        blob = struct.pack("<4sIII", b"BlbS", number, 7, len(content)) + content
        blob += bytes(-(len(blob) + 12) % 16)
        blob += struct.pack("<II4s", zlib.adler32(blob), len(content), b"BlbE")
        slots.append((number, 256 + len(blobs) // 16, len(blob) // 16))
        blobs += blob
    slots += [(0, 0, 0)] * (254 - len(slots))
    head = struct.pack("<4sIIII12x", b"RpmP", 0, 1, 1, len(packages) + 1)
    return head + b"".join(struct.pack("<4sIII", b"Slot", *slot) for slot in slots) + blobs


# Databases of container engines: bbolt's (internal/common), and SQLite's.

PAGE, FEW = 1024, 3


def fnv1a(data):
    total = 0xCBF29CE484222325
    for byte in data:
        total = (total ^ byte) * 0x100000001B3 % 2**64
    return total


class Bolt:
    """A database of which the buckets are dictionaries: small ones stand in their value, and pages have three entries."""

    def __init__(self, root):
        self.pages = bytearray(3 * PAGE)
        top = self.tree(self.entries(root))
        self.pages[2 * PAGE : 2 * PAGE + 16] = struct.pack("<QHHI", 2, 0x10, 0, 0)
        for number in (0, 1):
            body = struct.pack("<4I5Q", 0xED0CDAED, 2, PAGE, 0, top, 0, 2, len(self.pages) // PAGE, 6 + number)
            page = struct.pack("<QHHI", number, 4, 0, 0) + body + struct.pack("<Q", fnv1a(body))
            self.pages[number * PAGE : number * PAGE + len(page)] = page

    def entries(self, bucket):
        return [(key, *((1, self.bucket(value)) if isinstance(value, dict) else (0, value))) for key, value in sorted(bucket.items())]

    def bucket(self, bucket):
        entries = self.entries(bucket)
        inline = self.leaf(entries)
        if not any(kind for _, kind, _ in entries) and 16 + len(inline) <= PAGE // 4:
            return struct.pack("<QQQHHI", 0, 0, 0, 2, len(entries), 0) + inline
        return struct.pack("<QQ", self.tree(entries), 0)

    def leaf(self, entries):
        elements = data = b""
        for at, (key, kind, value) in enumerate(entries):
            elements += struct.pack("<4I", kind, 16 * (len(entries) - at) + len(data), len(key), len(value))
            data += key + value
        return elements + data

    def branch(self, children):
        elements = data = b""
        for at, (key, page) in enumerate(children):
            elements += struct.pack("<IIQ", 16 * (len(children) - at) + len(data), len(key), page)
            data += key
        return elements + data

    def add(self, kind, count, content):
        number = len(self.pages) // PAGE
        more = (16 + len(content) - 1) // PAGE
        page = struct.pack("<QHHI", number, kind, count, more) + content
        self.pages += page.ljust((more + 1) * PAGE, b"\0")
        return number

    def tree(self, entries):
        def groups(of):
            return [of[at : at + FEW] for at in range(0, len(of), FEW)]

        level = [(few[0][0], self.add(2, len(few), self.leaf(few))) for few in groups(entries)] or [(b"", self.add(2, 0, b""))]
        while len(level) > 1:
            level = [(few[0][0], self.add(1, len(few), self.branch(few))) for few in groups(level)]
        return level[0][1]


def identity(number):
    return b"%064x" % number


def containerd():
    def container(image, labels):
        time = struct.pack(">BqIh", 1, 63902822400, 0, -1)
        runtime = {b"name": b"io.containerd.runc.v2", b"options": b"options"}
        return {b"createdat": time, b"updatedat": time, b"image": image, b"labels": labels, b"runtime": runtime, b"snapshotKey": b"key",
                b"snapshotter": b"overlayfs", b"spec": b"PASSWORD=hunter2" * 100}

    nerdctl = {b"nerdctl/name": b"web", b"nerdctl/namespace": b"default", b"nerdctl/hostname": b"web"}
    pod = {b"io.kubernetes.container.name": b"redis", b"io.kubernetes.pod.name": b"redis-0", b"io.kubernetes.pod.namespace": b"prod"}
    namespaces = {
        b"default": {b"containers": {identity(1): container(b"docker.io/library/nginx:1", nerdctl)}, b"labels": {b"a": b"b"}},
        b"k8s.io": {b"containers": {identity(number): container(b"quay.io/redis:7", pod) for number in range(2, 8)}, b"leases": {}},
        b"moby": {},
        b"version": b"\4",
    }
    return Bolt({b"v1": namespaces}).pages


def ecs():
    task = {"Arn": "arn:aws:ecs:eu-west-1:123456789012:task/prod/0a", "Family": "shop", "Version": "7", "KnownStatus": "RUNNING",
            "DesiredStatus": "RUNNING", "Containers": [{"environment": {"TOKEN": "hunter2"}}]}

    def container(number):
        inside = {"Name": "web", "taskARN": task["Arn"], "Image": "shop/web:7", "KnownStatus": "RUNNING", "KnownExitCode": None,
                  "environment": {"TOKEN": "hunter2"}}
        return json.dumps({"DockerId": identity(number).decode(), "DockerName": "ecs-shop-7-web", "Container": inside}).encode()

    return Bolt({
        b"containers": {b"0a-web-%d" % number: container(number) for number in range(1, 4)},
        b"tasks": {b"0a": json.dumps(task).encode()},
        b"metadata": {b"cluster-name": b'"prod"', b"agent-version": b'"1.80.0"'},
        b"images": {},
    }).pages


def configured(number):
    config = {"id": identity(number).decode(), "name": "web", "rootfsImageName": "quay.io/web:1", "labels": {"a": "b"},
              "createdTime": "2026-01-01T00:00:00Z", "spec": {"process": {"env": ["PASSWORD=hunter2"]}}}
    state = {"state": 6, "exited": True, "exitCode": 137, "pid": 0, "finishedTime": "2026-01-02T00:00:00Z"}
    return json.dumps(config), json.dumps(state)


def podman_bolt():
    containers = {}
    for number in (1, 2):
        config, state = configured(number)
        containers[identity(number)] = {b"config": config.encode(), b"state": state.encode(), b"dependencies": {}}
    return Bolt({b"ctr": containers, b"all-ctrs": {identity(1): b"web"}}).pages


def podman():
    """Tables as podman makes them (libpod/sqlite_state_internal.go)."""
    with tempfile.NamedTemporaryFile() as file:
        database = sqlite3.connect(file.name)
        database.execute("PRAGMA page_size = 512")
        database.execute("CREATE TABLE DBConfig(ID INTEGER PRIMARY KEY NOT NULL, SchemaVersion INTEGER NOT NULL)")
        database.execute("CREATE TABLE ContainerConfig(ID TEXT PRIMARY KEY NOT NULL, Name TEXT UNIQUE NOT NULL, PodID TEXT, JSON TEXT NOT NULL)")
        database.execute("CREATE TABLE ContainerState(ID TEXT PRIMARY KEY NOT NULL, State INTEGER NOT NULL, ExitCode INTEGER, JSON TEXT NOT NULL)")
        for number in (1, 2):
            key, (config, state) = identity(number).decode(), configured(number)
            database.execute("INSERT INTO ContainerConfig VALUES (?, ?, NULL, ?)", (key, f"web-{number}", config))
            database.execute("INSERT INTO ContainerState VALUES (?, 6, 137, ?)", (key, state))
        database.commit()
        database.close()
        return pathlib.Path(file.name).read_bytes()


# netlink: the byte that chooses the answer, and messages (linux/netlink.h).

def message(kind, fixed, *attributes):
    payload = fixed + b"".join(attributes)
    return struct.pack("<IHHII", 16 + len(payload), kind, 2, 1, 0) + payload + bytes(-len(payload) % 4)


def attribute(kind, value):
    return struct.pack("<HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def nested(kind, *attributes):
    return attribute(kind | 0x8000, b"".join(attributes))


def be(value, form=">I"):
    return struct.pack(form, value)


def le(value, form="<I"):
    return struct.pack(form, value)


DONE = struct.pack("<IHHIII", 20, 3, 2, 1, 0, 0)


def netfilter():
    nfgen = bytes([2, 0, 0, 0])

    def expression(name, *data):
        return nested(1, attribute(1, name + b"\0"), nested(2, *data))

    rule = [
        expression(b"meta", attribute(2, be(4))),
        expression(b"cmp", attribute(2, be(0)), nested(3, attribute(1, b"\x0a\0\0\1"))),
        expression(b"counter", attribute(1, be(9, ">Q")), attribute(2, be(1, ">Q"))),
        expression(b"match", attribute(1, b"comment\0"), attribute(3, b"why\0")),
        expression(b"immediate", attribute(1, be(0)), nested(2, nested(2, attribute(1, be(0xFFFFFFFD)), attribute(2, b"next\0")))),
    ]
    return {
        "gettable": message(0xA00, nfgen, attribute(1, b"evil\0"), attribute(2, be(0)), attribute(4, be(7, ">Q"))),
        "getchain": message(0xA03, nfgen, attribute(1, b"evil\0"), attribute(3, b"out\0"), attribute(7, b"filter\0"),
                            nested(4, attribute(1, be(3)), attribute(2, be(5)), attribute(3, b"eth0\0")), attribute(5, be(1))),
        "getrule": message(0xA06, nfgen, attribute(1, b"evil\0"), attribute(2, b"out\0"), nested(4, *rule), attribute(7, b"\0\4hid\0")),
        "getset": message(0xA09, nfgen, attribute(1, b"evil\0"), attribute(2, b"set\0"), attribute(5, be(4)), attribute(11, be(9, ">Q"))),
        "getobj": message(0xA12, nfgen, attribute(1, b"evil\0"), attribute(2, b"count\0"), attribute(3, be(1)), nested(4, attribute(1, bytes(8)))),
        "getflowtable": message(0xA16, nfgen, attribute(1, b"evil\0"), attribute(2, b"flow\0"), attribute(7, be(1))),
        "getsetelem": message(0xA0C, nfgen, attribute(1, b"evil\0"), attribute(2, b"set\0"),
                              nested(3, nested(1, nested(1, attribute(1, b"\x0a\0\0\1")), attribute(3, be(1))))),
        "ipsets": message(0x607, nfgen, attribute(1, b"\6"), attribute(2, b"evil\0"), attribute(3, b"hash:net\0"), attribute(5, b"\2"),
                          nested(7, attribute(6, be(60)), attribute(24, be(1))),
                          nested(8, nested(7, nested(1, attribute(0x4001, b"\x0a\0\0\0")), attribute(3, b"\x18"), attribute(26, b"c2\0")))),
        "connections": message(0x100, nfgen,
                               *(nested(way, nested(1, attribute(1, b"\x0a\0\0\5"), attribute(2, b"\xc0\0\2\1")),
                                        nested(2, attribute(1, b"\6"), attribute(2, be(12345, ">H")), attribute(3, be(443, ">H")))) for way in (1, 2)),
                               attribute(3, be(0x1E)), nested(4, nested(1, attribute(1, b"\3"))),
                               nested(9, attribute(1, be(7, ">Q")), attribute(2, be(900, ">Q"))), nested(20, attribute(1, be(5, ">Q")))),
    }


def route():
    tcmsg = struct.pack("<5I", 0, 1, 0xFFFF0000, 0xFFFFFFF1, 49152 << 16 | 0x0300)
    hop = struct.pack("<HBBI", 16, 0, 0, 2) + attribute(5, b"\x0a\0\0\1")
    return {
        "getqdisc": message(36, tcmsg, attribute(1, b"clsact\0"), attribute(13, le(1))),
        "gettfilter": message(44, tcmsg, attribute(1, b"bpf\0"), attribute(11, le(0)),
                              nested(2, attribute(7, b"evil.o\0"), attribute(8, le(1)), attribute(10, bytes(8)), attribute(11, le(42)))),
        "tcp_metrics": message(24, bytes([1, 1, 0, 0]), attribute(1, b"\xc6\x33\x64\7"), attribute(3, le(900, "<Q")),
                               nested(6, attribute(4, le(10)), attribute(6, le(25000)))),
        "getlink": message(16, struct.pack("<HHIII", 0, 1, 7, 0x1103, 0), attribute(3, b"veth0\0"), attribute(1, bytes(6)),
                           attribute(23, bytes(96)), nested(18, attribute(1, b"veth\0")), nested(43, attribute(2, b"\1"), attribute(4, le(99)))),
        "getaddr": message(20, struct.pack("<BBBBI", 2, 24, 0x80, 0, 7), attribute(1, b"\x0a\0\0\2"), attribute(2, b"\x0a\0\0\1"),
                           attribute(3, b"veth0\0"), attribute(8, le(0x80))),
        "getroute4": message(24, bytes([2, 24, 0, 0, 254, 3, 0, 1]) + le(0), attribute(1, b"\xc0\xa8\7\0"), attribute(15, le(1000)),
                             nested(8, attribute(2, le(1400))), attribute(9, hop + hop)),
        "getrule_of_routes": message(32, bytes([2, 24, 0, 0, 0, 0, 0, 1]) + le(2), attribute(1, b"\x0a\0\0\0"), attribute(3, b"eth0\0"),
                                     attribute(6, le(100)), attribute(15, le(1000)), attribute(20, le(0) + le(9)), attribute(23, b"\1\0\2\0")),
        "getneigh": message(28, struct.pack("<BBHIHBB", 2, 0, 0, 7, 0x80, 8, 1), attribute(1, b"\x0a\0\0\1"), attribute(2, bytes(6))),
    }


def tables():
    def part(name, data):
        return struct.pack("<H", 32 + len(data)) + name.ljust(30, b"\0") + data

    def rule(addresses, target_at, name, data):
        tcp = part(b"tcp", struct.pack("<4H", 22, 22, 0, 65535) + bytes(8))
        target = part(name, data)
        length = len(addresses)
        out = bytearray(addresses + tcp + target)
        struct.pack_into("<HH", out, target_at, length + len(tcp), len(out))
        return bytes(out)

    out = {}
    for name, size, target_at, info in (("iptables", 112, 88, 84), ("ip6tables", 168, 140, 84), ("arptables", 192, 164, 68)):
        empty = bytes(size)
        rules = [
            rule(empty, target_at, b"", struct.pack("<iI", -1, 0)),
            rule(empty, target_at, b"", struct.pack("<iI", -2, 0)),
            rule(empty, target_at, b"ERROR", b"evil".ljust(32, b"\0")),
            rule(empty, target_at, b"LOG", bytes(32)),
        ]
        head = bytearray(info)
        struct.pack_into("<I", head, 32, 0b10)
        hooks = 3 if info == 68 else 5
        struct.pack_into("<I", head, 36 + 4, 0)
        struct.pack_into("<I", head, 36 + 4 * hooks + 4, len(rules[0]))
        out[name] = bytes(head) + bytes(40) + b"".join(rules)
    return out


CONNECTION = (b"ipv4     2 tcp      6 431999 ESTABLISHED src=10.0.0.5 dst=192.0.2.1 sport=12345 dport=443 packets=7 bytes=900 "
              b"src=192.0.2.1 dst=198.51.100.7 sport=443 dport=12345 packets=1 bytes=40 [ASSURED] mark=0 zone=0 use=2\n")


def sockets():
    memory = struct.pack("<9I", *range(9))
    return {
        "diag-tcp6": message(20, bytes([10, 10, 0, 0]) + be(8080, ">H") + bytes(66), attribute(7, memory), attribute(15, le(5)), attribute(21, le(9, "<Q"))),
        "diag-unix": message(20, bytes([1, 1, 10, 0]) + le(7) + bytes(8), attribute(0, b"/run/x\0"), attribute(1, le(1) + le(2)), attribute(5, memory)),
        "diag-packet": message(20, bytes([17, 3]) + le(3, "<H") + bytes(12), attribute(0, le(2) + le(0)), attribute(6, memory), attribute(7, bytes(16))),
        "diag-netlink": message(20, bytes([16, 3, 9, 0]) + bytes(24), attribute(0, memory), attribute(1, le(1, "<Q"))),
    }


def netlink():
    """In the order of `ANSWERS` in collector/src/source/network/hostile.rs."""
    dumps = {**netfilter(), **route()}
    answers = {name: dump + DONE for name, dump in dumps.items()}
    answers.update(tables())
    answers["nf_conntrack"] = CONNECTION
    answers.update({name: dump + DONE for name, dump in sockets().items()})
    return {name: bytes([number]) + answer for number, (name, answer) in enumerate(answers.items())}


# Evidence: what `hozen verify` reads.

def archive():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in (("[root]/etc/hosts", b"127.0.0.1 localhost\n"), ("[root]/" + "long/" * 30 + "\xe9", b"")):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("[root]/proc/1/exe")
        link.type, link.linkname = tarfile.SYMTYPE, "/sbin/init"
        tar.addfile(link)
    # Two blocks of zeros end it; Python fills up to twenty.
    used = out.getvalue().rstrip(b"\0")
    return used + bytes(-len(used) % 512) + bytes(1024)


def frames(content):
    half = len(content) // 2
    pieces = (content[:half], content[half:])
    return b"".join(subprocess.run(["zstd", "-q", "--check", "-c"], input=piece, stdout=subprocess.PIPE, check=True).stdout for piece in pieces)


def rows():
    head = '{{"_v":1,"artefact":"t","seq":{},"collected_at":"2026-11-22T03:50:27.123456789Z","mono_ns":5,"host_id":"h","source":"/proc/1","status":"{}","errors":{}'
    return "".join([
        head.format(0, "ok", "[]") + ',"pid":1,"name":"a\\nb","args":["x"]}\n',
        head.format(1, "partial", '[{"src":"exe","errno":"EACCES"}]') + ',"pid":2}\n',
    ]).encode()


def main():
    for name, disk in (("trees", trees()), ("numbers", numbers()), ("inline", inline())):
        write("ext4", name, disk)
    short, long = package(b"one", [b"a", b"b"]), package(b"long", [b"file-%d" % number for number in range(12)])
    write("rpm", "leaves", rpm([short, package(b"two", [b"c"])]))
    write("rpm", "overflow", rpm([short, long]))
    write("rpm", "berkeley", berkeley([short, long], "<"))
    write("rpm", "berkeley-big-endian", berkeley([short, long], ">"))
    write("rpm", "ndb", ndb([short, long]))
    for name, database in (("containerd", containerd()), ("ecs", ecs()), ("podman", podman()), ("podman-bolt", podman_bolt())):
        write("engines", name, database)
    for name, answer in netlink().items():
        write("netlink", name, answer)
    write("evidence", "archive", archive())
    write("evidence", "frames", frames(archive()))
    write("evidence", "rows", rows())


if __name__ == "__main__":
    main()
