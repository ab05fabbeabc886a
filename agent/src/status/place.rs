//! Which parameter: one by its name, or one for each host below a name.

use std::fmt;
use std::str::FromStr;

use hozen_collector::model::RunId;
use serde::{Deserialize, Serialize};

use crate::aws::parameter::ParameterName;
use crate::s3::layout;

/// Where a run says how it goes: `ssm:/path`, or `ssm:/path/` for one parameter below it that bears the name of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Place {
    name: ParameterName,
    below: bool,
}

impl Place {
    /// The parameter of the host `host`, which is an instance id, a machine id or a host name.
    ///
    /// # Errors
    /// When the whole is no name.
    pub fn of(&self, host: &str) -> Result<ParameterName, String> {
        if self.below { self.name.below(&layout::component(host)) } else { Ok(self.name.clone()) }
    }
}

/// The parameter beside the status `name` that holds the digest of the begin record of `run`. Each run has its own, so that it never has to be
/// written over, and a policy can forbid that.
///
/// # Errors
/// When the whole is no name.
pub(super) fn witness(name: &ParameterName, run: RunId) -> Result<ParameterName, String> {
    name.below(&format!("begin-{run}"))
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, below) = text.strip_suffix('/').map_or((text, false), |name| (name, true));
        let name: ParameterName = name.parse()?;
        if name.has_selector() {
            return Err(format!("{text:?} names one version of a parameter, which cannot be written; leave out the version"));
        }
        Ok(Self { name, below })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.name, if self.below { "/" } else { "" })
    }
}

impl TryFrom<String> for Place {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Place> for String {
    fn from(place: Place) -> Self {
        place.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hozen_collector::model::Timestamp;

    #[test]
    fn a_slash_at_the_end_gives_each_host_its_own() {
        let of = |text: &str, host: &str| text.parse::<Place>().unwrap().of(host).unwrap().to_string();
        assert_eq!(of("ssm:/hozen/status/IR-1", "i-0abc"), "ssm:/hozen/status/IR-1");
        assert_eq!(of("ssm:/hozen/status/IR-1/", "i-0abc"), "ssm:/hozen/status/IR-1/i-0abc");
        assert_eq!(of("ssm:/hozen/", "../web server"), "ssm:/hozen/.._web_server");
        for text in ["ssm:/hozen/status", "ssm:/hozen/status/"] {
            assert_eq!(text.parse::<Place>().unwrap().to_string(), text);
        }
        for wrong in ["", "/hozen", "ssm:/", "ssm://", "ssm:/a//", "ssm:/a:1", "ssm:/a:1/"] {
            assert!(wrong.parse::<Place>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_run_has_a_witness_of_its_own() {
        let name = "ssm:/hozen/status/i-0abc".parse().unwrap();
        let (one, other) = (RunId::new(Timestamp::from_seconds(0), 7), RunId::new(Timestamp::from_seconds(0), 8));
        assert_eq!(witness(&name, one).unwrap().path(), format!("/hozen/status/i-0abc/begin-{one}"));
        assert_ne!(witness(&name, one), witness(&name, other));
    }
}
