#!/usr/bin/env python3
"""Runs every test of the workspace on two lanes at once, and says what each program took.

Guests with real kernels wait as much as they work (for a kernel that boots, for a deadline), and packages are unpacked by one
processor: these come one after the other on the first lane. On the second are the tests of this host, as `cargo test` runs them.

usage: tests/lanes.py
"""

import json
import os
import subprocess
import sys
import threading
import time


def is_guest(name):
    return name == "volatility" or name == "vm" or name.startswith("vm_")


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


class Lane(threading.Thread):
    """Runs commands one after the other; what one says is printed when it is over."""

    printing = threading.Lock()

    def __init__(self, work):
        super().__init__()
        self.work, self.rows, self.failed = work, [], []

    def run(self):
        for name, command, folder in self.work:
            started = time.monotonic()
            with Lane.printing:
                print(f"     Started {name}", flush=True)
            process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                       env={**os.environ, "CARGO_MANIFEST_DIR": folder})
            said = process.stdout.read()
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            self.rows.append((time.monotonic() - started, used.ru_utime + used.ru_stime, name))
            if process.returncode:
                self.failed.append(name)
            with Lane.printing:
                print(f"     Running {name}: {self.rows[-1][0]:.0f} s", flush=True)
                sys.stdout.buffer.write(said)
                sys.stdout.flush()


def main():
    found = list(programs())
    here = os.getcwd()
    guests = [("packages", ["tests/packages/run.sh"], here)]
    guests += [(name, [file, "--test-threads=1"], folder) for name, file, folder in found if is_guest(name.split("/")[1])]
    others = [(name, [file], folder) for name, file, folder in found if not is_guest(name.split("/")[1])]
    others.append(("documentation", ["cargo", "test", "--locked", "--workspace", "--doc", "--quiet"], here))
    lanes = [Lane(guests), Lane(others)]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()
    print("seconds  of processors  program")
    for wall, used, name in sorted(lanes[0].rows + lanes[1].rows, reverse=True):
        print(f"{wall:7.0f}  {used:13.0f}  {name}")
    failed = lanes[0].failed + lanes[1].failed
    for name in failed:
        print(f"FAILED: {name}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
