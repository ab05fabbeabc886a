//! `odd KIND [DIR]`: becomes a process of a kind that collectors stumble over, prints `ready` and facts about itself, and ends
//! when its stdin closes or on SIGTERM. Nothing is left behind.
//!
//! | kind | what it is | facts |
//! |---|---|---|
//! | `plain` | just sleeps | `pid` |
//! | `megabyte` | has 1 MiB of arguments with newlines, escapes and bytes that are not UTF-8 | `pid`, `size` and `sha256` of its `cmdline` |
//! | `memfd` | runs from a memfd and holds a second one with data | `pid`, `sha256` of the executable, `data_sha256` |
//! | `deleted DIR` | runs from a file in DIR that is deleted | `pid`, `sha256` of the executable, `path` |
//! | `replaced DIR` | runs from a file in DIR whose name another file has taken | `pid`, `sha256` of the executable, `path`, `path_sha256` of the other file |
//! | `disguised` | has the name and the command line of a thread of the kernel | `pid` |
//! | `secret` | has credentials in its environment | `pid`, `secret` |
//! | `dstate` | waits in state D | `pid` |
//! | `frozen` | is frozen by a control group (root) | `pid` |
//! | `mortal` | has children that live for two milliseconds, one after the other | `pid` |
//! | `fifo DIR` | holds a FIFO in DIR open | `pid`, `path` |
//! | `shm DIR` | keeps a file with a hostile name, a FIFO, a socket and a link in DIR (meant: `/dev/shm`) | `pid`, `name` in hex, `sha256` |
//! | `memory` | has pages of known content, and a terabyte that it never touches | `pid`, the addresses `plain`, `code`, `file`, `swapped`, `reserved`, and `mark` |
//! | `secretmem` | has memory that not even the kernel can read | `pid`, its address `secret`, or `none` where the kernel has no such memory |
//! | `netns` | listens on 127.0.0.1 in its own network namespace (root) | `pid`, `port`, `netns` |
//! | `netns-pair` | has two children, each of which listens on the same port of 127.0.0.1 in its own network namespace (root) | `port`, `pid` and `netns` of one, `other_pid` and `other_netns` of the other |
//! | `container DIR` | has a child and a grandchild in mount, PID, network, host name and IPC namespaces of their own and in a control group that is named after a container, with an overlay in DIR as root, in which they have written; one listens (root) | `pid`, `worker`, the inodes `mnt`, `pidns`, `net`, `uts`, `ipc`, `port`, `id` of the container, `upper` |
//! | `attached GROUPS [PIN]` | in its own network namespace tracks a connection, has a rule for that and one connection that is over; has BPF programs: as a filter of its loopback interface, by a link at that interface (XDP), at the namespace (flow dissector), by a link at a tracepoint, at a control group that it makes in GROUPS, and one that is pinned as PIN (root, Linux 5.9) | those of `hozen_tests::attached` |
//! | `sniffer` | has a packet socket with a filter in its own network namespace (root) | `pid`, `filter` in hex, `sha256` of it, `netns` |

mod attached;
mod container;
mod files;
mod images;
mod memory;
mod states;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use hozen_tests::life::{self, Failure, Life};

const USAGE: &str = "usage: odd plain|disguised|megabyte|memfd|secret|dstate|frozen|memory|mortal|netns|netns-pair|secretmem|sniffer, or odd container|deleted|fifo|replaced|shm DIR, or odd attached GROUPS [PIN]";

fn main() -> ExitCode {
    life::report("odd", odd())
}

fn odd() -> Result<(), Failure> {
    let mut arguments = std::env::args_os().skip(1);
    let kind = arguments.next().and_then(|kind| kind.into_string().ok()).ok_or(USAGE)?;
    let rest: Vec<OsString> = arguments.collect();
    let dir = || rest.first().map(PathBuf::from).ok_or(USAGE);
    match kind.as_str() {
        "plain" => states::plain(),
        "megabyte" => images::megabyte(),
        images::MEGABYTE_AGAIN => images::megabyte_again(),
        "memfd" => images::memfd(),
        images::MEMFD_AGAIN => images::memfd_again(),
        "deleted" => images::deleted(&dir()?),
        images::DELETED_AGAIN => images::deleted_again(&dir()?),
        "replaced" => images::replaced(&dir()?),
        images::REPLACED_AGAIN => images::replaced_again(&dir()?),
        "disguised" => images::disguised(),
        images::DISGUISED_AGAIN => images::disguised_again(),
        "secret" => images::secret(),
        images::SECRET_AGAIN => images::secret_again(),
        "dstate" => states::dstate(),
        "frozen" => states::frozen(),
        "memory" => memory::memory(),
        "secretmem" => memory::secretmem(),
        "mortal" => states::mortal(),
        "fifo" => files::fifo(&dir()?),
        "shm" => files::shm(&dir()?),
        "netns" => files::netns(),
        "netns-pair" => files::netns_pair(),
        "container" => container::container(&dir()?),
        "attached" => attached::attached(&dir()?, rest.get(1).map(std::path::Path::new)),
        "sniffer" => files::sniffer(),
        _ => Err(USAGE.into()),
    }
}

/// Says `ready` and waits for the end.
fn stay(life: &Life, mut facts: Vec<(&str, String)>) -> Result<(), Failure> {
    facts.insert(0, life::own_pid());
    life::ready(&facts)?;
    Ok(life.wait()?)
}

/// SHA-256 in hex.
fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    hex(&sha2::Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
