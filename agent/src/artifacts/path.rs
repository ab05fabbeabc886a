//! A path of a definition as a pattern of [`hozen_collector::source::user_files`].

/// Where the kernel makes files as they are read, and what is mounted there.
const KERNEL: [&str; 3] = ["/proc/", "/sys/", "/dev/"];

/// A folder among those that holds files.
const SHM: &str = "/dev/shm/";

/// The longest path of a definition.
const LONGEST: usize = 4096;

/// The pattern that `path` means, or why it cannot be looked for.
pub(super) fn pattern(path: &str) -> Result<String, String> {
    if path.len() >= LONGEST || path.contains('\0') {
        return Err("a path of it has 4096 bytes and more, or a byte of zero".to_owned());
    }
    let text = expanded(path)?;
    let shown = path.escape_debug();
    if !text.starts_with('/') && !text.starts_with("~/") {
        return Err(format!("its path {shown} is not absolute; begin it with / or with %%users.homedir%%/"));
    }
    if text.split('/').any(|part| part == ".." || part == ".") {
        return Err(format!("its path {shown} leads up (..) or nowhere (.); write the path that is meant"));
    }
    if text.contains('{') {
        return Err(format!(
            "its path {shown} has alternatives in braces, which the format does not have; write one path for each"
        ));
    }
    if text.split('/').all(|part| part.is_empty() || part == "~") {
        return Err(format!("its path {shown} names no file; write what is meant below it, as {}/*", path.trim_end_matches('/')));
    }
    let below = format!("{text}/");
    if KERNEL.iter().any(|top| below.starts_with(top)) && !text.starts_with(SHM) {
        return Err("/proc, /sys and /dev hold no files; artefacts of Hozen's own read them (hozen artefacts)".to_owned());
    }
    Ok(text)
}

/// `path` with the variables of the format in it.
fn expanded(path: &str) -> Result<String, String> {
    let mut text = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once("%%") {
        let Some((name, behind)) = after.split_once("%%") else {
            return Err(format!("its path {} has a variable without its end (%%)", path.escape_debug()));
        };
        text.push_str(before);
        text.push_str(match name.to_ascii_lowercase().as_str() {
            "users.homedir" | "users.userprofile" if text.is_empty() => "~",
            // Of each user: that is what the files are looked for by, whoever's they are.
            "users.username" | "users.uid" => "*",
            _ => return Err(format!("%%{}%% has no value on Linux", name.escape_debug())),
        });
        rest = behind;
    }
    text.push_str(rest);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_become_what_patterns_have() {
        for (path, expected) in [
            ("/etc/passwd", "/etc/passwd"),
            ("%%users.homedir%%/.ssh/*", "~/.ssh/*"),
            ("%%Users.HomeDir%%/a", "~/a"),
            ("/var/spool/cron/%%users.username%%", "/var/spool/cron/*"),
            ("/run/user/%%users.uid%%/**3", "/run/user/*/**3"),
            ("/dev/shm/*", "/dev/shm/*"),
            ("/process/x", "/process/x"),
            ("/100%/a", "/100%/a"),
        ] {
            assert_eq!(pattern(path).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn what_cannot_be_looked_for_says_why() {
        for (path, why) in [
            ("%%environ_systemroot%%\\x", "no value on Linux"),
            ("/a/%%users.homedir%%/x", "no value on Linux"),
            ("%%users.homedir", "without its end"),
            ("etc/passwd", "not absolute"),
            ("", "not absolute"),
            ("%%users.homedir%%", "not absolute"),
            ("%%users.homedir%%/", "names no file"),
            ("/", "names no file"),
            ("/var/../etc/shadow", "leads up"),
            ("/etc/{a,b}", "braces"),
            ("/proc/*/maps", "/proc, /sys and /dev"),
            ("/sys", "/proc, /sys and /dev"),
            ("/dev/shm", "/proc, /sys and /dev"),
            ("/a\0b", "byte of zero"),
            (&"/a".repeat(3000), "4096 bytes"),
        ] {
            let reason = pattern(path).unwrap_err();
            assert!(reason.contains(why), "{path}: {reason}");
        }
    }
}
