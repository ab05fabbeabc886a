//! Which definitions are wanted: those that are named, or all, and the members of groups; and what each of them comes to.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};
use hozen_collector::source::user_files::{Definition, Wanted};

use super::definition::Of;
use super::{Held, path};

/// Why no command is run.
const COMMAND: &str =
    "the output of a command, and Hozen executes nothing on a host; artefacts of its own read what commands show";

/// What `held` wants: the definitions of these names and what their groups name, or all.
///
/// # Errors
/// When one of the names is not there.
pub(super) fn wanted(held: &[Held], names: &[String]) -> Result<Vec<Definition>> {
    let mut by_name: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, one) in held.iter().enumerate() {
        for alias in &one.definition.aliases {
            by_name.entry(alias).or_insert(at);
        }
    }
    by_name.extend(held.iter().enumerate().map(|(at, one)| (one.definition.name.as_str(), at)));
    let mut choice = Choice { held, by_name, chosen: BTreeSet::new(), unknown: BTreeMap::new() };
    if names.is_empty() {
        (0..held.len()).for_each(|at| choice.add(at));
    }
    for name in names {
        let Some(at) = choice.by_name.get(name.as_str()) else { bail!("{}", choice.not_there(name)) };
        choice.add(*at);
    }
    Ok(choice.definitions())
}

struct Choice<'a> {
    held: &'a [Held],
    by_name: BTreeMap<&'a str, usize>,
    chosen: BTreeSet<usize>,
    /// Names that no file holds, and the definition whose group names each first.
    unknown: BTreeMap<&'a str, usize>,
}

impl<'a> Choice<'a> {
    /// Adds a definition and what its groups name; each once, so that groups that name each other end.
    fn add(&mut self, at: usize) {
        let mut open = vec![at];
        while let Some(at) = open.pop() {
            let Some(one) = self.held.get(at) else { continue };
            if !self.chosen.insert(at) {
                continue;
            }
            for source in &one.definition.sources {
                let Of::Group(names) = &source.of else { continue };
                for name in names {
                    match self.by_name.get(name.as_str()) {
                        Some(member) => open.push(*member),
                        None => _ = self.unknown.entry(name).or_insert(at),
                    }
                }
            }
        }
    }

    fn not_there(&self, name: &str) -> String {
        let lower = name.to_lowercase();
        let near = self.by_name.keys().filter(|known| known.to_lowercase().contains(&lower)).take(5);
        let near: Vec<String> = near.map(|known| known.escape_debug().to_string()).collect();
        let near = if near.is_empty() { String::new() } else { format!("; there are {}", near.join(", ")) };
        format!("--definitions names {name:?}, which no file of --artifacts holds{near}")
    }

    fn definitions(&self) -> Vec<Definition> {
        let mut all = Vec::new();
        for one in self.chosen.iter().filter_map(|at| self.held.get(*at)) {
            for source in &one.definition.sources {
                let new = |wanted: Wanted| Definition {
                    name: one.definition.name.clone(),
                    kind: source.kind.clone(),
                    file: one.file.clone(),
                    file_sha256: one.sha256,
                    wanted,
                };
                all.extend(comes_to(&source.of).into_iter().map(new));
            }
        }
        for (name, by) in &self.unknown {
            let Some(by) = self.held.get(*by) else { continue };
            let reason = format!(
                "the group {} names it, and no file of --artifacts holds it; give that file too",
                by.definition.name.escape_debug()
            );
            let (file, file_sha256) = (by.file.clone(), by.sha256);
            let wanted = Wanted::Refused(reason);
            all.push(Definition { name: (*name).to_owned(), kind: String::new(), file, file_sha256, wanted });
        }
        all
    }
}

/// What a source comes to: what is looked for, and for each path that cannot be, why.
fn comes_to(of: &Of) -> Vec<Wanted> {
    let (paths, make): (_, fn(Vec<String>) -> Wanted) = match of {
        Of::Files(paths) => (paths, Wanted::Files),
        Of::Paths(paths) => (paths, Wanted::Listing),
        Of::Group(_) => return Vec::new(),
        Of::Command => return vec![Wanted::Refused(COMMAND.to_owned())],
        Of::Elsewhere => return vec![Wanted::Elsewhere],
    };
    let (mut patterns, mut refused) = (Vec::new(), Vec::new());
    for text in paths {
        match path::pattern(text) {
            Ok(pattern) => patterns.push(pattern),
            Err(reason) => refused.push(Wanted::Refused(reason)),
        }
    }
    refused.dedup();
    if !patterns.is_empty() {
        refused.insert(0, make(patterns));
    }
    refused
}
