//! Processes of user space that call themselves what threads of the kernel are called.

/// Names that only threads of the kernel have (`kthread_create`, `kernel/kthread.c` and its callers).
const NAMES: [&[u8]; 9] =
    [b"kworker/", b"kthreadd", b"ksoftirqd/", b"migration/", b"cpuhp/", b"kswapd", b"rcu_", b"kcompactd", b"kdevtmpfs"];

/// Whether this name of a task begins as one that only threads of the kernel have.
#[must_use]
pub fn is_of_kernel(name: &[u8]) -> bool {
    NAMES.iter().any(|known| name.starts_with(known))
}

/// Whether a command line looks in `ps` like a thread of the kernel, which has none and is shown by its name in brackets: a name of the
/// kernel's behind a bracket, or nothing but one word in brackets. Honest programs write brackets as well, and more behind them or in them:
/// `[lxc monitor] /var/lib/lxc name`, `[celeryd: celery@host:MainProcess] -active-`.
#[must_use]
pub fn is_in_brackets(cmdline: &[u8]) -> bool {
    let is_blank = |b: &u8| b.is_ascii_whitespace() || *b == 0;
    let end = cmdline.iter().rposition(|b| !is_blank(b)).map_or(0, |last| last + 1);
    let Some(inside) = cmdline.get(..end).and_then(|line| line.strip_prefix(b"[")) else { return false };
    is_of_kernel(inside) || inside.strip_suffix(b"]").is_some_and(|name| !name.is_empty() && !name.iter().any(is_blank))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_alone_make_no_thread_of_the_kernel() {
        for line in
            [&b"[kworker/0:1]"[..], b"[kworker/u8:2-events] -c x", b"[kthreadd]\0-c\0x\0", b"[jbd2/sda1-8]\0", b"[x]   \0\0"]
        {
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
        ];
        for line in honest {
            assert!(!is_in_brackets(line), "{}", line.escape_ascii());
        }
    }
}
