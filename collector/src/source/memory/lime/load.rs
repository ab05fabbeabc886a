//! LiME's way into the kernel, and the memory's way to us: a pipe of ours, which LiME opens by its name as it would a file.
//!
//! Nobody on the host can come between, no port is opened, nothing passes the network's filters and listeners, and what waits in it is 16
//! pages at most, of the memory that is being read. Where LiME cannot open it, a socket of the loopback address takes its place, as LiME
//! has it for other machines: whoever connects first gets the memory, so that is told in the footprint.

use std::ffi::CString;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::SILENCE;
use crate::host::Host;
use crate::host::inflow::{Inflow, Look, Pipe};
use crate::host::module::{self as kernel, Loading};

/// How long the module may take until it sends, or listens.
const PATIENCE: Duration = Duration::from_secs(10);
/// The time between two looks.
const PAUSE: Duration = Duration::from_millis(5);

/// Why there is no stream.
enum Refused {
    /// The module could not open the pipe, or there is none.
    Pipe(String),
    /// What no socket would change.
    Module(String),
}

/// Loads `module`. `parameters` become those that it was loaded with.
///
/// # Errors
/// Why there is no stream.
pub(super) fn load(host: &Host, module: &[u8], parameters: &mut String) -> Result<Inflow, String> {
    match by_pipe(host, module, parameters) {
        Ok(pipe) => Ok(Inflow::Pipe(pipe)),
        Err(Refused::Module(why)) => Err(why),
        Err(Refused::Pipe(why)) => {
            by_socket(host, module, parameters, &why).map_err(|error| format!("{why}; over the loopback address: {error}"))
        }
    }
}

fn by_pipe(host: &Host, module: &[u8], parameters: &mut String) -> Result<Arc<Pipe>, Refused> {
    let (pipe, held) = Pipe::new().map_err(|errno| Refused::Pipe(format!("there is no pipe ({errno:?})")))?;
    let name = held.name().ok_or_else(|| Refused::Pipe("/proc/self/fd shows no pipe where there is one".to_owned()))?;
    *parameters = format!("path={name} format=lime timeout=0");
    begin(host, parameters, |parameters| Loading::start(module, parameters, Some(held))).map_err(Refused::Module)?;
    host.loaded.sends(Inflow::Pipe(Arc::clone(&pipe)));
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        let look = pipe.look().map_err(|errno| Refused::Module(format!("the pipe cannot be read ({errno:?})")))?;
        if look == Look::Bytes {
            host.footprint.count("modules_loaded");
            return Ok(pipe);
        }
        // Once nobody can write any more, it is about to say why.
        if let Some(outcome) = host.loaded.outcome().filter(|_| look == Look::End) {
            return Err(refused(host, outcome));
        }
        std::thread::sleep(PAUSE);
    }
    Err(Refused::Module(format!("it sent nothing within {} s", PATIENCE.as_secs())))
}

/// Why it returned before it had sent anything.
fn refused(host: &Host, outcome: Result<(), Errno>) -> Refused {
    match outcome {
        Err(errno) if is_of_the_pipe(errno) => {
            host.loaded.end(&host.footprint);
            Refused::Pipe(format!("it could not open our pipe ({errno:?})"))
        }
        outcome => Refused::Module(unsaid(outcome)),
    }
}

/// Whether our sockets are not those of the kernel's own network, which the module's would be of.
fn is_in_other_network(host: &Host) -> bool {
    match (host.proc.link("self/ns/net"), host.proc.link("1/ns/net")) {
        (Ok(ours), Ok(first)) => ours != first,
        _ => false,
    }
}

/// Loads it once more, with a socket in place of a pipe that it could not open because of `why`.
fn by_socket(host: &Host, module: &[u8], parameters: &mut String, why: &str) -> Result<Inflow, String> {
    if is_in_other_network(host) {
        return Err("this process is in another network namespace than the module's socket would be".to_owned());
    }
    let port = kernel::free_port().map_err(|error| format!("no free port: {error}"))?;
    *parameters = format!("path=tcp:{port} format=lime localhostonly=1 timeout=0");
    begin(host, parameters, |parameters| Loading::start(module, parameters, None))?;
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        let connected = kernel::connect(port);
        // Somebody else may have taken the port meanwhile: LiME does not return before it has sent all.
        if let Some(outcome) = host.loaded.outcome() {
            return Err(unsaid(outcome));
        }
        if let Ok(stream) = connected {
            host.footprint.count("modules_loaded");
            host.footprint.note(format!("LiME had to send over the loopback address: {why}"));
            let stream = Arc::new(stream);
            host.loaded.sends(Inflow::Socket(Arc::clone(&stream)));
            stream.set_read_timeout(Some(SILENCE)).map_err(|error| format!("its socket cannot be read: {error}"))?;
            return Ok(Inflow::Socket(stream));
        }
        std::thread::sleep(PAUSE);
    }
    Err(format!("it did not listen on port {port} within {} s", PATIENCE.as_secs()))
}

fn begin(host: &Host, parameters: &str, start: impl FnOnce(CString) -> Result<Loading, Errno>) -> Result<(), String> {
    let parameters = CString::new(parameters).map_err(|error| error.to_string())?;
    let begun = host.loaded.begin(|| start(parameters));
    begun.map_err(|errno| format!("the module cannot be put into memory: {errno}"))
}

/// Whether it may be what LiME came to when it opened the pipe: setup_disk of its disk.c returns what open gives.
fn is_of_the_pipe(errno: Errno) -> bool {
    matches!(errno, Errno::ENOENT | Errno::EACCES | Errno::ENXIO | Errno::ELOOP | Errno::EINVAL | Errno::EIO | Errno::EROFS)
}

/// Whether LiME may have sent over its socket where its init function came to this: once it sends, only a connection that broke is an
/// error; before that it is whatever kept it from listening.
pub(super) fn may_have_sent(errno: Errno) -> bool {
    matches!(errno, Errno::EPIPE | Errno::ECONNRESET | Errno::ENOTCONN | Errno::ETIMEDOUT)
}

/// Why it returned before there was a stream.
fn unsaid(outcome: Result<(), Errno>) -> String {
    outcome.err().map_or_else(|| "it returned without a word".to_owned(), refusal)
}

/// Why the kernel refused the module.
fn refusal(errno: Errno) -> String {
    let why = match errno {
        Errno::EPERM | Errno::EACCES => "the kernel does not let us load it (lockdown, a security module, or CAP_SYS_MODULE)",
        Errno::EKEYREJECTED | Errno::ENOKEY | Errno::EBADMSG => "the kernel wants it signed by a key that it knows",
        Errno::ENOEXEC => "the kernel says that it is not built for it (version or symbols)",
        Errno::ENOENT => "it needs a symbol that the kernel does not have",
        Errno::EEXIST => "a module of the name lime is loaded already",
        Errno::EADDRINUSE => "its port is in use",
        Errno::ENOMEM => "the kernel has no memory for it",
        Errno::ENOSYS => "the kernel cannot load modules",
        _ => "loading it failed",
    };
    format!("{why} ({errno:?})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_socket_needs_the_kernels_own_network() {
        let dir = tempfile::tempdir().unwrap();
        for (process, namespace) in [("self", "net:[1]"), ("1", "net:[2]")] {
            let folder = dir.path().join("proc").join(process).join("ns");
            std::fs::create_dir_all(&folder).unwrap();
            std::os::unix::fs::symlink(namespace, folder.join("net")).unwrap();
        }
        let mut parameters = String::new();
        let why = by_socket(&Host::fixture(dir.path()).unwrap(), b"no module", &mut parameters, "").unwrap_err();
        assert!(why.contains("another network namespace") && parameters.is_empty(), "{why}");
    }

    #[test]
    fn what_never_sent_is_not_said_to_have_sent() {
        let host = Host::live().unwrap();
        let why = by_socket(&host, b"no module", &mut String::new(), "there is no pipe").unwrap_err();
        assert!(why.contains("(E") || is_in_other_network(&host), "{why}");
        host.loaded.end(&host.footprint);
        assert!(host.footprint.notes().is_empty(), "{:?}", host.footprint.notes());
    }

    #[test]
    fn every_errno_has_a_reason() {
        for errno in [Errno::EPERM, Errno::EKEYREJECTED, Errno::ENOEXEC, Errno::EEXIST, Errno::EADDRINUSE, Errno::EIO] {
            assert!(refusal(errno).ends_with(&format!("({errno:?})")));
        }
    }

    #[test]
    fn what_is_no_fault_of_a_pipe_is_not_tried_again_with_a_socket() {
        assert!(is_of_the_pipe(Errno::ENXIO));
        for errno in [Errno::EPERM, Errno::ENOEXEC, Errno::EKEYREJECTED, Errno::EEXIST, Errno::ENOMEM, Errno::ENOSYS] {
            assert!(!is_of_the_pipe(errno), "{errno:?}");
        }
    }
}
