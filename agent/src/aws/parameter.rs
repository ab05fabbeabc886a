//! Parameters of Systems Manager: what is read from them, and what is written into them.

use std::fmt;
use std::str::FromStr;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::ParameterType;
use serde::{Deserialize, Serialize};

use super::{Network, words};

/// The longest name, in bytes: what Systems Manager takes, less what it counts of its own ARN.
const MAX_NAME: usize = 900;
/// The most levels of a name.
const MAX_LEVELS: usize = 15;

/// The name of a parameter, written `ssm:/path`, and `ssm:/path:SELECTOR` for one version or label of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ParameterName {
    path: String,
    selector: Option<String>,
}

impl ParameterName {
    /// The name without `ssm:`, with its selector.
    #[must_use]
    pub fn asked(&self) -> String {
        self.selector.as_ref().map_or_else(|| self.path.clone(), |selector| format!("{}:{selector}", self.path))
    }

    /// The name without `ssm:` and selector.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether one version of it is meant.
    #[must_use]
    pub fn has_selector(&self) -> bool {
        self.selector.is_some()
    }

    /// This version of it, as it is written.
    #[must_use]
    pub fn at(&self, version: i64) -> String {
        format!("ssm:{}:{version}", self.path)
    }

    /// The parameter `name` below it.
    ///
    /// # Errors
    /// When the whole is no name any more.
    pub fn below(&self, name: &str) -> Result<Self, String> {
        format!("ssm:{}/{name}", self.path).parse()
    }
}

impl FromStr for ParameterName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is not a parameter; write ssm:/path of A-Z a-z 0-9 . _ - and /, at most {MAX_LEVELS} levels, the first \
                 of them neither aws nor ssm"
            )
        };
        let rest = text.strip_prefix("ssm:").ok_or_else(wrong)?;
        let (path, selector) = rest.split_once(':').map_or((rest, None), |(path, selector)| (path, Some(selector)));
        let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        let levels: Vec<&str> = path.strip_prefix('/').ok_or_else(wrong)?.split('/').collect();
        let first = levels.first().copied().unwrap_or_default().to_ascii_lowercase();
        let reserved = first.starts_with("aws") || first.starts_with("ssm");
        let sound = levels.iter().all(|level| plain(level)) && levels.len() <= MAX_LEVELS && path.len() <= MAX_NAME;
        if !sound || reserved || !selector.is_none_or(plain) {
            return Err(wrong());
        }
        Ok(Self { path: path.to_owned(), selector: selector.map(str::to_owned) })
    }
}

impl fmt::Display for ParameterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ssm:{}", self.asked())
    }
}

impl TryFrom<String> for ParameterName {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ParameterName> for String {
    fn from(name: ParameterName) -> Self {
        name.to_string()
    }
}

/// What a parameter holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// Its value, decrypted where it is a SecureString.
    pub value: String,
    /// Which version it is.
    pub version: i64,
}

/// Reads and writes parameters. Clones share one client.
#[derive(Debug, Clone)]
pub struct Parameters {
    client: Client,
}

impl Parameters {
    /// A way to them.
    ///
    /// # Errors
    /// When no region is known.
    pub fn new(network: &Network, credentials: SharedCredentialsProvider) -> Result<Self, String> {
        Ok(Self { client: network.ssm(credentials)? })
    }

    /// Reads `name`.
    ///
    /// # Errors
    /// What Systems Manager said, and what to do about it.
    pub async fn read(&self, name: &ParameterName) -> Result<Read, String> {
        let asked = self.client.get_parameter().name(name.asked()).with_decryption(true).send().await;
        let answer = asked.map_err(|error| {
            let reason = words::of(&error);
            format!("the parameter {name} cannot be read: {reason}; {}", advice(&reason, "ssm:GetParameter"))
        })?;
        let parameter = answer.parameter.ok_or_else(|| format!("the parameter {name} has no value"))?;
        let value = parameter.value.ok_or_else(|| format!("the parameter {name} has no value"))?;
        Ok(Read { value, version: parameter.version })
    }

    /// Writes `value` into `name`, in the place of what was there if `overwrite` says so, and gives the new version.
    ///
    /// # Errors
    /// What Systems Manager said, and what to do about it.
    pub async fn write(&self, name: &ParameterName, value: &str, overwrite: bool) -> Result<i64, String> {
        let request = self.client.put_parameter().name(name.path()).value(value).r#type(ParameterType::String);
        match request.overwrite(overwrite).send().await {
            Ok(answer) => Ok(answer.version),
            Err(error) => {
                let reason = words::of(&error);
                let advice = advice(&reason, "ssm:PutParameter");
                Err(format!("the parameter {} cannot be written: {reason}; {advice}", name.path()))
            }
        }
    }
}

/// What to do about a refusal; `action` is what was asked for.
fn advice(reason: &str, action: &str) -> String {
    let says = |text: &str| reason.contains(text);
    if says("AccessDenied") {
        format!("the role needs {action} on it, and for a SecureString kms:Decrypt with its key")
    } else if says("ParameterNotFound") || says("ParameterVersionNotFound") {
        "create it in the region that is asked, or correct its name".to_owned()
    } else if says("ParameterAlreadyExists") {
        "an earlier try was obeyed and its answer lost, or somebody else has made it: read it and compare what it says".to_owned()
    } else if says("Throttling") || says("Rate exceeded") {
        "the account asks too often; try again later".to_owned()
    } else if says("UnrecognizedClient") || says("InvalidSignature") || says("ExpiredToken") {
        "the credentials are not good here; see --credentials and --region".to_owned()
    } else {
        "check the route to Systems Manager (--ssm-endpoint-url, interface endpoint, security group), and --region".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_read_and_written() {
        for text in ["ssm:/hozen/profile/full", "ssm:/hozen/status/IR-1", "ssm:/a.b_c-d:3", "ssm:/a:label"] {
            assert_eq!(text.parse::<ParameterName>().unwrap().to_string(), text);
        }
        let name: ParameterName = "ssm:/hozen/a:2".parse().unwrap();
        assert_eq!((name.asked().as_str(), name.path(), name.at(7).as_str()), ("/hozen/a:2", "/hozen/a", "ssm:/hozen/a:7"));
        assert_eq!(name.below("b").unwrap().asked(), "/hozen/a/b");
        let deep = format!("ssm:{}", "/a".repeat(16));
        let long = format!("ssm:/{}", "a".repeat(MAX_NAME));
        for wrong in [
            "",
            "/hozen",
            "ssm:",
            "ssm:hozen",
            "ssm:/",
            "ssm:/a/",
            "ssm://a",
            "ssm:/a b",
            "ssm:/aws/x",
            "ssm:/SSM/x",
            "ssm:/a:",
            &deep,
            &long,
        ] {
            assert!(wrong.parse::<ParameterName>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_refusal_says_what_is_missing() {
        assert!(advice("AccessDeniedException: User …", "ssm:PutParameter").contains("ssm:PutParameter"));
        assert!(advice("ParameterNotFound", "ssm:GetParameter").contains("create it"));
        assert!(advice("dispatch failure: timeout", "ssm:GetParameter").contains("--ssm-endpoint-url"));
    }

    proptest! {
        #[test]
        fn any_text_is_a_name_or_refused(text in any::<String>()) {
            if let Ok(name) = text.parse::<ParameterName>() {
                prop_assert_eq!(name.to_string(), text);
            }
        }
    }
}
