"""How the SSM agent chooses a file out of a Distributor manifest, written from what is known of its rules and not from our builder, and
a check of a package by them.

usage: agent.py FOLDER     (manifest.json and zips, as packaging/dist.sh leaves them, beside the programs)
"""

import hashlib
import json
import pathlib
import stat
import sys
import zipfile

# ID of os-release → platform, as the agent maps it. What is not here it refuses, whatever the manifest says.
PLATFORM = {"amzn": "amazon", "ubuntu": "ubuntu", "debian": "debian", "raspbian": "raspbian", "rhel": "redhat", "centos": "centos",
            "rocky": "rocky", "almalinux": "almalinux", "ol": "oracle", "sles": "suse", "suse": "suse", "opensuse": "opensuse",
            "opensuse-leap": "opensuseleap", "fedora": "fedora", "alpine": "alpine", "gentoo": "gentoo", "arch": "arch"}
GOARCH = {"x86_64": "x86_64", "aarch64": "arm64", "i686": "386"}
# What instances say of themselves: ID, VERSION_ID.
HOSTS = [("amzn", "2"), ("amzn", "2023"), ("ubuntu", "22.04"), ("ubuntu", "24.04"), ("debian", "12"), ("rhel", "8.10"), ("rhel", "9.4"),
         ("centos", "7"), ("rocky", "9.4"), ("almalinux", "9.4"), ("ol", "8.9"), ("sles", "15.5"), ("opensuse-leap", "15.6"),
         ("fedora", "40"), ("alpine", "3.20.1"), ("gentoo", "2.15"), ("arch", "")]


def by_version(versions: dict, version: str) -> dict | None:
    """Exact; else the longest key N.* of which the version has the components; else _any, else *."""
    if version in versions:
        return versions[version]
    parts = version.split(".")
    prefixes = [key for key in versions if key.endswith(".*") and key[:-2].split(".") == parts[: key.count(".")]]
    if prefixes:
        return versions[max(prefixes, key=len)]
    return versions.get("_any", versions.get("*"))


def choose(manifest: dict, id: str, version: str, machine: str) -> str | None:
    """The name of the file for a host; None where the agent says that there is none."""
    if id not in PLATFORM:
        return None
    packages = manifest["packages"]
    versions = packages.get(PLATFORM[id], packages.get("_any"))
    archs = by_version(versions, version) if versions else None
    found = (archs or {}).get(GOARCH[machine], (archs or {}).get("_any"))
    return found["file"] if found else None


def check_zip(path: pathlib.Path, machine: bytes, released: pathlib.Path) -> None:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        assert all("/" not in name for name in names), f"not flat: {names}"
        assert {"install.sh", "uninstall.sh", "update.sh", "hozen", "SHA256SUMS"} <= set(names), names
        assert not any(name.endswith(".ps1") or name == "manifest.json" for name in names), names
        for script in ("install.sh", "uninstall.sh", "update.sh"):
            assert archive.read(script).startswith(b"#!/bin/sh\n"), script
        mode = archive.getinfo("hozen").external_attr >> 16
        assert stat.S_ISREG(mode) and mode & 0o111, oct(mode)
        program = archive.read("hozen")
        assert program[:4] == b"\x7fELF" and program[18:20] == machine, "the program is for another machine"
        assert program == released.read_bytes(), f"not {released}"
        listed = dict(reversed(line.split("  ", 1)) for line in archive.read("SHA256SUMS").decode().splitlines())
        assert set(listed) == set(names) - {"SHA256SUMS"}, listed
        assert all(hashlib.sha256(archive.read(name)).hexdigest() == digest for name, digest in listed.items())


def self_check() -> None:
    """The rules themselves, on a manifest that has one of each kind."""
    file = lambda name: {"x86_64": {"file": name}, "arm64": {"file": name + "-arm"}}
    manifest = {"packages": {"redhat": {"9.4": file("exact"), "9.*": file("nine"), "_any": file("any")}, "ubuntu": {"*": file("star")},
                             "debian": {"12": file("twelve")}}}
    for id, version, machine, want in [
        ("rhel", "9.4", "x86_64", "exact"), ("rhel", "9.3", "x86_64", "nine"), ("rhel", "9", "aarch64", "nine-arm"),
        ("rhel", "8.1", "x86_64", "any"), ("ubuntu", "24.04", "x86_64", "star"), ("debian", "13", "x86_64", None),
        ("kali", "1", "x86_64", None), ("ubuntu", "24.04", "i686", None), ("fedora", "40", "x86_64", None)]:
        assert choose(manifest, id, version, machine) == want, (id, version, machine)


def main(folder: pathlib.Path) -> None:
    self_check()
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["schemaVersion"] == "2.0" and manifest["version"].replace(".", "").isalnum(), manifest["version"]
    for id, version in HOSTS:
        for machine in ("x86_64", "aarch64"):
            name = choose(manifest, id, version, machine)
            assert name, f"no manifest found for platform: {id}, version {version}, architecture {machine}"
            sums = manifest["files"][name]["checksums"]
            assert sums == {"sha256": hashlib.sha256((folder / name).read_bytes()).hexdigest()}, name
    assert len(manifest["files"]) <= 20
    for machine, elf in (("x86_64", b"\x3e\x00"), ("aarch64", b"\xb7\x00")):
        check_zip(folder / choose(manifest, "debian", "12", machine), elf, folder.parent / f"hozen-{machine}")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
