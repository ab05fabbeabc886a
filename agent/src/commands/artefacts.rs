//! `hozen artefacts`.

use std::fmt::Write as _;

use hozen_collector::model::Artefact;
use hozen_collector::source::catalogue;

use serde::Serialize;

use super::print;
use crate::cli::ArtefactsArgs;

/// What is not in the list, because it is known before the first of them is read.
const IDENTITY: &str = "Which instance this is, is no artefact: before the first of them the begin record has it (`instance`): the identity \
    document of EC2 with its signatures, the metadata, the names of roles, size and digest of the user data.";

/// Lists what can be collected.
#[must_use]
pub fn artefacts(arguments: &ArtefactsArgs) -> u8 {
    let artefacts = catalogue::artefacts();
    if arguments.json {
        print(&serde_json::to_string_pretty(&listed(&artefacts)).unwrap_or_default());
    } else if arguments.markdown {
        print(&markdown(&artefacts));
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
    let _ = writeln!(text, "\n{IDENTITY}");
    text
}

/// The table of `docs/artefacts.md`, and what it lacks.
fn markdown(artefacts: &[Artefact]) -> String {
    let mut text =
        "| order | artefact | profile | time | bytes | what | read from | tables |\n|--:|---|---|--:|--:|---|---|---|\n"
            .to_owned();
    for (order, artefact) in (1..).zip(artefacts) {
        let profile = format!("{:?}", artefact.profile).to_lowercase();
        let bytes = artefact.budget_bytes.map_or_else(|| "-".to_owned(), |bytes| format!("{} MiB", bytes >> 20));
        let tables: Vec<String> = artefact.tables.iter().map(|table| format!("`{table}`")).collect();
        let cell = |text: &str| text.replace('|', "\\|");
        let _ = writeln!(
            text,
            "| {order} | `{}` | {profile} | {} s | {bytes} | {} | {} | {} |",
            artefact.name,
            artefact.budget.as_secs(),
            cell(artefact.about),
            cell(artefact.source),
            tables.join(" ")
        );
    }
    let _ = writeln!(text, "\n{IDENTITY}");
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

    const PAGE: &str = include_str!("../../../docs/artefacts.md");

    #[test]
    fn the_page_has_the_table() {
        let (_, after) = PAGE.split_once("<!-- hozen artefacts --markdown -->\n").unwrap();
        let (table, _) = after.split_once("<!-- end -->").unwrap();
        let made = markdown(&catalogue::artefacts());
        let wrong: Vec<&str> = made.lines().filter(|line| !table.contains(line)).collect();
        assert!(table == made, "write the output of `hozen artefacts --markdown` into docs/artefacts.md; it lacks {wrong:#?}");
    }

    #[test]
    fn the_readme_leaves_no_artefact_out() {
        let (_, page) = include_str!("../../../README.md").split_once("## What is collected\n").unwrap();
        let (page, _) = page.split_once("\n## ").unwrap();
        let missing: Vec<&str> = catalogue::artefacts()
            .iter()
            .map(|artefact| artefact.name)
            .filter(|name| !page.contains(&format!("`{name}`")))
            .collect();
        assert!(missing.is_empty(), "README.md does not name {missing:?}");
    }

    /// Whether the last cell of a line of the comparison begins with the name of an artefact, or with why there is none.
    fn is_answer(cell: &str) -> bool {
        let named = cell.strip_prefix('`').and_then(|rest| rest.split_once('`')).map(|(name, _)| name);
        let is_artefact = named.is_some_and(|name| catalogue::artefacts().iter().any(|artefact| artefact.name == name));
        let why = ["no: ", "no artefact: "].into_iter().find_map(|begin| cell.strip_prefix(begin));
        is_artefact || why.is_some_and(|why| why.len() > 20)
    }

    #[test]
    fn an_answer_names_an_artefact_or_says_why_not() {
        for cell in [
            "`logs`",
            "`files` lists them",
            "no: that is detection and needs its rules",
            "no artefact: `instance` of the begin record",
        ] {
            assert!(is_answer(cell), "{cell}");
        }
        for cell in [
            "",
            "x",
            "no",
            "no: not yet",
            "`logs",
            "`log_files`",
            "`nothing` has it",
            "in `logs`",
            "in the begin record, with its signature",
        ] {
            assert!(!is_answer(cell), "{cell}");
        }
    }

    #[test]
    fn nothing_that_others_have_is_missing_without_a_reason() {
        let (_, compared) = PAGE.split_once("| what | UAC | ").unwrap();
        let rows: Vec<Vec<&str>> = compared
            .lines()
            .skip(2)
            .take_while(|line| line.starts_with("| "))
            .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
            .collect();
        assert!(rows.len() > 50, "{} rows", rows.len());
        for row in rows {
            let [what, peers @ .., ours] = row.as_slice() else { unreachable!("a row has cells") };
            assert_eq!(peers.len(), 6, "{what}");
            assert!(peers.iter().all(|peer| matches!(*peer, "x" | "")), "{what}: {peers:?}");
            assert!(peers.contains(&"x"), "{what}: nobody has it");
            assert!(is_answer(ours), "{what}: {ours}");
        }
    }

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
