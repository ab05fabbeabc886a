#!/usr/bin/env python3
"""Hozen's triage beside acquire on one machine in one run: beside.py HOZEN ACQUIRE [FOLDER]

Plants what an intruder leaves (in a mount and a network namespace of its own), lets both collect it one after the other, and prints wall
time, CPU time, bytes written and read, and which traces each has. A trace is found where what it left stands in
the output, whatever it is called there. Needs root. What is started is ended, and what is planted vanishes with the namespaces.
"""

import ctypes
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time

PORT = 47111
MARK = "trace-of-an-intruder"
LIBC = ctypes.CDLL(None, use_errno=True)


def checked(result: int) -> int:
    """The result of a call of libc; an error is raised."""
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def mount(kind: str | None, source: str, point: str, flags: int = 0) -> None:
    """mount(2)."""
    checked(LIBC.mount(source.encode(), point.encode(), kind.encode() if kind else None, flags, None))


def marked(path: pathlib.Path, mark: str) -> None:
    """A program that sleeps, with a mark at its end."""
    shutil.copy("/bin/sleep", path)
    with open(path, "ab") as file:
        file.write(f"{MARK}-{mark}".encode())
    path.chmod(0o755)


def plant(folder: pathlib.Path) -> list[int]:
    """Plants everything; returns the processes."""
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
    processes = []

    def start(arguments: list[str], environment: dict[str, str] | None = None, **more: object) -> subprocess.Popen:
        process = subprocess.Popen(arguments, env={**os.environ, **(environment or {})}, stdout=subprocess.DEVNULL, **more)
        processes.append(process.pid)
        return process

    deleted = folder / "deleted"
    marked(deleted, "deleted")
    start([str(deleted), "600"], {"PLANTED": f"{MARK}-environment"})
    memfd = os.memfd_create("x")
    marked(folder / "of-memfd", "memfd")
    os.write(memfd, (folder / "of-memfd").read_bytes())
    start(["x", "600"], executable=f"/proc/self/fd/{memfd}", pass_fds=[memfd])
    named = subprocess.Popen([f"{MARK}-hidden", "600"], executable="/bin/sleep")
    processes.append(named.pid)
    listener = (
        "import ctypes,socket,time;ctypes.CDLL(None).unshare(0x40000000);s=socket.socket();"
        f"s.bind(('0.0.0.0',{PORT}));s.listen();time.sleep(600)"
    )
    start([sys.executable, "-c", listener])
    time.sleep(1)
    deleted.unlink()
    (folder / "of-memfd").unlink()
    os.close(memfd)
    empty = folder / "empty"
    empty.mkdir()
    mount(None, str(empty), f"/proc/{named.pid}", 4096)
    return processes


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


def measure(arguments: list[str]) -> dict:
    """Runs a collector."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
    # Blocks of 512 bytes that went to and came from disks on account of the program and what it started (getrusage(2)).
    written, read = after.ru_oublock - before.ru_oublock, after.ru_inblock - before.ru_inblock
    return {"code": done.returncode, "wall_s": round(time.monotonic() - began, 1), "cpu_s": round(cpu, 1),
            "written_mib": written >> 11, "read_mib": read >> 11, "said": done.stderr[-300:].decode(errors="replace")}


def streams(folder: pathlib.Path):
    """The plain bytes of all that a collector wrote: of zstd and tar what is in them."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        if path.suffix == ".zst":
            yield path, subprocess.Popen(["zstd", "-dcq", path], stdout=subprocess.PIPE).stdout
        else:
            yield path, open(path, "rb")


def found(folder: pathlib.Path) -> dict[str, bool]:
    """Which traces are in the output."""
    wanted = {name: mark.encode() for name, mark in TRACES.items()}
    got = dict.fromkeys(TRACES, False)
    socket_seen = False
    for path, stream in streams(folder):
        kept = b""
        while piece := stream.read(1 << 22):
            window = kept + piece
            for name, mark in wanted.items():
                got[name] = got[name] or mark in window
            socket_seen = socket_seen or b'"local_port":%d' % PORT in window or b":%04X 00000000:0000 0A" % PORT in window
            kept = window[-256:]
        stream.close()
    return {**got, "listener in another network namespace": socket_seen}


def size(folder: pathlib.Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> None:
    hozen, acquire = (str(pathlib.Path(given).resolve()) for given in sys.argv[1:3])
    base = pathlib.Path(tempfile.mkdtemp(prefix="beside-", dir=sys.argv[3] if len(sys.argv) > 3 else "/var/tmp"))
    checked(LIBC.unshare(0x00020000))
    mount(None, "none", "/", 0x4000 | (1 << 18))
    results: dict = {}
    processes = plant(base)
    try:
        commands = {
            "hozen": [hozen, "collect", "--memory", "off", "--case", "BESIDE", "--to"],
            "acquire": [acquire, "-p", "full", "--volatile-profile", "default", "--fallback", "-ot", "tar", "-o"],
        }
        for name, command in commands.items():
            to = base / name
            if name == "acquire":
                to.mkdir()
            run = measure([*command, str(to), *(["local"] if name == "acquire" else [])])
            results[name] = {**run, "output_mib": size(to) >> 20, "found": found(to)}
    finally:
        for pid in processes:
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(base, ignore_errors=True)
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
