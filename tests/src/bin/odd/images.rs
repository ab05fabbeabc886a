//! Processes whose executable, arguments or environment are odd. Each executes itself once more to get them.

#![expect(clippy::disallowed_methods, reason = "a helper program that reads its own files and executes itself")]

use std::convert::Infallible;
use std::ffi::{CStr, CString, OsStr};
use std::fs::{self, File, Permissions};
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use hozen_tests::life::{Failure, Life};
use nix::sys::memfd::{MFdFlags, memfd_create};

use super::{hex, sha256, stay};

pub(super) const MEGABYTE_AGAIN: &str = "megabyte-again";
pub(super) const MEMFD_AGAIN: &str = "memfd-again";
pub(super) const DELETED_AGAIN: &str = "deleted-again";
pub(super) const SECRET_AGAIN: &str = "secret-again";
pub(super) const DISGUISED_AGAIN: &str = "disguised-again";
pub(super) const REPLACED_AGAIN: &str = "replaced-again";

/// The kernel takes at most 128 KiB in one argument.
const ARGUMENT: usize = 120_000;

/// Executes this program again with a megabyte of arguments.
pub(super) fn megabyte() -> Result<(), Failure> {
    let hostile = b"a line\nanother\x1b[31m \xff\xfe \xc3\x28 \"quoted\" \\ \t";
    let argument: Vec<u8> = hostile.iter().copied().cycle().take(ARGUMENT).collect();
    let arguments = (0..9).map(|_| OsStr::from_bytes(&argument));
    Err(Command::new("/proc/self/exe").arg(MEGABYTE_AGAIN).args(arguments).exec().into())
}

/// The same program with its megabyte of arguments.
pub(super) fn megabyte_again() -> Result<(), Failure> {
    let life = Life::begin()?;
    let arguments: Vec<u8> = std::env::args_os().flat_map(|argument| [argument.as_bytes(), b"\0"].concat()).collect();
    stay(&life, vec![("size", arguments.len().to_string()), ("sha256", sha256(&arguments))])
}

/// Executes this program again from memory: its executable was never on a disk.
pub(super) fn memfd() -> Result<(), Failure> {
    let image = memfd_create(c"kworker", MFdFlags::MFD_CLOEXEC)?;
    let mut image = File::from(image);
    image.write_all(&fs::read("/proc/self/exe")?)?;
    let arguments = [c"[kworker/0:1]".to_owned(), CString::new(MEMFD_AGAIN)?];
    let no_environment: [&CStr; 0] = [];
    let never: Infallible = nix::unistd::fexecve(&image, &arguments, &no_environment)?;
    match never {}
}

/// The same program from memory; holds a second memfd with data.
pub(super) fn memfd_again() -> Result<(), Failure> {
    let life = Life::begin()?;
    let data: Vec<u8> = b"memory only \xff\n".iter().copied().cycle().take(100_001).collect();
    let mut held = File::from(memfd_create(c"stage two", MFdFlags::MFD_CLOEXEC)?);
    held.write_all(&data)?;
    stay(&life, vec![("sha256", sha256(&fs::read("/proc/self/exe")?)), ("data_sha256", sha256(&data))])
}

/// Copies this program into `dir` and executes the copy, which deletes itself.
pub(super) fn deleted(dir: &Path) -> Result<(), Failure> {
    copied(dir, DELETED_AGAIN)
}

/// Copies this program into `dir` and executes the copy, whose name another file takes.
pub(super) fn replaced(dir: &Path) -> Result<(), Failure> {
    copied(dir, REPLACED_AGAIN)
}

fn copied(dir: &Path, again: &str) -> Result<(), Failure> {
    let copy = dir.join("dropper");
    fs::copy("/proc/self/exe", &copy)?;
    fs::set_permissions(&copy, Permissions::from_mode(0o700))?;
    // An end of its own on the copy, so that its digest is that of no other file on the host.
    fs::OpenOptions::new().append(true).open(&copy)?.write_all(&random()?)?;
    Err(Command::new(&copy).arg(again).arg(&copy).exec().into())
}

/// The copy, which deletes itself.
pub(super) fn deleted_again(copy: &Path) -> Result<(), Failure> {
    let life = Life::begin()?;
    fs::remove_file(copy)?;
    stay(&life, vec![("sha256", sha256(&fs::read("/proc/self/exe")?)), ("path", copy.display().to_string())])
}

/// The copy, whose name another file takes: what runs has none any more.
pub(super) fn replaced_again(copy: &Path) -> Result<(), Failure> {
    const INNOCENT: &[u8] = b"#!/bin/sh\nexec true\n";
    let life = Life::begin()?;
    let other = copy.with_extension("new");
    fs::write(&other, INNOCENT)?;
    fs::rename(&other, copy)?;
    let (own, named) = (sha256(&fs::read("/proc/self/exe")?), sha256(INNOCENT));
    let result = stay(&life, vec![("sha256", own), ("path_sha256", named), ("path", copy.display().to_string())]);
    fs::remove_file(copy)?;
    result
}

/// Executes this program again with the command line by which ps(1) shows a thread of the kernel.
pub(super) fn disguised() -> Result<(), Failure> {
    Err(Command::new("/proc/self/exe").arg0("[kworker/0:1]").arg(DISGUISED_AGAIN).exec().into())
}

/// The same program, which also takes the name of such a thread.
pub(super) fn disguised_again() -> Result<(), Failure> {
    let life = Life::begin()?;
    nix::sys::prctl::set_name(c"kworker/0:1")?;
    stay(&life, Vec::new())
}

/// Executes this program again with a credential in its environment. It never stands in an argument or a file.
pub(super) fn secret() -> Result<(), Failure> {
    let mut command = Command::new("/proc/self/exe");
    command.arg(SECRET_AGAIN).env("AWS_SECRET_ACCESS_KEY", hex(&random()?)).env("HOZEN_TEST_PLAIN", "this may be seen");
    Err(command.exec().into())
}

/// The same program, with the credential.
pub(super) fn secret_again() -> Result<(), Failure> {
    let life = Life::begin()?;
    stay(&life, vec![("secret", std::env::var("AWS_SECRET_ACCESS_KEY")?)])
}

fn random() -> Result<[u8; 20], Failure> {
    let mut bytes = [0; 20];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}
