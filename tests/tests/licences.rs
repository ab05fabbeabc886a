//! The licence part of `deny.toml`, held without cargo-deny: every crate that is linked in offers a licence of the list.
#![expect(clippy::unwrap_used, clippy::string_slice, clippy::disallowed_methods, reason = "a test of the build, not of a host")]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// The strings of the list `allow` in `deny.toml`.
fn allowed() -> Vec<String> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../deny.toml")).unwrap();
    let list = text.split("allow = [").nth(1).unwrap().split(']').next().unwrap();
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Whether a licence expression (SPDX, or the old form with `/`) can be met from the list.
fn is_met(expression: &str, allowed: &[String]) -> bool {
    let text = expression.replace('/', " OR ");
    let text = text.trim();
    if let [one] = split(text, " OR ").as_slice()
        && let [one] = split(one, " AND ").as_slice()
    {
        let inner = one.trim().strip_prefix('(').and_then(|inner| inner.strip_suffix(')'));
        return inner.map_or_else(|| allowed.iter().any(|licence| licence == one.trim()), |inner| is_met(inner, allowed));
    }
    split(text, " OR ").iter().any(|choice| match split(choice, " AND ").as_slice() {
        [one] => is_met(one, allowed),
        all => all.iter().all(|one| is_met(one, allowed)),
    })
}

/// The parts of `text` between `word`, not looking into parentheses.
fn split<'a>(text: &'a str, word: &str) -> Vec<&'a str> {
    let outside = |at: usize| text[..at].matches('(').count() == text[..at].matches(')').count();
    let cuts: Vec<usize> = text.match_indices(word).map(|(at, _)| at).filter(|at| outside(*at)).collect();
    let starts = std::iter::once(0).chain(cuts.iter().map(|at| at + word.len()));
    starts.zip(cuts.iter().copied().chain([text.len()])).map(|(from, to)| &text[from..to]).collect()
}

#[test]
fn every_dependency_has_an_allowed_licence() {
    // Crates for other systems are not linked in, and not even fetched.
    let arguments =
        ["metadata", "--locked", "--offline", "--format-version", "1", "--filter-platform", "x86_64-unknown-linux-gnu"];
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 50, "only {} packages", packages.len());
    let allowed = allowed();
    let text = |package: &Value, member: &str| package[member].as_str().unwrap_or_default().to_owned();
    let wrong: Vec<String> = packages
        .iter()
        .filter(|package| !is_met(&text(package, "license"), &allowed))
        .map(|package| format!("{} {}: {:?}", text(package, "name"), text(package, "version"), package["license"]))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn expressions_are_understood() {
    let list = ["MIT".to_owned(), "Apache-2.0".to_owned()];
    for met in ["MIT", "GPL-3.0 OR MIT", "MIT/Apache-2.0", "(MIT OR GPL-2.0) AND Apache-2.0", "MIT AND Apache-2.0"] {
        assert!(is_met(met, &list), "{met}");
    }
    for unmet in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR Apache-2.0) AND GPL-3.0", "LGPL-2.1 OR GPL-3.0"] {
        assert!(!is_met(unmet, &list), "{unmet}");
    }
}
