//! The loop over all processes.

use std::sync::Arc;

use super::{Evidence, Stop, failure};
use crate::host::{Host, Process, read};
use crate::model::Outcome;

/// `PF_KTHREAD` of linux/sched.h.
const PF_KTHREAD: u64 = 0x0020_0000;

/// Calls `visit` for each process that `/proc` lists, by ascending id. One that ended meanwhile is passed over.
pub(super) fn each_process(
    host: &Host,
    evidence: &mut dyn Evidence,
    mut visit: impl FnMut(&Arc<Process>, &mut dyn Evidence) -> Result<(), Stop>,
) -> Result<Outcome, Stop> {
    let pids = match host.proc.pids() {
        Ok(pids) => pids,
        Err(error) => return Ok(failure::outcome(&error)),
    };
    let total = u64::try_from(pids.len()).unwrap_or(u64::MAX);
    for (done, pid) in (1_u64..).zip(pids) {
        evidence.check()?;
        match host.proc.process(pid) {
            Ok(process) => visit(&Arc::new(process), evidence)?,
            Err(error) => failure::gap(evidence, &error),
        }
        evidence.progress(done, total);
    }
    Ok(Outcome::ok())
}

/// Whether `process` is a thread of the kernel, which has no program, memory or environment of its own. The kernel sets this
/// bit; no process can set it on itself.
pub(super) fn is_kernel_thread(process: &Process) -> bool {
    process.file("stat", read::SMALL).is_ok_and(|stat| has_kernel_bit(&stat.bytes))
}

/// `flags` is the ninth field of proc_pid_stat(5), the seventh behind the name, which may hold blanks and brackets.
fn has_kernel_bit(stat: &[u8]) -> bool {
    let behind = stat.iter().rposition(|b| *b == b')').and_then(|at| stat.get(at..)).unwrap_or_default();
    let flags = behind.split(|b| *b == b' ').nth(7).and_then(|field| std::str::from_utf8(field).ok()?.parse::<u64>().ok());
    flags.is_some_and(|flags| flags & PF_KTHREAD != 0)
}

#[cfg(test)]
mod tests {
    use super::has_kernel_bit;

    #[test]
    fn the_name_cannot_forge_the_flag() {
        assert!(has_kernel_bit(b"2 (kthreadd) S 0 0 0 0 -1 2129984 0 0"));
        assert!(!has_kernel_bit(b"9 (x) S 0 0 0 0 -1 2129984 0) S 1 9 9 0 -1 4194560 0 0"));
        for hostile in [&b""[..], b")", b"1 (x) S", b"1 (x) S 0 0 0 0 -1 \xff 0"] {
            assert!(!has_kernel_bit(hostile));
        }
    }
}
