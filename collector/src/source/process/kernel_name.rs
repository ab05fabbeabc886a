//! Processes of user space that call themselves what threads of the kernel are called.

/// Names that only threads of the kernel have (`kthread_create`, `kernel/kthread.c` and its callers).
const NAMES: [&[u8]; 14] = [
    b"kworker/",
    b"kthreadd",
    b"ksoftirqd/",
    b"migration/",
    b"cpuhp/",
    b"kswapd",
    b"rcu_",
    b"kcompactd",
    b"kdevtmpfs",
    b"jbd2/",
    b"irq/",
    b"scsi_eh_",
    b"xfs-",
    b"kblockd",
];

/// Whether this name of a task begins as one that only threads of the kernel have.
#[must_use]
pub fn is_of_kernel(name: &[u8]) -> bool {
    NAMES.iter().any(|known| name.starts_with(known)) || is_of_nfs(name) || is_of_array(name)
}

/// `nfsd` and `nfsd4`; programs of nfs-utils are called `nfsdcld` and `nfsdctl`.
fn is_of_nfs(name: &[u8]) -> bool {
    name.strip_prefix(b"nfsd").is_some_and(|rest| rest.first().is_none_or(|next| !next.is_ascii_alphabetic()))
}

/// `md`, a number and `_` (drivers/md/md.c, `md_register_thread`): much else begins with `md` alone.
fn is_of_array(name: &[u8]) -> bool {
    let rest = name.strip_prefix(b"md").unwrap_or_default();
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    digits > 0 && rest.get(digits) == Some(&b'_')
}

/// Whether a command line looks in `ps` like a thread of the kernel, which has none and is shown by its name in brackets: a name of the
/// kernel's behind a bracket, or nothing but one word in brackets. Honest programs write brackets as well, and more behind them or in them:
/// `[lxc monitor] /var/lib/lxc name`, `[celeryd: celery@host:MainProcess] -active-`.
#[must_use]
pub fn is_in_brackets(cmdline: &[u8]) -> bool {
    let is_blank = |b: &u8| b.is_ascii_whitespace() || *b == 0;
    // What no terminal shows does not change how the line looks.
    let end = cmdline.iter().rposition(u8::is_ascii_graphic).map_or(0, |last| last + 1);
    let Some(inside) = cmdline.get(..end).and_then(|line| line.strip_prefix(b"[")) else { return false };
    is_of_kernel(inside) || inside.strip_suffix(b"]").is_some_and(|name| !name.is_empty() && !name.iter().any(is_blank))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_kernel_are_no_names_of_programs() {
        for name in [&b"jbd2/sda1-8"[..], b"irq/24-pciehp", b"scsi_eh_0", b"xfs-conv/dm-0", b"nfsd", b"kblockd", b"md0_raid1"] {
            assert!(is_of_kernel(name), "{}", name.escape_ascii());
        }
        for name in [&b"md5sum"[..], b"mdadm", b"md", b"md_x", b"irqbalance", b"nfsdcld", b"nfsdctl", b"xfs_repair", b""] {
            assert!(!is_of_kernel(name), "{}", name.escape_ascii());
        }
    }

    #[test]
    fn brackets_alone_make_no_thread_of_the_kernel() {
        for line in [
            &b"[kworker/0:1]"[..],
            b"[kworker/u8:2-events] -c x",
            b"[kthreadd]\0-c\0x\0",
            b"[jbd2/sda1-8]\0",
            b"[x]   \0\0",
            b"[x]\x01",
            b"[x]\x7f\0\x1b \xc2\xa0\0",
            b"[irq/9-acpi] x",
            b"[md127_raid1] x",
        ] {
            assert!(is_in_brackets(line), "{}", line.escape_ascii());
        }
        let honest = [
            &b"[lxc monitor] /var/lib/incus/containers c1"[..],
            b"[celeryd: celery@ip-10-0-0-1:MainProcess] -active- (worker)\0",
            b"[\0-f\0x\0]\0",
            b"[]",
            b"[",
            b"",
            b"sh -c [kworker/0:1]",
            b"[mdadm monitor] x",
            b"[nfsdcld main] x",
        ];
        for line in honest {
            assert!(!is_in_brackets(line), "{}", line.escape_ascii());
        }
    }
}
