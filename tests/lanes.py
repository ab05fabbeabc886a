#!/usr/bin/env python3
"""Runs every test of the workspace on two lanes at once, and says what each program took.

Guests with real kernels wait as much as they work (for a kernel that boots, for a deadline), and packages and fuzz targets keep one
processor busy: these come one after the other on the first lane, the longest first. On the second are the tests of this host, as `cargo test`
runs them; when they are over, it takes of the first lane what has not begun.

What fails is run once more, alone, when all else is over: a test that a busy machine alone can break is told apart from one that is
broken, and both are told. Only a program that fails twice, or more programs than a busy machine explains, fail the run.

usage: tests/lanes.py
"""

import collections
import json
import os
import subprocess
import sys
import threading
import time


# What boots guests, the longest first.
GUESTS = [f"tests/{name}" for name in ("vm_adversity", "volatility", "vm_modules", "vm", "vm_run_command", "vm_arm64", "vm_bucket", "vm_hooks", "vm_memory")]
# More programs than this are not run again.
MOST_AGAIN = 3


def programs():
    """Builds, and yields (name, file, folder of the package)."""
    command = ["cargo", "test", "--locked", "--workspace", "--no-run", "--message-format=json-render-diagnostics"]
    built = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if built.returncode:
        sys.exit(built.returncode)
    for line in built.stdout.splitlines():
        message = json.loads(line)
        if message.get("reason") == "compiler-artifact" and message.get("executable") and message["profile"]["test"]:
            folder = os.path.dirname(message["manifest_path"])
            yield f"{os.path.basename(folder)}/{message['target']['name']}", message["executable"], folder


def skipped(said):
    """What a program's tests said that they could not do here, from that word on: it may stand behind the name of a test."""
    lines = said.decode(errors="replace").splitlines()
    return [line[line.index("skipped: "):] for line in lines if "skipped: " in line and " needs " in line]


class Lane(threading.Thread):
    """Runs what is on its queues, one after the other; what one says is printed when it is over."""

    printing = threading.Lock()

    def __init__(self, *queues):
        super().__init__()
        self.queues, self.rows, self.failed, self.skipped = queues, [], [], []

    def work(self):
        for queue in self.queues:
            while True:
                try:
                    yield queue.popleft()
                except IndexError:
                    break

    def run(self):
        for name, command, folder in self.work():
            started = time.monotonic()
            with Lane.printing:
                print(f"     Started {name}", flush=True)
            process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            said = process.stdout.read()
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            self.skipped += [f"{name}: {line}" for line in skipped(said)]
            self.rows.append((time.monotonic() - started, used.ru_utime + used.ru_stime, name))
            if process.returncode:
                self.failed.append(name)
            with Lane.printing:
                print(f"     Running {name}: {self.rows[-1][0]:.0f} s", flush=True)
                sys.stdout.buffer.write(said)
                sys.stdout.flush()


def again(failed, by_name):
    """Runs what has failed once more, one after the other; returns what fails then, too."""
    if not failed or len(failed) > MOST_AGAIN:
        return failed
    print(f"once more, alone: {', '.join(failed)}", flush=True)
    lane = Lane(collections.deque(by_name[name] for name in failed))
    lane.start()
    lane.join()
    for name in sorted(set(failed) - set(lane.failed)):
        print(f"FLAKY: {name} failed beside others and passed alone", file=sys.stderr)
    return lane.failed


def main():
    documentation = subprocess.run(["cargo", "test", "--locked", "--workspace", "--doc", "--quiet"], check=False).returncode
    found = list(programs())
    by_name = {name: (name, [file, "--test-threads=1"], folder) for name, file, folder in found}
    unknown = [name for name in by_name if name.startswith("tests/vm") and name not in GUESTS]
    missing = [name for name in GUESTS if name not in by_name]
    if documentation or unknown or missing:
        sys.exit(f"documentation: {documentation}; guests that GUESTS lacks: {unknown}; that are not there: {missing}")
    guests = collections.deque(by_name[name] for name in GUESTS)
    guests.insert(1, ("packages", ["tests/packages/run.sh"], os.getcwd()))
    guests.insert(2, ("fuzz", ["fuzz/run.sh", "--check"], os.getcwd()))
    others = collections.deque((name, [file], folder) for name, file, folder in found if name not in GUESTS)
    everything = [*guests, *others]
    wanted = sorted(name for name, *_ in everything)
    lanes = [Lane(guests), Lane(others, guests)]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()
    print("seconds  of processors  program")
    for wall, used, name in sorted(lanes[0].rows + lanes[1].rows, reverse=True):
        print(f"{wall:7.0f}  {used:13.0f}  {name}")
    for line in sorted(set(lanes[0].skipped + lanes[1].skipped)):
        print(line)
    failed = again(lanes[0].failed + lanes[1].failed, {work[0]: work for work in everything})
    # A lane that broke off, because a program could not even be started, must not pass for one that was through.
    ended = sorted(name for *_, name in lanes[0].rows + lanes[1].rows)
    if ended != wanted:
        failed.append(f"{len(wanted) - len(ended)} programs did not run")
    for name in failed:
        print(f"FAILED: {name}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
