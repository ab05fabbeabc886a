//! What sshd is configured to read and to run (sshd_config(5)): its files of configuration, those that they include, and the files that
//! these name, for every account of `/etc/passwd`.
//!
//! Conditions (`Match`) are passed over: a key opens whatever they say as soon as somebody meets them. Another file that sshd was started
//! with (`-f`) is not looked for; its command line is in `processes`.

use std::collections::{BTreeMap, VecDeque};

use nix::errno::Errno;

use crate::host::{Host, ReadError, Reason};
use crate::model::Gap;
use crate::model::glob::matches;
use crate::source::text::lines;
use crate::source::{Evidence, Stop, passwd};

/// Where the configuration begins. Drop-ins count also where no `Include` names them.
const BEGINNINGS: [&[u8]; 4] =
    [b"/etc/ssh/sshd_config", b"/etc/ssh/sshd_config.d/*", b"/usr/etc/ssh/sshd_config", b"/usr/etc/ssh/sshd_config.d/*"];

/// The folder of what `Include` names without one.
const FOLDER: &[u8] = b"/etc/ssh";

/// The most bytes that are looked at of one file.
const LIMIT: usize = 1 << 20;

/// The most files of configuration.
const MOST_FILES: usize = 256;

/// The most names and paths that are looked at.
const MOST_PATHS: usize = 50_000;

/// The most accounts.
const MOST_OWNERS: usize = 10_000;

/// The most names of one folder that a glob is held against.
const MOST_NAMES: usize = 10_000;

/// A path as long as this cannot be opened (`PATH_MAX` of limits.h).
const PATH_MAX: usize = 4096;

/// What the configuration names.
#[derive(Debug, Default)]
pub(super) struct Sshd {
    /// Files of configuration by their real path, each with the files that it names.
    named: BTreeMap<Vec<u8>, Vec<Vec<u8>>>,
    /// Files of keys by their real path.
    keys: BTreeMap<Vec<u8>, Whose>,
}

/// Whom the keys of a file let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Whose {
    /// Whoever has an account: the file is the same for all of them.
    Everybody,
    /// This account; the first, where several share a home.
    One(Owner),
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    /// Its name.
    pub(super) username: Vec<u8>,
    /// Its number.
    pub(super) uid: u32,
    home: Vec<u8>,
}

impl Sshd {
    /// Follows the configuration of the host. What of it cannot be read is told where it is kept.
    ///
    /// # Errors
    /// When the run wants no more of this artefact.
    pub(super) fn read(host: &Host, evidence: &mut dyn Evidence) -> Result<Self, Stop> {
        let (owners, more) = owners(host);
        let mut reading = Reading {
            host,
            owners: &owners,
            has_more_owners: more,
            sshd: Self::default(),
            waiting: VecDeque::new(),
            left: MOST_PATHS,
            is_cut: false,
            refused: None,
        };
        for beginning in BEGINNINGS {
            let paths = reading.globbed(beginning);
            reading.waiting.extend(paths);
        }
        while let Some(path) = reading.waiting.pop_front() {
            evidence.check()?;
            reading.file(&path);
        }
        reading.tell(evidence);
        Ok(reading.sshd)
    }

    /// Whether the file at the real `path` is one of the configuration.
    pub(super) fn is_configuration(&self, path: &[u8]) -> bool {
        self.named.contains_key(path)
    }

    /// The files that the one at `path` names.
    pub(super) fn named(&self, path: &[u8]) -> &[Vec<u8>] {
        self.named.get(path).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whose keys the file at the real `path` holds, if the configuration says that it holds any.
    pub(super) fn whose_keys(&self, path: &[u8]) -> Option<&Whose> {
        self.keys.get(path)
    }
}

/// The accounts, and whether there are more.
fn owners(host: &Host) -> (Vec<Owner>, bool) {
    // That it cannot be read is told by whoever looks for homes.
    let text = host.files.file("/etc/passwd", passwd::LIMIT).map(|text| text.bytes).unwrap_or_default();
    let mut accounts = lines(&text).filter_map(passwd::account);
    let owner = |account: passwd::Account<'_>| Owner {
        username: account.name.to_owned(),
        uid: account.uid,
        home: account.directory.to_owned(),
    };
    let owners = accounts.by_ref().take(MOST_OWNERS).map(owner).collect();
    (owners, accounts.next().is_some())
}

impl Owner {
    /// The file that `text` means for this account; none where sshd would not look for one.
    fn path(&self, text: &[u8]) -> Option<Vec<u8>> {
        let token = |name: u8| match name {
            b'h' => Some(self.home.clone()),
            b'u' => Some(self.username.clone()),
            b'U' => Some(self.uid.to_string().into_bytes()),
            _ => None,
        };
        let path = expanded(text, token)?;
        let path = if path.starts_with(b"/") { path } else { [self.home.as_slice(), b"/", &path].concat() };
        path.starts_with(b"/").then_some(path)
    }
}

/// `text` with what `token` puts in the place of its tokens (sshd_config(5), TOKENS); none where one has no meaning there.
fn expanded(text: &[u8], token: impl Fn(u8) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
    let mut path = Vec::new();
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => match bytes.next()? {
                b'%' => path.push(b'%'),
                name => path.extend_from_slice(&token(*name)?),
            },
            byte => path.push(*byte),
        }
        if path.len() >= PATH_MAX {
            return None;
        }
    }
    Some(path)
}

/// The path that `text` means whatever the account, if it does.
fn everybodys(text: &[u8]) -> Option<Vec<u8>> {
    expanded(text, |_| None).filter(|path| path.starts_with(b"/"))
}

/// The configuration while it is followed.
struct Reading<'a> {
    host: &'a Host,
    owners: &'a [Owner],
    has_more_owners: bool,
    sshd: Sshd,
    /// Files of configuration that are still to be read.
    waiting: VecDeque<Vec<u8>>,
    /// How many names and paths may still be looked at.
    left: usize,
    /// Whether a limit left something out.
    is_cut: bool,
    /// The first path at which the kernel, or a file system that may hang, did not let us look.
    refused: Option<ReadError>,
}

impl Reading<'_> {
    fn file(&mut self, path: &[u8]) {
        let Some(real) = self.real(path) else { return };
        if self.sshd.is_configuration(&real) {
            return;
        }
        if self.sshd.named.len() >= MOST_FILES {
            self.is_cut = true;
            return;
        }
        let Ok(text) = self.host.files.file(&real, LIMIT) else { return };
        self.is_cut |= text.truncated;
        let mut named = Vec::new();
        for (keyword, rest) in lines(&text.bytes).filter_map(directive) {
            self.directive(&keyword.to_ascii_lowercase(), rest, &mut named);
        }
        self.sshd.named.insert(real, named);
    }

    fn directive(&mut self, keyword: &[u8], rest: &[u8], named: &mut Vec<Vec<u8>>) {
        let words = words(rest).filter(|word| !word.eq_ignore_ascii_case(b"none"));
        match keyword {
            b"include" => words.for_each(|word| self.include(&word, named)),
            b"authorizedkeysfile" => words.for_each(|word| self.of_accounts(&word, true, named)),
            b"authorizedprincipalsfile" => words.take(1).for_each(|word| self.of_accounts(&word, false, named)),
            // The program; what it is told stands behind it.
            b"authorizedkeyscommand" | b"authorizedprincipalscommand" => {
                words.take(1).for_each(|word| drop(self.look(&word, named)));
            }
            b"trustedusercakeys" => words.take(1).for_each(|word| self.of_everybody(&word, true, named)),
            _ => {}
        }
    }

    fn include(&mut self, word: &[u8], named: &mut Vec<Vec<u8>>) {
        let glob = if word.starts_with(b"/") { word.to_owned() } else { [FOLDER, b"/", word].concat() };
        for path in self.globbed(&glob) {
            if let Some(real) = self.look(&path, named) {
                self.waiting.push_back(real);
            }
        }
    }

    /// A file that each account may have one of its own of.
    fn of_accounts(&mut self, text: &[u8], has_keys: bool, named: &mut Vec<Vec<u8>>) {
        if let Some(path) = everybodys(text) {
            return self.of_everybody(&path, has_keys, named);
        }
        self.is_cut |= self.has_more_owners;
        let owners = self.owners;
        for owner in owners {
            let Some(path) = owner.path(text) else { continue };
            if let Some(real) = self.look(&path, named).filter(|_| has_keys) {
                self.sshd.keys.entry(real).or_insert_with(|| Whose::One(owner.clone()));
            }
        }
    }

    fn of_everybody(&mut self, path: &[u8], has_keys: bool, named: &mut Vec<Vec<u8>>) {
        if let Some(real) = self.look(path, named).filter(|_| has_keys) {
            self.sshd.keys.insert(real, Whose::Everybody);
        }
    }

    /// Where `path`, which the configuration names, really leads, if there is a file.
    fn look(&mut self, path: &[u8], named: &mut Vec<Vec<u8>>) -> Option<Vec<u8>> {
        let real = if path.starts_with(b"/") { self.real(path)? } else { return None };
        named.push(real.clone());
        Some(real)
    }

    fn real(&mut self, path: &[u8]) -> Option<Vec<u8>> {
        if !self.takes(1) {
            return None;
        }
        match self.host.files.real(path) {
            Ok((real, stat)) => stat.is_regular().then_some(real),
            Err(error) => {
                let is_none = error.is_gone() || matches!(error.reason, Reason::Errno(Errno::ENOTDIR | Errno::ELOOP));
                if !is_none {
                    self.refused.get_or_insert(error);
                }
                None
            }
        }
    }

    /// Counts names and paths. Says whether there is room for them.
    fn takes(&mut self, count: usize) -> bool {
        let left = self.left.checked_sub(count);
        self.is_cut |= left.is_none();
        self.left = left.unwrap_or(0);
        left.is_some()
    }

    /// The paths that an absolute glob means (glob(7)).
    fn globbed(&mut self, glob: &[u8]) -> Vec<Vec<u8>> {
        let mut paths = vec![Vec::new()];
        for part in glob.split(|b| *b == b'/').filter(|part| !part.is_empty()) {
            paths = paths.iter().flat_map(|folder| self.step(folder, part)).collect();
        }
        paths
    }

    /// What `part` of a glob means in `folder`.
    fn step(&mut self, folder: &[u8], part: &[u8]) -> Vec<Vec<u8>> {
        let path = |name: &[u8]| [folder, b"/", name].concat();
        if !part.iter().any(|b| b"*?[".contains(b)) {
            return vec![path(part)];
        }
        if !self.takes(1) {
            return Vec::new();
        }
        let top = if folder.is_empty() { &b"/"[..] } else { folder };
        let Ok((names, more)) = self.host.files.dir(top).and_then(|dir| dir.names(MOST_NAMES)) else { return Vec::new() };
        self.is_cut |= more;
        if !self.takes(names.len()) {
            return Vec::new();
        }
        let is_meant = |name: &&Vec<u8>| matches(part, name) && (part.starts_with(b".") || !name.starts_with(b"."));
        names.iter().filter(is_meant).map(|name| path(name)).collect()
    }

    fn tell(&self, evidence: &mut dyn Evidence) {
        if let Some(error) = &self.refused {
            evidence.gap(error.gap());
        }
        if self.is_cut {
            let reason = format!(
                "what sshd is told to read is followed through {MOST_FILES} files of {LIMIT} bytes, {MOST_OWNERS} accounts and {MOST_PATHS} \
                 names; there is more"
            );
            evidence.gap(Gap::whole(FOLDER, reason));
        }
    }
}

/// The keyword of a line of sshd_config(5) and the like, and what stands behind it; none of a comment and an empty line.
pub(super) fn directive(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = line.trim_ascii();
    let end = line.iter().position(|b| b.is_ascii_whitespace() || *b == b'=').unwrap_or(line.len());
    let (keyword, rest) = line.split_at_checked(end)?;
    let rest = rest.trim_ascii_start();
    let rest = rest.strip_prefix(b"=").unwrap_or(rest).trim_ascii_start();
    (!keyword.is_empty() && !keyword.starts_with(b"#")).then_some((keyword, rest))
}

/// The words of a line up to a comment, without their quotes.
fn words(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let text = rest.trim_ascii_start();
        if text.is_empty() || text.starts_with(b"#") {
            return None;
        }
        let (word, behind) = word(text);
        rest = behind;
        Some(word)
    })
}

/// The first word of `text`, and what stands behind it. A backslash hides a quote, another backslash and, outside of quotes, a blank.
fn word(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let (mut word, mut quote) = (Vec::<u8>::new(), None);
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        let is_hidden = match bytes.as_slice().first() {
            Some(b'\'' | b'"' | b'\\') => true,
            Some(b' ') => quote.is_none(),
            _ => false,
        };
        match *byte {
            b'\\' if is_hidden => word.extend(bytes.next()),
            byte if quote == Some(byte) => quote = None,
            byte @ (b'\'' | b'"') if quote.is_none() => quote = Some(byte),
            byte if quote.is_none() && byte.is_ascii_whitespace() => return (word, bytes.as_slice()),
            byte => word.push(byte),
        }
    }
    (word, b"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fixture::{self, write};
    use crate::source::recorded::Recorded;

    fn read(files: &[(&str, &str)]) -> (Sshd, Recorded) {
        let tree = tempfile::tempdir().unwrap();
        let host = fixture::host(tree.path(), files);
        let mut evidence = Recorded::default();
        (Sshd::read(&host, &mut evidence).unwrap(), evidence)
    }

    fn names(sshd: &Sshd, path: &str) -> Vec<String> {
        sshd.named(path.as_bytes()).iter().map(|path| String::from_utf8_lossy(path).into_owned()).collect()
    }

    const PASSWD: (&str, &str) =
        ("etc/passwd", "root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n");

    #[test]
    fn words_have_no_quotes_and_comments_end_them() {
        let shown = |text: &str| words(text.as_bytes()).map(|word| String::from_utf8(word).unwrap()).collect::<Vec<_>>();
        assert_eq!(shown("a \"b c\"d 'e\" f' # g"), ["a", "b cd", "e\" f"]);
        assert_eq!(shown(r#"a\ b \"c "d\"e\f" g#h"#), ["a b", "\"c", r#"d"e\f"#, "g#h"]);
        assert_eq!(shown(" \"open"), ["open"]);
        assert_eq!(directive(b" AuthorizedKeysFile\t= x y "), Some((&b"AuthorizedKeysFile"[..], &b"x y"[..])));
        assert_eq!(directive(b"Port=22"), Some((&b"Port"[..], &b"22"[..])));
        assert_eq!((directive(b" # x"), directive(b""), directive(b"= x")), (None, None, None));
    }

    #[test]
    fn tokens_are_those_of_the_account() {
        let owner = Owner { username: b"a\xff".to_vec(), uid: 7, home: b"/h".to_vec() };
        let path = |text: &str| owner.path(text.as_bytes());
        assert_eq!(path("%h/.ssh/k").unwrap(), b"/h/.ssh/k");
        assert_eq!(path(".ssh/k").unwrap(), b"/h/.ssh/k");
        assert_eq!(path("/keys/%u.%U.%%u").unwrap(), b"/keys/a\xff.7.%u");
        assert_eq!((path("/keys/%k"), path("/keys/%"), path(&"%h".repeat(PATH_MAX))), (None, None, None));
        assert_eq!(Owner { home: b"x".to_vec(), ..owner }.path(b"k"), None);
        assert_eq!((everybodys(b"/k%%"), everybodys(b"/k/%u"), everybodys(b"k")), (Some(b"/k%".to_vec()), None, None));
    }

    #[test]
    fn includes_are_followed_and_what_is_named_is_looked_for_for_every_account() {
        let (sshd, evidence) = read(&[
            PASSWD,
            (
                "etc/ssh/sshd_config",
                "Include sub/*.conf\nauthorizedkeysfile .ssh/keys /srv/%u\nMatch User x\nAuthorizedKeysFile \"/srv/all keys\"\n",
            ),
            ("etc/ssh/sub/a.conf", "Include /opt/more.conf /etc/ssh/sshd_config\n"),
            ("etc/ssh/sub/.b.conf", "TrustedUserCAKeys /srv/ca\n"),
            ("etc/ssh/sshd_config.d/z", "AuthorizedPrincipalsFile %h/principals\nAuthorizedPrincipalsCommand none\n"),
            ("opt/more.conf", "AuthorizedKeysCommand /opt/find-keys --for %u /etc/passwd\nTrustedUserCAKeys=/srv/ca # one\n"),
            ("root/.ssh/keys", ""),
            ("srv/ann", ""),
            ("srv/all keys", ""),
            ("srv/ca", ""),
            ("home/ann/principals", ""),
            ("opt/find-keys", ""),
        ]);
        assert_eq!(
            names(&sshd, "/etc/ssh/sshd_config"),
            ["/etc/ssh/sub/a.conf", "/root/.ssh/keys", "/root/.ssh/keys", "/srv/ann", "/srv/all keys"]
        );
        assert_eq!(names(&sshd, "/etc/ssh/sub/a.conf"), ["/opt/more.conf", "/etc/ssh/sshd_config"]);
        assert_eq!(names(&sshd, "/opt/more.conf"), ["/opt/find-keys", "/srv/ca"]);
        assert_eq!(names(&sshd, "/etc/ssh/sshd_config.d/z"), ["/home/ann/principals"]);
        assert!(sshd.is_configuration(b"/opt/more.conf") && !sshd.is_configuration(b"/etc/ssh/sub/.b.conf"));
        let whose = |path: &str| match sshd.whose_keys(path.as_bytes()) {
            Some(Whose::One(owner)) => Some((String::from_utf8_lossy(&owner.username).into_owned(), owner.uid)),
            Some(Whose::Everybody) => Some(("*".to_owned(), 0)),
            None => None,
        };
        assert_eq!(whose("/root/.ssh/keys"), Some(("root".to_owned(), 0)));
        assert_eq!(whose("/srv/ann"), Some(("ann".to_owned(), 1000)));
        assert_eq!((whose("/srv/all keys"), whose("/srv/ca")), (Some(("*".to_owned(), 0)), Some(("*".to_owned(), 0))));
        assert_eq!((whose("/home/ann/principals"), whose("/opt/find-keys")), (None, None));
        assert_eq!(evidence.gaps, []);
    }

    #[test]
    fn a_link_in_the_place_of_a_file_stands_under_where_it_leads() {
        let tree = tempfile::tempdir().unwrap();
        let host = fixture::host(tree.path(), &[PASSWD]);
        write(tree.path(), "opt/real_config", "AuthorizedKeysFile /opt/keys/%u\n");
        write(tree.path(), "opt/elsewhere/ann", "");
        std::fs::create_dir_all(tree.path().join("etc/ssh")).unwrap();
        std::os::unix::fs::symlink("/opt/real_config", tree.path().join("etc/ssh/sshd_config")).unwrap();
        std::os::unix::fs::symlink("elsewhere", tree.path().join("opt/keys")).unwrap();
        let sshd = Sshd::read(&host, &mut Recorded::default()).unwrap();
        assert_eq!(names(&sshd, "/opt/real_config"), ["/opt/elsewhere/ann"]);
        assert!(matches!(sshd.whose_keys(b"/opt/elsewhere/ann"), Some(Whose::One(owner)) if owner.username == b"ann"));
    }

    #[test]
    fn what_is_too_much_is_a_gap_and_comes_to_an_end() {
        // Three accounts for each line, which together are less than what is looked at of one file.
        let config = "AuthorizedKeysFile /k/%u\n".repeat(MOST_PATHS / 2);
        let (sshd, evidence) = read(&[PASSWD, ("etc/ssh/sshd_config", &config), ("k/ann", "")]);
        assert_eq!((evidence.gaps.len(), evidence.gaps[0].source.as_str()), (1, "/etc/ssh"));
        assert!(sshd.whose_keys(b"/k/ann").is_some());
        assert!(config.len() < LIMIT && names(&sshd, "/etc/ssh/sshd_config").len() < MOST_PATHS / 2);
    }

    proptest::proptest! {
        #[test]
        fn any_line_is_read(line: Vec<u8>) {
            let long: usize = words(&line).map(|word| word.len()).sum();
            assert!(long <= line.len());
            if let Some((keyword, rest)) = directive(&line) {
                assert!(!keyword.is_empty() && line.trim_ascii().ends_with(rest));
            }
        }
    }
}
