//! For tests of this crate: what one does that cannot run on this machine. The words and the rule are those of `hozen_tests::host::skipped`,
//! which stands above this crate: it is said loudly, and with `HOZEN_NO_SKIP` set (as in CI) it is a failure.
//!
//! **Invariant:** compiled for tests only, so nothing that is shipped can name it.

use std::fmt::Display;
use std::io::Write as _;
use std::panic::Location;
use std::path::Path;

/// What a test needs that loads a program, makes a map or pins one.
pub(crate) const BPF: &str = "bpf(2) for root, and a mount of it";
/// What a comparison of both sides of `/` needs.
pub(crate) const ROOTS_DISK: &str = "the block device of /, open for reading, with ext4 on it";

/// What even a machine that is to run every test may lack, why, and which test proves the same.
const MAY_LACK: [(&str, &str); 1] = [(
    ROOTS_DISK,
    "containers and guests may be kept from their disk by a rule on devices (cgroups(7)), or have another file system on it; \
     tests/tests/vm.rs compares both sides of an ext4 in a guest, and finds what is hidden and nothing else",
)];

/// Says that the test that calls needs `what`, and `why` it is missing, past the capture of the test runner.
///
/// # Panics
/// When `HOZEN_NO_SKIP` is set, unless a machine may lack it.
#[track_caller]
pub(crate) fn skip(what: &str, why: impl Display) {
    let place = Location::caller();
    let message = format!("skipped: {}:{} needs {what}: {why}", place.file(), place.line());
    let known = may_lack(what);
    assert!(known.is_some() || std::env::var_os("HOZEN_NO_SKIP").is_none(), "{message}, and HOZEN_NO_SKIP is set");
    // If stderr is closed nobody wants to know.
    let _ = writeln!(std::io::stderr(), "{message}{}", known.map(|reason| format!(" ({reason})")).unwrap_or_default());
}

/// What a fuzz target begins with (`fuzz/seeds`): names and bytes.
///
/// # Panics
/// When it has none.
pub(crate) fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds").join(target);
    let one = |path: &Path| (path.display().to_string(), std::fs::read(path).unwrap());
    let found: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| one(&entry.unwrap().path())).collect();
    assert!(!found.is_empty(), "{} is empty", folder.display());
    found
}

/// Why a machine may lack `what`, if it may.
fn may_lack(what: &str) -> Option<&'static str> {
    MAY_LACK.iter().find(|(known, _)| *known == what).map(|(_, reason)| *reason)
}

#[test]
fn a_machine_may_lack_what_is_listed_and_nothing_else() {
    assert!(may_lack(ROOTS_DISK).is_some_and(|reason| reason.contains("tests/tests/vm.rs")));
    assert_eq!(may_lack("root"), None);
}
