//! `/proc/PID/status` (proc_pid_status(5)): `Name:\tvalue` lines. The kernel escapes newlines in the name, so no program can
//! forge a line; what a kernel does not have stays `None`.

use crate::source::text::parsed;

/// The lines of one process that rows are made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// Id of the thread group: the process that a thread belongs to.
    pub tgid: Option<i32>,
    /// Id of the parent.
    pub ppid: Option<i32>,
    /// Id of the process that traces it, 0 for none.
    pub tracer_pid: Option<i32>,
    /// Real, effective, saved and file system user id.
    pub uid: Option<[u32; 4]>,
    /// Real, effective, saved and file system group id.
    pub gid: Option<[u32; 4]>,
    /// Its id in each pid namespace, the outermost first.
    pub ns_pid: Vec<i32>,
    /// Virtual memory, in KiB. None for kernel threads and zombies, as the next.
    pub vm_size_kib: Option<u64>,
    /// Resident memory, in KiB.
    pub vm_rss_kib: Option<u64>,
    /// Number of threads.
    pub threads: Option<u32>,
    /// Inheritable capabilities, a bit mask as the next four.
    pub cap_inh: Option<u64>,
    /// Permitted capabilities.
    pub cap_prm: Option<u64>,
    /// Effective capabilities.
    pub cap_eff: Option<u64>,
    /// Capability bounding set.
    pub cap_bnd: Option<u64>,
    /// Ambient capabilities.
    pub cap_amb: Option<u64>,
    /// 1 where execve grants no privileges any more.
    pub no_new_privs: Option<u32>,
    /// Seccomp mode: 0 off, 1 strict, 2 filter.
    pub seccomp: Option<u32>,
    /// Number of seccomp filters.
    pub seccomp_filters: Option<u32>,
}

/// Parses the file; lines that it does not know or that do not parse are left out.
#[must_use]
pub fn parse(text: &[u8]) -> Status {
    let mut status = Status::default();
    for line in text.split(|b| *b == b'\n') {
        if let Some(colon) = line.iter().position(|b| *b == b':') {
            let (key, value) = line.split_at(colon);
            status.line(key, value.strip_prefix(b":").unwrap_or(value).trim_ascii());
        }
    }
    status
}

impl Status {
    fn line(&mut self, key: &[u8], value: &[u8]) {
        match key {
            b"Tgid" => self.tgid = parsed(value),
            b"PPid" => self.ppid = parsed(value),
            b"TracerPid" => self.tracer_pid = parsed(value),
            b"Uid" => self.uid = four(value),
            b"Gid" => self.gid = four(value),
            b"NSpid" => self.ns_pid = words(value).filter_map(parsed).collect(),
            b"VmSize" => self.vm_size_kib = kibibytes(value),
            b"VmRSS" => self.vm_rss_kib = kibibytes(value),
            b"Threads" => self.threads = parsed(value),
            b"CapInh" => self.cap_inh = mask(value),
            b"CapPrm" => self.cap_prm = mask(value),
            b"CapEff" => self.cap_eff = mask(value),
            b"CapBnd" => self.cap_bnd = mask(value),
            b"CapAmb" => self.cap_amb = mask(value),
            b"NoNewPrivs" => self.no_new_privs = parsed(value),
            b"Seccomp" => self.seccomp = parsed(value),
            b"Seccomp_filters" => self.seccomp_filters = parsed(value),
            _ => {}
        }
    }
}

fn words(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

fn four(value: &[u8]) -> Option<[u32; 4]> {
    let ids: Vec<u32> = words(value).map(parsed).collect::<Option<_>>()?;
    ids.try_into().ok()
}

fn kibibytes(value: &[u8]) -> Option<u64> {
    parsed(value.strip_suffix(b"kB")?)
}

fn mask(value: &[u8]) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(value).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &[u8] =
        b"Name:\tca\\nUid:\t0\nTgid:\t8415\nPPid:\t8407\nTracerPid:\t7\nUid:\t1000\t0\t0\t1000\nGid:\t1\t2\t3\t4\n\
        NSpid:\t8415\t12\t1\nVmSize:\t    3060 kB\nVmRSS:\t    1692 kB\nThreads:\t2\nCapInh:\t0000000000000000\n\
        CapPrm:\t000001fffeffffff\nCapEff:\tffffffffffffffff\nCapBnd:\t1\nCapAmb:\tzz\nNoNewPrivs:\t1\nSeccomp:\t2\n\
        Seccomp_filters:\t3\n";

    #[test]
    fn every_line_finds_its_field() {
        let status = parse(TEXT);
        assert_eq!((status.tgid, status.ppid, status.tracer_pid, status.threads), (Some(8415), Some(8407), Some(7), Some(2)));
        assert_eq!((status.uid, status.gid), (Some([1000, 0, 0, 1000]), Some([1, 2, 3, 4])));
        assert_eq!((status.vm_size_kib, status.vm_rss_kib), (Some(3060), Some(1692)));
        assert_eq!(status.ns_pid, [8415, 12, 1]);
        assert_eq!((status.cap_prm, status.cap_eff, status.cap_amb), (Some(0x1ff_feff_ffff), Some(u64::MAX), None));
        assert_eq!((status.no_new_privs, status.seccomp, status.seccomp_filters), (Some(1), Some(2), Some(3)));
    }

    #[test]
    fn what_is_odd_is_left_out() {
        let status = parse(b"Uid:\t1\t2\nVmRSS:\t5\nThreads:\t99999999999\n\nno colon\n:\nGid:");
        assert_eq!(status, Status::default());
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }

        #[test]
        fn any_values_are_survived(value in "\\PC*") {
            for key in ["Uid", "VmRSS", "CapEff", "NSpid", "Threads"] {
                let _ = parse(format!("{key}:\t{value}\n").as_bytes());
            }
        }
    }
}
