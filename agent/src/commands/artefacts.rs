//! `hozen artefacts`.

use std::fmt::Write as _;

use hozen_collector::model::Artefact;
use hozen_collector::source::catalogue;

use serde::Serialize;

use super::print;
use crate::cli::ArtefactsArgs;

/// Lists what can be collected.
#[must_use]
pub fn artefacts(arguments: &ArtefactsArgs) -> u8 {
    let artefacts = catalogue::artefacts();
    if arguments.json {
        print(&serde_json::to_string_pretty(&listed(&artefacts)).unwrap_or_default());
    } else {
        print(&table(&artefacts));
    }
    0
}

fn table(artefacts: &[Artefact]) -> String {
    let mut text = format!(
        "{:>5} {:<20} {:<9} {:>7} {:>8}  {}\n",
        "ORDER", "ARTEFACT", "PROFILE", "BUDGET", "BYTES", "WHAT, SOURCE AND TABLES"
    );
    for (order, artefact) in (1..).zip(artefacts) {
        let budget = format!("{} s", artefact.budget.as_secs());
        let profile = format!("{:?}", artefact.profile).to_lowercase();
        let bytes = artefact.budget_bytes.map_or_else(|| "-".to_owned(), |bytes| format!("{} MiB", bytes >> 20));
        let _ = writeln!(text, "{order:>5} {:<20} {profile:<9} {budget:>7} {bytes:>8}  {}", artefact.name, artefact.about);
        let _ = writeln!(text, "{:<53}  source: {}", "", artefact.source);
        let _ = writeln!(text, "{:<53}  tables: {}", "", artefact.tables.join(", "));
    }
    text
}

/// An artefact with its place in the order of a run.
#[derive(Serialize)]
struct Listed {
    order: usize,
    #[serde(flatten)]
    artefact: Artefact,
}

fn listed(artefacts: &[Artefact]) -> Vec<Listed> {
    (1..).zip(artefacts).map(|(order, artefact)| Listed { order, artefact: *artefact }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_lists_say_order_source_and_budgets() {
        let artefacts = catalogue::artefacts();
        let json = serde_json::to_value(listed(&artefacts)).unwrap();
        let shm = json.as_array().unwrap().iter().find(|one| one["name"] == "shm").unwrap();
        let at = artefacts.iter().position(|one| one.name == "shm").unwrap();
        assert_eq!((&shm["order"], &shm["budget_bytes"]), (&(at + 1).into(), &(4_u64 << 30).into()));
        assert_eq!((&shm["source"], &shm["budget"]), (&"/dev/shm, /proc/sysvipc/shm".into(), &120.into()));
        let text = table(&artefacts);
        let line = format!("{:>5} {:<20} volatile    120 s 4096 MiB", at + 1, "shm");
        assert!(text.contains(&line), "{text}");
        assert!(text.contains("  source: /dev/shm, /proc/sysvipc/shm\n"));
        assert!(artefacts.iter().all(|artefact| !artefact.source.is_empty()));
    }
}
