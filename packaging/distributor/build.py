"""Makes the package of AWS Systems Manager Distributor: one flat zip for each architecture, and the manifest.

usage: build.py STAGE OUT VERSION EPOCH [MODULES MODULES.PUB]

STAGE holds hozen-x86_64, hozen-aarch64, hozen.toml, NOTICES, LICENSE-MIT and LICENSE-APACHE. MODULES is a module store and
MODULES.PUB the key that its index is signed with.
"""

import hashlib
import io
import json
import pathlib
import sys
import tarfile
import time
import zipfile

HERE = pathlib.Path(__file__).resolve().parent

# Platforms that the agent knows by the ID of os-release and that run on EC2. A package is for any version of each: the program
# needs nothing of them. `_any` alone would not do, because the service wants to see them named.
PLATFORMS = ("amazon", "ubuntu", "debian", "raspbian", "redhat", "centos", "rocky", "almalinux", "oracle", "suse", "opensuse",
             "opensuseleap", "fedora", "alpine", "gentoo", "arch")
# The agent calls the architectures as Go does, but for amd64.
ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64"}
SCRIPTS = ("install.sh", "update.sh", "uninstall.sh")
# For builders, where Hozen-BuildModule looks for it.
BUILDER = "build-module.sh"
TEXTS = ("hozen.toml", "NOTICES", "LICENSE-MIT", "LICENSE-APACHE")


def modules_tar(folder: pathlib.Path, epoch: int) -> bytes:
    """The store as one file, because a zip of Distributor is flat."""

    def neutral(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = "root"
        member.mtime = epoch
        member.mode = 0o755 if member.isdir() else 0o644
        return member

    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted(folder.rglob("*")):
            tar.add(path, path.relative_to(folder).as_posix(), recursive=False, filter=neutral)
    return out.getvalue()


def content(stage: pathlib.Path, arch: str, version: str, epoch: int, modules: list[pathlib.Path]) -> dict[str, bytes]:
    files = {"hozen": (stage / f"hozen-{arch}").read_bytes(), "VERSION": f"{version}\n".encode()}
    files |= {name: (HERE / name).read_bytes() for name in SCRIPTS}
    files |= {name: (stage / name).read_bytes() for name in TEXTS}
    files[BUILDER] = (HERE.parent / "lime" / BUILDER).read_bytes()
    if modules:
        files |= {"modules.tar": modules_tar(modules[0], epoch), "modules.pub": modules[1].read_bytes()}
    sums = [f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files)]
    return files | {"SHA256SUMS": "".join(sums).encode()}


def write_zip(path: pathlib.Path, files: dict[str, bytes], epoch: int) -> None:
    with zipfile.ZipFile(path, "w") as out:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, time.gmtime(epoch)[:6])
            info.create_system = 3  # Unix: the agent takes the mode from it
            runs = name == "hozen" or name.endswith(".sh")
            info.external_attr = (0o100755 if runs else 0o100644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            out.writestr(info, files[name], compresslevel=9)


def main(stage: pathlib.Path, out: pathlib.Path, version: str, epoch: int, modules: list[pathlib.Path]) -> None:
    names, files = {}, {}
    for arch, key in ARCHITECTURES.items():
        name = f"hozen-{version}-{key}.zip"
        write_zip(out / name, content(stage, arch, version, epoch, modules), epoch)
        names[key] = {"file": name}
        files[name] = {"checksums": {"sha256": hashlib.sha256((out / name).read_bytes()).hexdigest()}}
    manifest = {
        "schemaVersion": "2.0",
        "publisher": "Hozen",
        "description": "Forensic evidence collector: placed on hosts in advance, it runs only when it is told to",
        "version": version,
        "packages": {platform: {"_any": names} for platform in PLATFORMS},
        "files": files,
    }
    (out / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    stage, out, version, epoch, *modules = sys.argv[1:]
    main(pathlib.Path(stage), pathlib.Path(out), version, int(epoch), [pathlib.Path(path) for path in modules])
