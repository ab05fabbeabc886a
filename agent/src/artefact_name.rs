//! The name of an artefact, or a glob of names, as options and the configuration write it.

use std::str::FromStr;

use hozen_collector::model::glob;
use hozen_collector::source::catalogue;
use serde::{Deserialize, Serialize};

/// The name of an artefact of the catalogue, or a glob of such names (`*`, `?`) that at least one of them matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ArtefactName(String);

impl ArtefactName {
    /// Whether it means the artefact `name`.
    pub(crate) fn means(&self, name: &str) -> bool {
        glob::matches(self.0.as_bytes(), name.as_bytes())
    }

    /// Whether it is one name, and not a glob, and so asks for this artefact whatever the profile.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.0 == name
    }

    /// As it was given.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ArtefactName {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let given = Self(text.to_owned());
        let names: Vec<&str> = catalogue::artefacts().iter().map(|artefact| artefact.name).collect();
        // Globs of names have fewer signs than globs of files.
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'*' | b'?');
        let is_plain = text.bytes().all(plain);
        if is_plain && names.iter().any(|name| given.means(name)) {
            return Ok(given);
        }
        let names = names.join(", ");
        Err(if !is_plain {
            format!("{text:?} is neither a name nor a glob of names, which take letters, _, * and ? only; there are: {names}")
        } else if text.contains(['*', '?']) {
            format!("no artefact matches {text:?}; there are: {names}")
        } else {
            format!("there is no artefact {text:?}; there are: {names}")
        })
    }
}

impl TryFrom<String> for ArtefactName {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ArtefactName> for String {
    fn from(name: ArtefactName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_no_artefact_is_refused() {
        assert!("contxt".parse::<ArtefactName>().unwrap_err().contains("there are: context, "));
        for (wrong, why) in
            [("nope", "there is no artefact"), ("nope*", "no artefact matches"), ("[ab]*", "neither"), ("", "there is no")]
        {
            let error = wrong.parse::<ArtefactName>().unwrap_err();
            assert!(error.contains(why) && error.contains("context, freeze_frame"), "{error}");
        }
    }
}
