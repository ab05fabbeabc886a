//! The kernel's settings: every readable file below `/proc/sys` (sysctl(8)).

use std::time::Duration;

use super::keep::{self, Keeper, Kept};
use super::{Evidence, Source, Stop};
use crate::host::{Host, ReadError, Reason};
use crate::model::row::RowStatus;
use crate::model::{Artefact, Category, Outcome, Profile, Row, Status};

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "system_controls",
    category: Category::Kernel,
    profile: Profile::Volatile,
    budget: Duration::from_secs(30),
    budget_bytes: None,
    source: "/proc/sys",
    about: "Every setting of the kernel that can be read.",
    tables: &["system_controls"],
};

/// The most that is read of one setting.
const LIMIT: usize = 1 << 20;
/// Deeper than any setting lies.
const DEEPEST: usize = 12;

/// What is not read, and why, below `/proc/sys`. A name after `*` stands for that name anywhere below.
const SKIPPED: [(&str, &str); 9] = [
    ("fs/binfmt_misc", "a file system of its own, which the host may mount at the first look; read apart where it is mounted"),
    ("kernel/random/uuid", "answers something else each time and draws on the random numbers"),
    ("net/ipv4/route/flush", "flushes the routes"),
    ("net/ipv6/route/flush", "flushes the routes"),
    ("vm/compact_memory", "compacts memory"),
    ("vm/drop_caches", "drops caches"),
    ("vm/stat_refresh", "makes every processor fold its counters"),
    // The kernel logs a warning; the files with `_ms` have the same values.
    ("*/retrans_time", "reading it writes a warning into the kernel's log"),
    ("*/base_reachable_time", "reading it writes a warning into the kernel's log"),
];

/// Walks `/proc/sys`.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemControlsSource;

impl Source for SystemControlsSource {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        let mut keeper = Keeper { host, evidence };
        if let Err(error) = host.proc.names("sys") {
            let status = if error.is_gone() { Status::Absent } else { Status::Denied };
            return Ok(Outcome::because(status, error.to_string()));
        }
        let paths = walk(&mut keeper)?;
        let total = u64::try_from(paths.len()).unwrap_or(u64::MAX);
        for (done, path) in (0..).zip(&paths) {
            keeper.evidence.check()?;
            keeper.evidence.progress(done, total);
            setting(&mut keeper, path)?;
        }
        formats(&mut keeper)?;
        Ok(Outcome::ok())
    }
}

/// Every readable file below `/proc/sys`, relative to it, in the order of their names.
fn walk(keeper: &mut Keeper<'_>) -> Result<Vec<Vec<u8>>, Stop> {
    let mut files = Vec::new();
    let mut folders = vec![(Vec::new(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        keeper.evidence.check()?;
        let names = match keeper.host.proc.names(in_proc(&folder)) {
            Ok(names) => names,
            Err(error) if error.is_gone() => continue,
            Err(error) => {
                keeper.evidence.gap(error.gap());
                continue;
            }
        };
        for name in names {
            let path = if folder.is_empty() { name } else { [folder.as_slice(), b"/", &name].concat() };
            // One that cannot be asked has vanished, as a network interface does.
            match keeper.host.proc.stat(in_proc(&path)) {
                _ if is_skipped(&path) => {}
                Ok(stat) if stat.is_directory() && depth < DEEPEST => folders.push((path, depth + 1)),
                Ok(stat) if stat.is_regular() && stat.mode & 0o444 != 0 => files.push(path),
                _ => {}
            }
        }
    }
    files.sort_unstable();
    Ok(files)
}

fn in_proc(path: &[u8]) -> Vec<u8> {
    if path.is_empty() { b"sys".to_vec() } else { [b"sys/", path].concat() }
}

fn is_skipped(path: &[u8]) -> bool {
    SKIPPED.iter().any(|(skipped, _)| match skipped.strip_prefix('*') {
        Some(name) => path.ends_with(name.as_bytes()),
        None => path == skipped.as_bytes(),
    })
}

fn setting(keeper: &mut Keeper<'_>, path: &[u8]) -> Result<(), Stop> {
    let full = [b"/proc/sys/", path].concat();
    let mut row = Row::new(keeper.host.clock.now(), keep::shown(&full));
    row.bytes("name", &dotted(path)).bytes("subsystem", path.split(|b| *b == b'/').next().unwrap_or_default());
    let read = keeper.host.proc.file(in_proc(path), LIMIT);
    if let Some(reason) = unset(&read) {
        row.error("current_value", reason);
        return keeper.evidence.row("system_controls", &row);
    }
    if read.as_ref().is_err_and(ReadError::is_gone) {
        row.status(RowStatus::Vanished);
    }
    if let Some(value) = keep::content(&mut row, "current_value", keeper.keep(&full, read)?) {
        row.bytes("current_value", value.strip_suffix(b"\n").unwrap_or(&value));
    }
    keeper.evidence.row("system_controls", &row)
}

/// Formats of programs for which the kernel starts an interpreter (binfmt_misc): a file system of its own, read where the host has
/// mounted it.
fn formats(keeper: &mut Keeper<'_>) -> Result<(), Stop> {
    let Some(root) = keeper.host.mounted(c"binfmt_misc", "/proc/sys/fs/binfmt_misc") else { return Ok(()) };
    // `register` can only be written to.
    for name in root.names("").unwrap_or_default().into_iter().filter(|name| name != b"register") {
        keeper.evidence.check()?;
        let full = root.full(&name);
        let mut row = Row::new(keeper.host.clock.now(), keep::shown(&full));
        row.bytes("name", &dotted(&[b"fs/binfmt_misc/", name.as_slice()].concat())).bytes("subsystem", b"fs");
        let kept = keeper.below(&root, &name)?;
        if let Some(value) = keep::content(&mut row, "current_value", kept) {
            row.bytes("current_value", value.strip_suffix(b"\n").unwrap_or(&value));
        }
        keeper.evidence.row("system_controls", &row)?;
    }
    Ok(())
}

/// The error's name where the kernel says that a setting has no value now (a secret that was never set, a device that is
/// down). That is its state, and nothing that we missed.
fn unset(read: &Kept) -> Option<String> {
    let error = read.as_ref().err()?;
    let denied = error.is_denied() || error.is_gone();
    (matches!(error.reason, Reason::Errno(_)) && !denied).then(|| error.reason.word())
}

/// The name as sysctl(8) writes it: dots for slashes, and slashes for the dots within a name (`eth0.1`).
fn dotted(path: &[u8]) -> Vec<u8> {
    path.iter()
        .map(|b| match b {
            b'/' => b'.',
            b'.' => b'/',
            b => *b,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::recorded::Recorded;
    use proptest::prelude::*;

    #[test]
    fn this_machine_has_hundreds_of_settings() {
        let mut evidence = Recorded::default();
        assert_eq!(SystemControlsSource.acquire(&Host::live().unwrap(), &mut evidence), Ok(Outcome::ok()));
        let rows = evidence.rows("system_controls");
        assert!(rows.len() > 200, "{}", rows.len());
        let row = rows.iter().find(|row| row["name"] == "kernel.ostype").unwrap();
        assert_eq!((&row["subsystem"], &row["current_value"]), (&"kernel".into(), &"Linux".into()));
        assert!(rows.iter().all(|row| row["name"] != "vm.stat_refresh" && row["name"] != "net.ipv4.route.flush"));
        assert!(evidence.member("/proc/sys/kernel/ostype").is_some());
    }

    #[test]
    fn dots_and_slashes_change_places() {
        assert_eq!(dotted(b"net/ipv4/conf/eth0.1/forwarding"), b"net.ipv4.conf.eth0/1.forwarding");
    }

    #[test]
    fn what_has_an_effect_is_skipped_anywhere() {
        assert!(is_skipped(b"net/ipv6/neigh/eth0/retrans_time") && !is_skipped(b"net/ipv6/neigh/eth0/retrans_time_ms"));
        assert!(is_skipped(b"net/ipv4/route/flush") && !is_skipped(b"net/ipv4/route/flush2"));
    }

    #[test]
    fn values_are_bytes_and_write_only_files_are_left() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let kernel = dir.path().join("proc/sys/kernel");
        std::fs::create_dir_all(&kernel).unwrap();
        std::fs::write(kernel.join("odd"), b"\xff\n").unwrap();
        std::fs::write(kernel.join("write-only"), b"x").unwrap();
        std::fs::set_permissions(kernel.join("write-only"), PermissionsExt::from_mode(0o200)).unwrap();
        std::os::unix::fs::symlink("odd", kernel.join("link")).unwrap();
        let formats = dir.path().join("proc/sys/fs/binfmt_misc");
        std::fs::create_dir_all(&formats).unwrap();
        std::fs::write(formats.join("evil"), "enabled\ninterpreter /tmp/.x\n").unwrap();
        std::fs::write(formats.join("register"), "").unwrap();
        let mut evidence = Recorded::default();
        SystemControlsSource.acquire(&Host::fixture(dir.path()).unwrap(), &mut evidence).unwrap();
        let [odd, evil] = evidence.rows("system_controls") else { panic!("{:?}", evidence.rows("system_controls")) };
        assert_eq!(odd["current_value_b64"], "/w==");
        assert_eq!(
            (&evil["name"], &evil["current_value"]),
            (&"fs.binfmt_misc.evil".into(), &"enabled\ninterpreter /tmp/.x".into())
        );
    }

    proptest! {
        #[test]
        fn any_name_can_be_turned_back(path: Vec<u8>) {
            prop_assert_eq!(dotted(&dotted(&path)), path);
        }
    }
}
