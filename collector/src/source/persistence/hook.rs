//! Lines of configuration that name what will be run or loaded, or whom a key lets in: a small rule for each format.

use super::sshd::directive;

/// How a configuration is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// `sshd_config(5)`, `ssh_config(5)`.
    Ssh,
    /// `modprobe.d(5)`.
    Modprobe,
    /// `dkms.conf` and the settings of dkms(8): assignments of a shell.
    Dkms,
    /// `git-config(1)`.
    Git,
    /// Apache, nginx and PHP.
    Web,
    /// udev(7).
    Udev,
    /// The Desktop Entry Specification, and services of D-Bus.
    Desktop,
}

/// A line that names something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hook {
    /// Its number, or that of the first of the lines that it goes on over.
    pub(super) line: u64,
    /// What is set.
    pub(super) name: Vec<u8>,
    /// What it is set to.
    pub(super) value: Vec<u8>,
}

type Pair = (Vec<u8>, Vec<u8>);

/// Keywords of ssh and sshd, in lower case.
const SSH: [&[u8]; 14] = [
    b"authorizedkeyscommand",
    b"authorizedkeysfile",
    b"authorizedprincipalscommand",
    b"authorizedprincipalsfile",
    b"trustedusercakeys",
    b"forcecommand",
    b"subsystem",
    b"xauthlocation",
    b"securitykeyprovider",
    b"pkcs11provider",
    b"proxycommand",
    b"localcommand",
    b"remotecommand",
    b"knownhostscommand",
];

/// Beginnings of names of dkms.
const DKMS: [&[u8]; 6] = [b"PRE_", b"POST_", b"MAKE", b"CLEAN", b"sign_tool", b"post_transaction"];

/// Names of settings of git, in lower case and without their section, of which the value is run, or says where to look for what is.
const GIT: [&[u8]; 26] = [
    b"alternaterefscommand",
    b"askpass",
    b"clean",
    b"cmd",
    b"command",
    b"defaultkeycommand",
    b"driver",
    b"editor",
    b"external",
    b"fsmonitor",
    b"gitproxy",
    b"helper",
    b"hookspath",
    b"packobjectshook",
    b"pager",
    b"path",
    b"process",
    b"program",
    b"receivepack",
    b"smudge",
    b"sshcommand",
    b"templatedir",
    b"textconv",
    b"tocmd",
    b"uploadpack",
    b"vcs",
];

/// What loads a module into a web server or PHP, in lower case.
const WEB: [&[u8]; 8] =
    [b"loadmodule", b"loadfile", b"load_module", b"extension", b"zend_extension", b"perlmodule", b"perlrequire", b"js_import"];

/// What PHP runs before and after each page, in whatever line it stands.
const AROUND_PAGES: [&[u8]; 2] = [b"auto_prepend_file", b"auto_append_file"];

/// Beginnings of keys of udev.
const UDEV: [&[u8]; 3] = [b"RUN", b"PROGRAM", b"IMPORT{program}"];

/// The most assignments of one rule of udev that are looked at.
const MOST_ASSIGNMENTS: usize = 1000;

/// The most bytes of a section's name, which stands in the row of each of its settings.
const MOST_SECTION: usize = 256;

impl Format {
    /// How the text at `path` is written, if it is one that rows are made of.
    pub(super) fn of(kind: &str, path: &[u8], text: &[u8]) -> Option<Self> {
        let name = path.rsplit(|b| *b == b'/').next().unwrap_or_default();
        let has = |part: &[u8]| path.windows(part.len()).any(|window| window == part);
        match kind {
            _ if text.starts_with(b"\x7fELF") => None,
            "ssh" if name == b"ssh_config" || has(b"/ssh_config.d/") || path.ends_with(b"/.ssh/config") => Some(Self::Ssh),
            "kernel" if has(b"/modprobe.") => Some(Self::Modprobe),
            "kernel" if name == b"dkms.conf" || path.starts_with(b"/etc/dkms/") => Some(Self::Dkms),
            "git" if !has(b"/hooks/") && !text.starts_with(b"#!") => Some(Self::Git),
            "web" => Some(Self::Web),
            "udev" => Some(Self::Udev),
            "desktop" | "dbus" if name.ends_with(b".desktop") || name.ends_with(b".service") => Some(Self::Desktop),
            _ => None,
        }
    }

    /// The lines of `text` that name something, one at a time: who writes the file decides how many there are.
    pub(super) fn hooks(self, text: &[u8]) -> impl Iterator<Item = Hook> {
        let mut section = Vec::new();
        logical_lines(text, !matches!(self, Self::Ssh | Self::Desktop)).flat_map(move |(line, whole)| {
            let pairs = self.pairs(whole.trim_ascii(), &mut section);
            pairs.into_iter().map(move |(name, value)| Hook { line, name, value })
        })
    }

    fn pairs(self, line: &[u8], section: &mut Vec<u8>) -> Vec<Pair> {
        let pair = match self {
            Self::Ssh => ssh(line),
            Self::Modprobe => modprobe(line),
            Self::Dkms => dkms(line),
            Self::Git => git(line, section),
            Self::Web => web(line),
            Self::Desktop => desktop(line),
            Self::Udev => return udev(line),
        };
        pair.into_iter().collect()
    }
}

/// Lines with their numbers, from 1. One that ends with a backslash goes on in the next where such a format has that; a comment does not.
fn logical_lines(text: &[u8], go_on: bool) -> impl Iterator<Item = (u64, Vec<u8>)> {
    let mut lines = (1_u64..).zip(text.split(|b| *b == b'\n'));
    std::iter::from_fn(move || {
        let (number, line) = lines.next()?;
        let mut whole = line.to_owned();
        let is_comment = matches!(line.trim_ascii_start().first(), Some(b'#' | b';'));
        while go_on && !is_comment && whole.ends_with(b"\\") {
            whole.pop();
            let Some((_, next)) = lines.next() else { break };
            whole.extend_from_slice(next);
        }
        Some((number, whole))
    })
}

fn ssh(line: &[u8]) -> Option<Pair> {
    let (keyword, value) = directive(line)?;
    let lower = keyword.to_ascii_lowercase();
    // `Match exec` runs a program to know whether what follows holds.
    let runs = lower == b"match" && value.to_ascii_lowercase().windows(4).any(|four| four == b"exec");
    (runs || SSH.contains(&lower.as_slice())).then(|| (keyword.to_owned(), value.to_owned()))
}

/// `install` and `remove` run a command in the place of loading and unloading.
fn modprobe(line: &[u8]) -> Option<Pair> {
    let (action, rest) = first_word(line);
    let (module, command) = first_word(rest);
    let runs = matches!(action, b"install" | b"remove") && !module.is_empty();
    runs.then(|| ([action, b" ", module].concat(), command.to_owned()))
}

fn dkms(line: &[u8]) -> Option<Pair> {
    let (name, value) = assignment(line)?;
    DKMS.iter().any(|start| name.starts_with(start)).then(|| (name.to_owned(), unquoted(value).to_owned()))
}

/// A setting; the head of a section becomes the `section` of those below it, and of what stands behind it.
fn git(line: &[u8], section: &mut Vec<u8>) -> Option<Pair> {
    let mut line = line;
    if let Some(rest) = line.strip_prefix(b"[") {
        let end = rest.iter().position(|b| *b == b']')?;
        *section = section_name(rest.get(..end)?);
        line = rest.get(end + 1..)?;
    }
    let (key, value) = assignment(line)?;
    let (key, value) = (key.to_ascii_lowercase(), git_value(value));
    // `!` begins a command of the shell, and each setting of `[pager]` is one.
    let is_run = value.starts_with(b"!") || section.as_slice() == b"pager" || GIT.contains(&key.as_slice());
    is_run.then(|| ([section.as_slice(), b".", &key].concat(), value))
}

/// `core`, or `filter.lfs` of `filter "lfs"`.
fn section_name(head: &[u8]) -> Vec<u8> {
    let (name, rest) = first_word(head);
    let (name, rest) = (name.to_ascii_lowercase(), unquoted(rest));
    let whole = if rest.is_empty() { name } else { [name.as_slice(), b".", rest].concat() };
    whole.into_iter().take(MOST_SECTION).collect()
}

/// A value without its quotes, and without the comment behind it.
fn git_value(text: &[u8]) -> Vec<u8> {
    let (mut value, mut quoted) = (Vec::new(), false);
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => quoted = !quoted,
            b'#' | b';' if !quoted => break,
            b'\\' => match bytes.next() {
                Some(byte @ (b'"' | b'\\')) => value.push(*byte),
                Some(byte) => value.extend_from_slice(&[b'\\', *byte]),
                None => value.push(b'\\'),
            },
            byte => value.push(*byte),
        }
    }
    value.trim_ascii().to_owned()
}

fn web(line: &[u8]) -> Option<Pair> {
    let (keyword, value) = directive(line).filter(|(keyword, _)| !keyword.starts_with(b";"))?;
    let value = value.strip_suffix(b";").unwrap_or(value);
    let around = AROUND_PAGES.iter().any(|name| line.windows(name.len()).any(|window| window == *name));
    let is_telling = around || WEB.contains(&keyword.to_ascii_lowercase().as_slice());
    (is_telling && !value.is_empty()).then(|| (keyword.to_owned(), unquoted(value).to_owned()))
}

fn desktop(line: &[u8]) -> Option<Pair> {
    assignment(line).filter(|(name, _)| *name == b"Exec").map(|(name, value)| (name.to_owned(), value.to_owned()))
}

/// `KEY{attribute}+="value"`, as often as it stands in the rule.
fn udev(line: &[u8]) -> Vec<Pair> {
    if line.starts_with(b"#") {
        return Vec::new();
    }
    let mut rest = line;
    let assignments = std::iter::from_fn(|| {
        let (key, behind) = rest.split_at_checked(rest.iter().position(|b| *b == b'"')?)?;
        let behind = behind.get(1..)?;
        let is_end =
            |at: &usize| behind.get(*at) == Some(&b'"') && at.checked_sub(1).and_then(|at| behind.get(at)) != Some(&b'\\');
        let end = (0..behind.len()).find(is_end).unwrap_or(behind.len());
        rest = behind.get(end + 1..).unwrap_or_default();
        Some((udev_key(key), behind.get(..end)?))
    });
    let is_telling = |(key, _): &(&[u8], &[u8])| UDEV.iter().any(|start| key.starts_with(start));
    let telling = assignments.take(MOST_ASSIGNMENTS).filter(is_telling);
    telling.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// The key without the comma before it, its operator, and the `e` of a value with escapes.
fn udev_key(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|b| !b.is_ascii_whitespace() && *b != b',').unwrap_or(text.len());
    let key = text.get(start..).unwrap_or_default();
    let key = key.strip_suffix(b"=e").unwrap_or(key);
    let end = key.iter().rposition(|b| !b.is_ascii_whitespace() && !b"=+-:!".contains(b)).map_or(0, |last| last + 1);
    key.get(..end).unwrap_or_default()
}

/// What stands before and behind the first `=`.
fn assignment(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = line.iter().position(|b| *b == b'=')?;
    Some((line.get(..at)?.trim_ascii(), line.get(at + 1..)?.trim_ascii()))
}

/// The first word, and what stands behind it.
fn first_word(text: &[u8]) -> (&[u8], &[u8]) {
    let text = text.trim_ascii();
    let end = text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end).unwrap_or((text, b""));
    (word, rest.trim_ascii_start())
}

/// `text` without the quotes around it.
fn unquoted(text: &[u8]) -> &[u8] {
    match text.trim_ascii() {
        [b'"', inner @ .., b'"'] | [b'\'', inner @ .., b'\''] => inner,
        bare => bare,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(format: Format, text: &str) -> Vec<(u64, String, String)> {
        let text_of = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        format.hooks(text.as_bytes()).map(|hook| (hook.line, text_of(hook.name), text_of(hook.value))).collect()
    }

    fn hook(line: u64, name: &str, value: &str) -> (u64, String, String) {
        (line, name.to_owned(), value.to_owned())
    }

    #[test]
    fn what_sshd_and_ssh_run() {
        let text = "# AuthorizedKeysCommand no\nPort 22 \\\nauthorizedkeyscommand /opt/x %u\nMatch host a exec \"/tmp/x\"\nMatch User b\n ForceCommand=/bin/y";
        assert_eq!(
            shown(Format::Ssh, text),
            [
                hook(3, "authorizedkeyscommand", "/opt/x %u"),
                hook(4, "Match", "host a exec \"/tmp/x\""),
                hook(6, "ForceCommand", "/bin/y")
            ]
        );
    }

    #[test]
    fn what_modprobe_and_dkms_run() {
        let text = "options a b\ninstall pcspkr \\\n  /tmp/x; \\\n/sbin/modprobe --ignore-install pcspkr\n# remove b c\\\nremove b /tmp/y\ninstall";
        assert_eq!(
            shown(Format::Modprobe, text),
            [hook(2, "install pcspkr", "/tmp/x; /sbin/modprobe --ignore-install pcspkr"), hook(6, "remove b", "/tmp/y"),]
        );
        let text = "PACKAGE_NAME=\"a\"\nPOST_INSTALL=\"post.sh -x\"\nMAKE[0]='make all'\n#PRE_BUILD=x\nPOST_ADD=bare";
        assert_eq!(
            shown(Format::Dkms, text),
            [hook(2, "POST_INSTALL", "post.sh -x"), hook(3, "MAKE[0]", "make all"), hook(5, "POST_ADD", "bare")]
        );
    }

    #[test]
    fn what_git_runs() {
        let text = "[user]\n\tname = a\n[core]\n\thooksPath = ~/hooks ; here\n\tsshCommand = \"ssh -o \\\"x\\\" #\" # no\n[filter \"lfs\"]\n\
            clean = git-lfs \\\nclean\n[alias] st = status\n\tx = !sh -c id\n[PAGER]\nlog = /tmp/x\nbare";
        assert_eq!(
            shown(Format::Git, text),
            [
                hook(4, "core.hookspath", "~/hooks"),
                hook(5, "core.sshcommand", "ssh -o \"x\" #"),
                hook(7, "filter.lfs.clean", "git-lfs clean"),
                hook(10, "alias.x", "!sh -c id"),
                hook(12, "pager.log", "/tmp/x"),
            ]
        );
    }

    #[test]
    fn what_web_servers_load() {
        let text = "LoadModule x_module modules/x.so\n#LoadModule no no\n  load_module \"/tmp/x.so\";\nauto_prepend_file =\n\
            php_admin_value[auto_prepend_file] = /tmp/x.php\nfastcgi_param PHP_VALUE \"auto_append_file=/tmp/y\";\n;extension=a\nextension=b";
        assert_eq!(
            shown(Format::Web, text),
            [
                hook(1, "LoadModule", "x_module modules/x.so"),
                hook(3, "load_module", "/tmp/x.so"),
                hook(5, "php_admin_value[auto_prepend_file]", "/tmp/x.php"),
                hook(6, "fastcgi_param", "PHP_VALUE \"auto_append_file=/tmp/y\""),
                hook(8, "extension", "b"),
            ]
        );
    }

    #[test]
    fn what_udev_and_desktops_run() {
        let text = "# RUN+=\"no\"\nACTION==\"add\", SUBSYSTEM==\"usb\", \\\n  RUN{program}+=\"/bin/x \\\"a b\\\"\", RUN +=e\"y\"\nIMPORT{program}=\"z\", RUN+=\"open";
        assert_eq!(
            shown(Format::Udev, text),
            [
                hook(2, "RUN{program}", "/bin/x \\\"a b\\\""),
                hook(2, "RUN", "y"),
                hook(4, "IMPORT{program}", "z"),
                hook(4, "RUN", "open"),
            ]
        );
        assert_eq!(
            shown(Format::Desktop, "[Desktop Entry]\nName=a\nExec = /tmp/x %u\nTryExec=/y"),
            [hook(3, "Exec", "/tmp/x %u")]
        );
    }

    #[test]
    fn which_texts_are_read_is_said_by_kind_and_path() {
        let of = |kind: &str, path: &str| Format::of(kind, path.as_bytes(), b"x");
        assert_eq!(of("ssh", "/home/a/.ssh/config"), Some(Format::Ssh));
        assert_eq!((of("ssh", "/etc/ssh/moduli"), of("kernel", "/etc/modules")), (None, None));
        assert_eq!((of("kernel", "/lib/modprobe.d/a.conf"), of("git", "/a/hooks/update")), (Some(Format::Modprobe), None));
        assert_eq!(of("kernel", "/usr/src/a-1/dkms.conf"), Some(Format::Dkms));
        assert_eq!(Format::of("web", b"/usr/lib/apache2/modules/a.so", b"\x7fELF"), None);
    }

    #[test]
    fn a_long_section_costs_its_bytes_once() {
        let text = [b"[", vec![b's'; 4 << 20].as_slice(), b"]\n", &b"pager=\n".repeat(100_000)].concat();
        let longest = Format::Git.hooks(&text).map(|hook| hook.name.len()).max();
        assert_eq!(longest, Some(MOST_SECTION + ".pager".len()));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text: Vec<u8>) {
            for format in [Format::Ssh, Format::Modprobe, Format::Dkms, Format::Git, Format::Web, Format::Udev, Format::Desktop] {
                assert!(format.hooks(&text).count() <= text.len());
            }
        }
    }
}
