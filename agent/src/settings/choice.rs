//! Which artefacts a run takes: the profile, `--only`, `--skip` and `--memory`, and what each of them says of an artefact.

use anyhow::{Result, bail, ensure};
use hozen_collector::model::{Artefact, Profile};
use hozen_collector::source::process_memory::{self, Which};
use hozen_collector::source::{catalogue, user_files};

use super::Settings;
use crate::artefact_name::ArtefactName;
use crate::cli::MemoryMode;
use crate::exit::MEMORY;

impl Settings {
    /// Whether an image of memory is wanted.
    #[must_use]
    pub fn wants_memory(&self) -> bool {
        match self.memory {
            Some(mode) => mode != MemoryMode::Off,
            None => self.profile != Profile::Volatile,
        }
    }

    /// Whether the plan has a use for a kernel module, so that one may be looked for and loaded.
    #[must_use]
    pub fn may_load_module(&self) -> bool {
        let planned = self.skip.iter().all(|name| !name.means(MEMORY));
        let planned = planned && (self.only.is_empty() || self.only.iter().any(|name| name.means(MEMORY)));
        planned && self.wants_memory() && matches!(self.memory, None | Some(MemoryMode::Auto | MemoryMode::Lime))
    }

    /// Whether one way to memory was asked for by name.
    #[must_use]
    pub fn names_memory_method(&self) -> bool {
        matches!(self.memory, Some(MemoryMode::Lime | MemoryMode::Kcore | MemoryMode::Crash | MemoryMode::Mem))
    }

    /// Why `artefact` is left out, if it is.
    #[must_use]
    pub fn skip_reason(&self, artefact: &Artefact) -> Option<String> {
        let named = |list: &[ArtefactName]| list.iter().any(|name| name.means(artefact.name));
        if named(&self.skip) {
            return Some("left out by --skip".to_owned());
        }
        if !self.only.is_empty() && !named(&self.only) {
            return Some("not named by --only".to_owned());
        }
        if artefact.name == MEMORY && !self.wants_memory() {
            let why = if self.memory.is_some() {
                "--memory off"
            } else {
                "profile volatile takes no memory image; --memory auto asks for one"
            };
            return Some(why.to_owned());
        }
        if artefact.name == process_memory::ARTEFACT.name && self.process_memory.which == Which::Nobody {
            return Some("taken only of processes that --process-memory names".to_owned());
        }
        if artefact.name == user_files::ARTEFACT.name && self.user_files.definitions.is_empty() {
            return Some("taken only where --artifacts names definitions".to_owned());
        }
        // A name asks for what a larger profile has; a glob means those of the profile.
        let beyond = artefact.profile > self.profile && !self.only.iter().any(|name| name.is(artefact.name));
        beyond.then(|| format!("belongs to profile {}", word(artefact.profile)))
    }

    /// Refuses contradictions between `--only`, `--skip` and `--memory off`.
    pub(super) fn check_contradictions(&self) -> Result<()> {
        if let Some(name) = self.only.iter().find(|name| self.skip.contains(name)) {
            bail!("{} is named by both --only and --skip; take it out of one of them", name.as_str());
        }
        let named = |list: &[ArtefactName], name: &str| list.iter().any(|one| one.means(name));
        ensure!(
            catalogue::artefacts()
                .iter()
                .any(|one| { (self.only.is_empty() || named(&self.only, one.name)) && !named(&self.skip, one.name) }),
            "--skip leaves out all that would be collected; take something out of it"
        );
        ensure!(
            !self.only.iter().any(|name| name.is(MEMORY)) || self.wants_memory(),
            "--only names memory, but no memory image is wanted; give --memory auto"
        );
        let name = process_memory::ARTEFACT.name;
        ensure!(
            !self.only.iter().any(|only| only.is(name)) || self.process_memory.which != Which::Nobody,
            "--only names {name}, but no process is named; give --process-memory PID, all or suspicious"
        );
        let name = user_files::ARTEFACT.name;
        ensure!(
            !self.only.iter().any(|only| only.is(name)) || !self.user_files.definitions.is_empty(),
            "--only names {name}, but no definitions are given; give --artifacts FILE"
        );
        Ok(())
    }
}

fn word(profile: Profile) -> &'static str {
    match profile {
        Profile::Volatile => "volatile",
        Profile::Triage => "triage",
        Profile::Full => "full",
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{new, settings};
    use super::*;
    use crate::cli::{CollectArgs, ProfileName};
    use hozen_collector::model::Category;
    use std::time::Duration;

    fn artefact(name: &'static str, profile: Profile) -> Artefact {
        Artefact {
            name,
            category: Category::System,
            profile,
            budget: Duration::from_secs(1),
            budget_bytes: None,
            source: "",
            about: "",
            tables: &[],
        }
    }

    #[test]
    fn names_contradict_each_other() {
        let name = |text: &str| text.parse::<ArtefactName>().unwrap();
        let error = |only: &[&str], skip: &[&str], memory| {
            let (only, skip) = (only.iter().map(|n| name(n)).collect(), skip.iter().map(|n| name(n)).collect());
            new(&CollectArgs { only, skip, memory, ..CollectArgs::default() }).unwrap_err().to_string()
        };
        assert!(error(&["context"], &["context"], None).contains("both"));
        assert!(error(&[MEMORY], &[], Some(MemoryMode::Off)).contains("--memory auto"));
        assert!(error(&["process_memory"], &[], None).contains("--process-memory"));
    }

    #[test]
    fn names_and_globs_choose_artefacts() {
        let plan = |only: &[&str], skip: &[&str]| {
            let names = |list: &[&str]| list.iter().map(|name| name.parse().unwrap()).collect::<Vec<ArtefactName>>();
            let mut arguments = CollectArgs { only: names(only), skip: names(skip), ..CollectArgs::default() };
            arguments.memory = Some(MemoryMode::Auto);
            let settings = new(&arguments)?;
            let artefacts = catalogue::artefacts();
            let kept = artefacts.iter().filter(|artefact| settings.skip_reason(artefact).is_none());
            anyhow::Ok(kept.map(|artefact| artefact.name).collect::<Vec<_>>())
        };
        assert_eq!(plan(&["process_env?", "sh*"], &[]).unwrap(), ["process_envs", "shm"]);
        let kernel = plan(&["kernel_*"], &["*_log"]).unwrap();
        assert!(
            kernel.contains(&"kernel_modules") && kernel.iter().all(|name| name.starts_with("kernel_") && *name != "kernel_log")
        );
        assert!(plan(&[], &["m*"]).unwrap().iter().all(|name| !name.starts_with('m')));
        assert!(plan(&["shm"], &["s*"]).unwrap_err().to_string().contains("leaves out all"));
        assert!(plan(&["shm"], &["shm"]).unwrap_err().to_string().contains("both"));
    }

    #[test]
    fn a_glob_stays_in_the_profile() {
        let late = artefact("shm", Profile::Full);
        let asked = |name: &str| settings(|a| a.only = vec![name.parse().unwrap()]).skip_reason(&late);
        assert_eq!((asked("shm"), asked("sh*")), (None, Some("belongs to profile full".to_owned())));
    }

    #[test]
    fn the_plan_says_why_something_is_left_out() {
        let (context, memory, late) =
            (artefact("context", Profile::Volatile), artefact(MEMORY, Profile::Volatile), artefact("late", Profile::Full));
        let triage = settings(|_| ());
        assert_eq!((triage.skip_reason(&context), triage.skip_reason(&memory)), (None, None));
        let of_processes = artefact("process_memory", Profile::Volatile);
        assert_eq!(triage.skip_reason(&of_processes).unwrap(), "taken only of processes that --process-memory names");
        assert_eq!(settings(|a| a.process_memory = Some(Which::All)).skip_reason(&of_processes), None);
        assert_eq!(triage.skip_reason(&late).unwrap(), "belongs to profile full");
        let volatile = settings(|a| a.profile = Some(ProfileName::Volatile));
        assert!(volatile.skip_reason(&memory).unwrap().contains("profile volatile"));
    }
}
