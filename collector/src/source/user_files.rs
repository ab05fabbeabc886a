//! Files that the user asked for: what definitions of `ForensicArtifacts` mean
//! (<https://artifacts.readthedocs.io/en/latest/sources/Format-specification.html>). Reading the definitions is the agent's; here
//! they are lists of patterns under a name.
//!
//! The files themselves go the way of all file sets: what is text has its secrets hidden, what is not is kept as it is, nothing else is
//! opened than files, and what was asked for and cannot be had is a row with its reason.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::file_set::{FileSet, Form, Group, Limits, Order};
use super::{Evidence, Source, Stop};
use crate::host::Host;
use crate::model::{Artefact, Category, Digest, Gap, Outcome, Profile, Row, Status, escape};

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "user_files",
    category: Category::File,
    profile: Profile::Volatile,
    budget: Duration::from_secs(300),
    budget_bytes: Some(TOTAL),
    source: "the files that --artifacts names",
    about: "files that definitions of ForensicArtifacts mean, if --artifacts names some, newest first, secrets hidden",
    tables: &["user_files", "user_file_definitions"],
};

/// The most bytes that are kept of all files together.
const TOTAL: u64 = 4 << 30;

/// The most bytes that are kept of one file.
const FILE: u64 = 512 << 20;

/// One source of a definition, or what became of it before anything was looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The definition's name.
    pub name: String,
    /// Its type: `FILE`, `PATH`, `COMMAND` and so on; the empty text where the definition is not known at all.
    pub kind: String,
    /// The file that holds it, as text for rows.
    pub file: String,
    /// SHA-256 of that file.
    pub file_sha256: Digest,
    /// What is looked for.
    pub wanted: Wanted,
}

/// What one source of a definition wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The content of the files that these patterns mean.
    Files(Vec<String>),
    /// Only to know of the files and folders that these patterns mean.
    Listing(Vec<String>),
    /// Something that cannot be had here, and why.
    Refused(String),
    /// Something of another operating system.
    Elsewhere,
}

/// Keeps the files that definitions mean.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserFiles {
    /// The definitions, in the order in which they were read.
    pub definitions: Vec<Definition>,
    /// Keep secrets in the files as they are.
    pub include_secrets: bool,
}

impl Source for UserFiles {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        for definition in &self.definitions {
            evidence.row("user_file_definitions", &row(host, definition))?;
        }
        let lists: Vec<(&str, Form, Vec<&str>)> = self.definitions.iter().filter_map(list).collect();
        let groups: Vec<Group<'_>> = lists.iter().map(|(kind, form, patterns)| Group { kind, form: *form, patterns }).collect();
        let set = FileSet {
            table: "user_files",
            groups: &groups,
            limits: Limits::bytes(FILE, TOTAL),
            order: Order::NewestFirst,
            include_secrets: self.include_secrets,
            is_read: None,
        };
        let count = set.keep(host, evidence, &mut |_, _| Ok(Vec::new()))?;
        for reason in self.refused() {
            evidence.gap(Gap::whole(b"user_file_definitions", reason));
        }
        Ok(if count == 0 {
            Outcome::because(Status::Absent, "nothing that the definitions mean is there")
        } else {
            Outcome::ok()
        })
    }
}

impl UserFiles {
    /// What cannot be had: for each reason the definitions that it is said of.
    #[must_use]
    pub fn refused(&self) -> Vec<String> {
        let mut refused: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for definition in &self.definitions {
            if let Wanted::Refused(reason) = &definition.wanted {
                refused.entry(reason).or_default().insert(&definition.name);
            }
        }
        refused.into_iter().map(|(reason, names)| told(reason, &names)).collect()
    }

    /// How many patterns are looked for, by what is wanted, and how many sources are not.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for definition in &self.definitions {
            let (word, patterns) = match &definition.wanted {
                Wanted::Files(patterns) => ("content", patterns.len()),
                Wanted::Listing(patterns) => ("listing", patterns.len()),
                Wanted::Refused(_) => ("refused", 1),
                Wanted::Elsewhere => ("other_system", 1),
            };
            *counts.entry(word).or_default() += patterns;
        }
        counts
    }
}

fn told(reason: &str, names: &BTreeSet<&str>) -> String {
    let few: Vec<String> = names.iter().take(5).map(|name| escape::bytes(name.as_bytes())).collect();
    let more = if names.len() > few.len() { format!(" and {} more", names.len() - few.len()) } else { String::new() };
    format!("{}{more}: {reason}", few.join(", "))
}

fn list(definition: &Definition) -> Option<(&str, Form, Vec<&str>)> {
    let (form, patterns) = match &definition.wanted {
        Wanted::Files(patterns) => (Form::Any, patterns),
        Wanted::Listing(patterns) => (Form::Listed, patterns),
        Wanted::Refused(_) | Wanted::Elsewhere => return None,
    };
    Some((&definition.name, form, patterns.iter().map(String::as_str).collect()))
}

fn row(host: &Host, definition: &Definition) -> Row {
    let mut row = Row::new(host.clock.now(), definition.file.clone());
    row.text("definition", &definition.name).text("source_type", &definition.kind);
    row.text("file_sha256", &definition.file_sha256.to_string());
    match &definition.wanted {
        Wanted::Files(patterns) => row.text("wanted", "content").json("patterns", patterns),
        Wanted::Listing(patterns) => row.text("wanted", "listing").json("patterns", patterns),
        Wanted::Refused(reason) => row.text("wanted", "refused").text("reason", reason),
        Wanted::Elsewhere => row.text("wanted", "other_system"),
    };
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fixture::write;
    use crate::source::recorded::Recorded;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    fn definition(name: &str, wanted: Wanted) -> Definition {
        let (kind, file) = ("FILE".to_owned(), "set.yaml".to_owned());
        Definition { name: name.to_owned(), kind, file, file_sha256: Digest::of(b"x"), wanted }
    }

    fn files(name: &str, patterns: &[&str]) -> Definition {
        definition(name, Wanted::Files(patterns.iter().map(|text| (*text).to_owned()).collect()))
    }

    fn acquired(user_files: &UserFiles, lay_out: impl FnOnce(&Path)) -> (Outcome, Recorded) {
        let tree = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(tree.path().join("proc")).unwrap();
        lay_out(tree.path());
        let mut evidence = Recorded::default();
        let outcome = user_files.acquire(&Host::fixture(tree.path()).unwrap(), &mut evidence).unwrap();
        (outcome, evidence)
    }

    fn lay_out(root: &Path) {
        write(root, "etc/passwd", "ann:x:1000:1000::/home/ann:/bin/sh\n");
        write(root, "etc/app/config", "password=hunter2\nname=x\n");
        write(root, "etc/app/cache", b"\0password=hunter2\n");
        write(root, "home/ann/.netrc", b"\0machine h password hunter2\n");
        for path in ["srv/1", "srv/a/2", "srv/a/b/3", "srv/a/b/c/4"] {
            write(root, path, path);
        }
        symlink("1", root.join("srv/link")).unwrap();
        write(root, "var/log/gc.7", "7");
        write(root, "var/log/gc.x", "x");
    }

    fn kinds(evidence: &Recorded) -> Vec<(String, String)> {
        let text = |row: &serde_json::Value, column: &str| row[column].as_str().unwrap_or("?").to_owned();
        let mut all: Vec<_> = evidence.rows("user_files").iter().map(|row| (text(row, "path"), text(row, "kind"))).collect();
        all.sort();
        all
    }

    #[test]
    fn each_file_bears_the_name_of_its_definitions_and_no_secret_of_a_text() {
        let definitions = vec![
            files("App", &["/etc/app/*", "~/.netrc"]),
            files("Log", &["/var/log/gc.[0-9]", "/etc/app/config"]),
            definition("Listed", Wanted::Listing(vec!["/etc/app".to_owned(), "/etc/app/cache".to_owned()])),
        ];
        let (outcome, evidence) = acquired(&UserFiles { definitions: definitions.clone(), include_secrets: false }, lay_out);
        assert_eq!((outcome, evidence.gaps.len()), (Outcome::ok(), 0));
        let expected = [
            ("/etc/app", "Listed"),
            ("/etc/app/cache", "App"),
            ("/etc/app/config", "App"),
            ("/home/ann/.netrc", "App"),
            ("/var/log/gc.7", "Log"),
        ];
        assert_eq!(kinds(&evidence), expected.map(|(path, kind)| (path.to_owned(), kind.to_owned())));
        let config = evidence.rows("user_files").iter().find(|row| row["path"] == "/etc/app/config").unwrap();
        assert_eq!(config["also"], serde_json::json!(["Log"]));
        // A text has its secrets hidden, what is no text is as it was, and a file of secrets is never there.
        assert_eq!(evidence.member("/etc/app/config"), Some(&b"password=xxxxxxx\nname=x\n"[..]));
        assert_eq!(evidence.member("/etc/app/cache"), Some(&b"\0password=hunter2\n"[..]));
        assert_eq!((evidence.member("/home/ann/.netrc"), evidence.member("/etc/app")), (None, Some(&b""[..])));
        let (_, evidence) = acquired(&UserFiles { definitions, include_secrets: true }, lay_out);
        assert_eq!(evidence.member("/etc/app/config"), Some(&b"password=hunter2\nname=x\n"[..]));
    }

    #[test]
    fn depth_is_bounded_and_links_are_entries() {
        let definitions = vec![files("Two", &["/srv/**2"]), files("Between", &["/**2/b/3"])];
        let (_, evidence) = acquired(&UserFiles { definitions, include_secrets: false }, lay_out);
        let expected = [("/srv/1", "Two"), ("/srv/a/2", "Two"), ("/srv/a/b/3", "Between"), ("/srv/link", "Two")];
        assert_eq!(kinds(&evidence), expected.map(|(path, kind)| (path.to_owned(), kind.to_owned())));
    }

    #[test]
    fn what_is_refused_is_a_row_and_a_gap_and_what_is_for_others_only_a_row() {
        let refused = |name: &str| definition(name, Wanted::Refused("Hozen executes nothing on the host".to_owned()));
        let definitions: Vec<Definition> = (1..=7).map(|n| refused(&format!("C{n}"))).collect();
        let definitions = [definitions, vec![definition("Registry", Wanted::Elsewhere), files("F", &["/none"])]].concat();
        let (outcome, evidence) = acquired(&UserFiles { definitions, include_secrets: false }, lay_out);
        assert_eq!((outcome.status, evidence.gaps.len()), (Status::Absent, 1));
        assert_eq!(evidence.gaps[0].reason, "C1, C2, C3, C4, C5 and 2 more: Hozen executes nothing on the host");
        let rows = evidence.rows("user_file_definitions");
        assert_eq!((rows.len(), &rows[0]["wanted"], &rows[7]["wanted"]), (9, &"refused".into(), &"other_system".into()));
        assert_eq!((&rows[8]["patterns"], &rows[8]["source"]), (&serde_json::json!(["/none"]), &rows[0]["source"]));
    }
}
