//! `hozen artefacts`.

use std::fmt::Write as _;

use hozen_collector::model::Artefact;
use hozen_collector::source::catalogue;

use super::print;
use crate::cli::ArtefactsArgs;

/// Lists what can be collected.
#[must_use]
pub fn artefacts(arguments: &ArtefactsArgs) -> u8 {
    let artefacts = catalogue::artefacts();
    if arguments.json {
        print(&serde_json::to_string_pretty(&artefacts).unwrap_or_default());
    } else {
        print(&table(&artefacts));
    }
    0
}

fn table(artefacts: &[Artefact]) -> String {
    let mut text = format!("{:<20} {:<9} {:>7}  {}\n", "ARTEFACT", "PROFILE", "BUDGET", "WHAT AND TABLES");
    for artefact in artefacts {
        let budget = format!("{} s", artefact.budget.as_secs());
        let profile = format!("{:?}", artefact.profile).to_lowercase();
        let _ = writeln!(text, "{:<20} {profile:<9} {budget:>7}  {}", artefact.name, artefact.about);
        let _ = writeln!(text, "{:<39}  tables: {}", "", artefact.tables.join(", "));
    }
    text
}
