//! `/proc/PID/stat` (proc_pid_stat(5)): one line of fields, with the name in parentheses and unescaped.
//!
//! A name may hold blanks, newlines and parentheses. After it stand only numbers, so the last `)` ends it.

use crate::source::text::parsed;

/// The fields of one process that rows are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcStat<'a> {
    /// Process id.
    pub pid: i32,
    /// Name, as the kernel has it: any bytes but NUL.
    pub comm: &'a [u8],
    /// State: one letter such as `R`, `S`, `D`, `Z`.
    pub state: u8,
    /// Id of the parent; 0 for none.
    pub ppid: i32,
    /// Id of the process group.
    pub pgrp: i32,
    /// Id of the session.
    pub session: i32,
    /// Device number of the controlling terminal, 0 for none.
    pub tty_nr: i32,
    /// `PF_*` flags of the kernel (linux/sched.h).
    pub flags: u32,
    /// Time in user mode, in clock ticks.
    pub utime: u64,
    /// Time in kernel mode, in clock ticks.
    pub stime: u64,
    /// Nice value, 19 (low) to -20 (high).
    pub nice: i64,
    /// Number of threads.
    pub threads: i64,
    /// Start, in clock ticks since boot.
    pub start_ticks: u64,
    /// Virtual memory, in bytes.
    pub vsize: u64,
    /// Resident memory, in pages.
    pub rss_pages: i64,
}

/// A kernel thread (linux/sched.h). No program can set or clear it.
const PF_KTHREAD: u32 = 0x0020_0000;

impl ProcStat<'_> {
    /// Whether it is a thread of the kernel, which has no executable, memory or arguments.
    #[must_use]
    pub fn is_kthread(&self) -> bool {
        self.flags & PF_KTHREAD != 0
    }

    /// Whether it has ended and only waits for its parent to ask how.
    #[must_use]
    pub fn is_zombie(&self) -> bool {
        matches!(self.state, b'Z' | b'X')
    }
}

/// Parses the file; `None` where it has not this form.
#[must_use]
pub fn parse(text: &[u8]) -> Option<ProcStat<'_>> {
    let open = text.iter().position(|b| *b == b'(')?;
    let close = text.iter().rposition(|b| *b == b')')?;
    let fields = text.get(close + 1..)?.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
    // Numbered as in the manual: the field after the name is number 3.
    let fields: Vec<&[u8]> = fields.collect();
    let field = |number: usize| fields.get(number - 3).copied();
    Some(ProcStat {
        pid: parsed(text.get(..open)?)?,
        comm: text.get(open + 1..close)?,
        state: *field(3)?.first()?,
        ppid: parsed(field(4)?)?,
        pgrp: parsed(field(5)?)?,
        session: parsed(field(6)?)?,
        tty_nr: parsed(field(7)?)?,
        flags: parsed(field(9)?)?,
        utime: parsed(field(14)?)?,
        stime: parsed(field(15)?)?,
        nice: parsed(field(19)?)?,
        threads: parsed(field(20)?)?,
        start_ticks: parsed(field(22)?)?,
        vsize: parsed(field(23)?)?,
        rss_pages: parsed(field(24)?)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TAIL: &str =
        " S 1 8407 6172 1025 -1 4194304 97 0 0 0 12 34 0 0 20 -5 3 0 196366 3133440 349 18446744073709551615 1 1 0";

    #[test]
    fn the_name_ends_at_the_last_parenthesis() {
        for name in ["cat", "", ") Z 0 0 (", "a b\nc)", "\u{1b}[31m", "(sd-pam)"] {
            let text = format!("8419 ({name}){TAIL}");
            let stat = parse(text.as_bytes()).unwrap();
            assert_eq!((stat.pid, stat.comm, stat.state, stat.ppid), (8419, name.as_bytes(), b'S', 1));
            assert_eq!((stat.utime, stat.stime, stat.nice, stat.threads), (12, 34, -5, 3));
            assert_eq!((stat.start_ticks, stat.vsize, stat.rss_pages, stat.tty_nr), (196_366, 3_133_440, 349, 1025));
            assert!(!stat.is_kthread() && !stat.is_zombie());
        }
    }

    #[test]
    fn names_need_not_be_text_and_flags_say_kernel() {
        let text = [b"2 (\xff\xfe) Z", TAIL.replace("4194304", "2129984").as_bytes().strip_prefix(b" S").unwrap()].concat();
        let stat = parse(&text).unwrap();
        assert_eq!(stat.comm, b"\xff\xfe");
        assert!(stat.is_kthread() && stat.is_zombie());
    }

    #[test]
    fn what_is_cut_or_huge_is_refused() {
        for text in ["", "1", "1 (a", "1 )a( S", "1 (a) S 0 0", "x (a) S 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse(format!("99999999999 (a){TAIL}").as_bytes()), None);
    }

    proptest! {
        #[test]
        fn any_name_is_returned_as_it_is(name: Vec<u8>) {
            let text = [b"1 (", name.as_slice(), b")", TAIL.as_bytes()].concat();
            prop_assert_eq!(parse(&text).unwrap().comm, name.as_slice());
        }

        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }
    }
}
