//! Work inside a network namespace.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;

use super::namespaces::{Door, NetNamespace, own};
use crate::host::netns::{self, NetnsError};
use crate::host::read::Bytes;
use crate::host::{Host, ProcRoot, ReadError};
use crate::model::escape;

/// The most that is read of one text file: some 400,000 sockets.
pub(super) const TEXT: usize = 64 << 20;

/// The longest that the work in one namespace may take.
pub(super) const LIMIT: Duration = Duration::from_secs(20);

/// What the work finds inside.
#[derive(Debug)]
pub(super) struct Inside {
    proc: Arc<ProcRoot>,
    net: String,
    /// Whether the kernel can be asked here (netlink); else there are only the text files.
    pub(super) ask: bool,
}

impl Inside {
    /// A handle on the namespace, for questions about it.
    pub(super) fn namespace(&self) -> Result<OwnedFd, Errno> {
        netns::here(&self.proc)
    }

    /// Reads the text file `name` of the namespace.
    pub(super) fn text(&self, name: &str) -> Result<Bytes, ReadError> {
        self.proc.file(format!("{}/{name}", self.net), TEXT)
    }
}

/// What came of a visit.
#[derive(Debug)]
pub(super) struct Visit<T> {
    /// How it was entered, in words; empty where it was not.
    pub(super) entered: String,
    /// What the work returned.
    pub(super) value: Option<T>,
    /// Every door that did not open, and why.
    pub(super) refusals: Vec<String>,
    /// Whether the namespace ended before we came.
    pub(super) gone: bool,
}

/// Runs `work` inside `namespace`, by the first door that opens. Where none does, `work` gets the text files by way of a
/// process that is inside.
pub(super) fn visit<T, W>(host: &Host, namespace: &NetNamespace, work: W) -> Visit<T>
where
    T: Send + 'static,
    W: Fn(&Inside) -> T + Send + Sync + 'static,
{
    let work = Arc::new(work);
    if !host.live {
        return outside(host, namespace, &*work);
    }
    if own(host).unwrap_or(0) == namespace.inode {
        return at_home(host, &work);
    }
    let mut visit = through_doors(host, namespace, &work);
    if visit.value.is_none() && !visit.gone {
        by_process(host, namespace, &work, &mut visit);
    }
    visit
}

/// A fixture, which nothing can hang on.
fn outside<T>(host: &Host, namespace: &NetNamespace, work: &dyn Fn(&Inside) -> T) -> Visit<T> {
    let net = namespace.pids.iter().map(|pid| format!("{pid}/net")).find(|path| host.proc.stat(path).is_ok());
    let net = net.unwrap_or_else(|| "net".to_owned());
    let entered = format!("/proc/{net}");
    let inside = Inside { proc: Arc::clone(&host.proc), net, ask: false };
    Visit { entered, value: Some(work(&inside)), refusals: Vec::new(), gone: false }
}

fn at_home<T, W>(host: &Host, work: &Arc<W>) -> Visit<T>
where
    T: Send + 'static,
    W: Fn(&Inside) -> T + Send + Sync + 'static,
{
    let inside = here(host);
    let work = Arc::clone(work);
    let value = host.spare_thread().run(LIMIT, move || work(&inside)).ok();
    let refusals = if value.is_some() { vec![] } else { vec![NetnsError::TimedOut.to_string()] };
    Visit { entered: "own".to_owned(), value, refusals, gone: false }
}

/// The namespace of the thread that uses it.
fn here(host: &Host) -> Inside {
    Inside { proc: Arc::clone(&host.proc), net: "thread-self/net".to_owned(), ask: true }
}

fn through_doors<T, W>(host: &Host, namespace: &NetNamespace, work: &Arc<W>) -> Visit<T>
where
    T: Send + 'static,
    W: Fn(&Inside) -> T + Send + Sync + 'static,
{
    let mut visit = Visit { entered: String::new(), value: None, refusals: Vec::new(), gone: true };
    for door in &namespace.doors {
        let shown = format!("/proc/{}", escape::bytes(&door.path()));
        match enter(host, namespace.inode, door, work) {
            Ok(value) => return Visit { entered: format!("setns {shown}"), value: Some(value), gone: false, ..visit },
            Err(Refusal::Gone(errno)) => visit.refusals.push(format!("{shown}: {errno}")),
            Err(Refusal::Other(reason)) => {
                visit.refusals.push(format!("{shown}: {reason}"));
                visit.gone = false;
            }
        }
    }
    visit
}

/// Why a door did not open.
enum Refusal {
    Gone(Errno),
    Other(String),
}

fn enter<T, W>(host: &Host, inode: u64, door: &Door, work: &Arc<W>) -> Result<T, Refusal>
where
    T: Send + 'static,
    W: Fn(&Inside) -> T + Send + Sync + 'static,
{
    if let Door::Mount { safe: false, .. } = door {
        return Err(Refusal::Other("the way leads over a file system that may hang; not touched".to_owned()));
    }
    let (proc, path) = (Arc::clone(&host.proc), door.path());
    let opened = host.spare_thread().run(Duration::from_secs(2), move || netns::open(&proc, &path, inode));
    let namespace = opened.map_err(|_| Refusal::Other("opening it did not return in time".to_owned()))?;
    let namespace = namespace.map_err(|errno| match errno {
        Errno::ENOENT | Errno::ESRCH | Errno::ESTALE => Refusal::Gone(errno),
        errno => Refusal::Other(errno.to_string()),
    })?;
    let (inside, work) = (here(host), Arc::clone(work));
    netns::inside(namespace, LIMIT, move || work(&inside)).map_err(|error| {
        if error == NetnsError::TimedOut {
            host.footprint.count("threads_abandoned");
        }
        Refusal::Other(error.to_string())
    })
}

/// Without the right to enter, `/proc/PID/net` still shows the text files.
fn by_process<T, W>(host: &Host, namespace: &NetNamespace, work: &Arc<W>, visit: &mut Visit<T>)
where
    T: Send + 'static,
    W: Fn(&Inside) -> T + Send + Sync + 'static,
{
    let Some(pid) = namespace.pids.iter().find(|pid| host.proc.stat(format!("{pid}/net/dev")).is_ok()) else { return };
    let inside = Inside { proc: Arc::clone(&host.proc), net: format!("{pid}/net"), ask: false };
    let work = Arc::clone(work);
    match host.spare_thread().run(LIMIT, move || work(&inside)) {
        Ok(value) => {
            visit.entered = format!("not entered; text files of /proc/{pid}/net only");
            visit.value = Some(value);
        }
        Err(_) => visit.refusals.push(format!("/proc/{pid}/net: {}", NetnsError::TimedOut)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::network::namespaces::find;
    use crate::source::network::second::Second;
    use crate::source::recorded::Recorded;

    #[test]
    fn a_namespace_is_entered_by_its_thread_and_left_again() {
        let host = Host::live().unwrap();
        let second = Second::start(|| ());
        let found = find(&host, &mut Recorded::default()).unwrap();
        let other = found.iter().find(|namespace| namespace.inode == second.inode).unwrap();
        let seen = visit(&host, other, |inside: &Inside| {
            (inside.ask, inside.proc.link("thread-self/ns/net").unwrap(), inside.text("dev").unwrap().bytes)
        });
        let (ask, link, dev) = seen.value.unwrap();
        assert!(ask && link == format!("net:[{}]", second.inode).into_bytes(), "{:?}", seen.entered);
        assert_eq!(dev.split(|b| *b == b'\n').filter(|line| line.contains(&b':')).count(), 1);
        assert_ne!(own(&host), Some(second.inode));
    }

    #[test]
    fn a_namespace_that_ended_is_gone_and_a_wrong_inode_is_never_entered() {
        let host = Host::live().unwrap();
        let pid = i32::try_from(std::process::id()).unwrap();
        let doors = vec![Door::Process(i32::MAX), Door::Process(pid), Door::Descriptor(pid, 0)];
        let ended = NetNamespace { inode: 1, pids: vec![i32::MAX], doors };
        let seen = visit(&host, &ended, |_: &Inside| ());
        assert!(seen.gone && seen.value.is_none(), "{seen:?}");
        assert_eq!(seen.refusals.len(), 3);
    }
}
