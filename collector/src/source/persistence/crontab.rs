//! Lines of crontabs (crontab(5)), as cron reads them.

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// A variable that the commands below it are given.
    Variable(&'a [u8], &'a [u8]),
    /// A command and when it runs.
    Job(Job<'a>),
    /// What cron would not take, as far as this is known here.
    Unknown,
}

/// A command and when it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job<'a> {
    /// Whether cron is told by a `-` at the beginning not to log that it runs (cronie).
    pub(super) is_unlogged: bool,
    /// `@reboot` and the like; then there are no fields of time.
    pub(super) event: Option<&'a [u8]>,
    /// Minute, hour, day of the month, month, day of the week.
    pub(super) time: [&'a [u8]; 5],
    /// As whom, where the crontab says so.
    pub(super) user: Option<&'a [u8]>,
    pub(super) command: &'a [u8],
}

/// One line; `None` for a comment and an empty line. `with_user` says that a user stands before the command, as in `/etc/crontab` and
/// `/etc/cron.d`.
pub(super) fn line(text: &[u8], with_user: bool) -> Option<Line<'_>> {
    let text = text.trim_ascii();
    match text.first()? {
        b'#' => None,
        _ => Some(job(text, with_user).map(Line::Job).or_else(|| variable(text)).unwrap_or(Line::Unknown)),
    }
}

fn job(text: &[u8], with_user: bool) -> Option<Job<'_>> {
    let (is_unlogged, text) = text.strip_prefix(b"-").map_or((false, text), |rest| (true, rest));
    let (mut event, mut time, mut rest) = (None, [&b""[..]; 5], text);
    match text.first()? {
        b'@' => {
            let (name, behind) = field(text)?;
            (event, rest) = (Some(name), behind);
        }
        b'*' | b'~' | b'0'..=b'9' => {
            for slot in &mut time {
                (*slot, rest) = field(rest)?;
            }
        }
        _ => return None,
    }
    let (user, command) = if with_user { field(rest).map(|(user, command)| (Some(user), command))? } else { (None, rest) };
    (!command.is_empty()).then_some(Job { is_unlogged, event, time, user, command })
}

/// A variable, whose name is one word or stands in quotes.
fn variable(text: &[u8]) -> Option<Line<'_>> {
    let at = text.iter().position(|b| *b == b'=')?;
    let (name, value) = (text.get(..at)?.trim_ascii(), text.get(at + 1..)?.trim_ascii());
    let is_name = !name.iter().any(u8::is_ascii_whitespace) || name.starts_with(b"\"") || name.starts_with(b"'");
    is_name.then_some(Line::Variable(name, value))
}

/// The first field, and what follows the blanks behind it.
fn field(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len());
    let (first, rest) = text.split_at_checked(end)?;
    (!first.is_empty()).then_some((first, rest.trim_ascii_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_events_and_variables() {
        let Some(Line::Job(job)) = line(b"*/5\t* * * 1-5 root  curl x | sh", true) else { panic!() };
        assert_eq!((job.time, job.user), ([&b"*/5"[..], b"*", b"*", b"*", b"1-5"], Some(&b"root"[..])));
        assert_eq!(job.command, b"curl x | sh");
        let Some(Line::Job(job)) = line(b"@reboot /tmp/\xff\x1b", false) else { panic!() };
        assert_eq!((job.event, job.command, job.user), (Some(&b"@reboot"[..]), &b"/tmp/\xff\x1b"[..], None));
        assert_eq!(line(b"LD_PRELOAD = /x.so", true), Some(Line::Variable(b"LD_PRELOAD", b"/x.so")));
        for none in [&b"# * * * * * x"[..], b"", b"  "] {
            assert_eq!(line(none, true), None);
        }
        for unknown in [
            &b"* * * * *"[..],
            b"* * * * * root",
            b"text",
            b"@reboot",
            b"-",
            b"- * * * * * root x",
            b"--* * * * * root x",
            b"* * * * X=1",
        ] {
            assert_eq!(line(unknown, true), Some(Line::Unknown));
        }
    }

    #[test]
    fn a_job_may_ask_not_to_be_logged() {
        for (text, with_user, is_unlogged) in
            [(&b"-* * * * * root /tmp/x"[..], true, true), (b"-@reboot /tmp/x", false, true), (b"~ 3 * * * /tmp/x", false, false)]
        {
            let Some(Line::Job(job)) = line(text, with_user) else { panic!() };
            assert_eq!((job.is_unlogged, job.command), (is_unlogged, &b"/tmp/x"[..]));
        }
    }

    proptest::proptest! {
        #[test]
        fn any_line_is_read_or_not(text: Vec<u8>, with_user: bool) {
            if let Some(Line::Job(job)) = line(&text, with_user) {
                assert!(text.trim_ascii().ends_with(job.command));
                assert_eq!(job.user.is_some(), with_user);
            }
        }
    }
}
