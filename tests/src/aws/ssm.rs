//! A double of SSM's parameter store. Throttling is a fault: `Fault::Refuse(400, "ThrottlingException")`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::access::Key;
use super::canonical::hex;
use super::cloud::{ACCOUNT, Cloud, REGION};
use super::json::{Api, Json, text};
use super::refusal::Refusal;
use crate::serve::Double;

/// One parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// `String`, `StringList` or `SecureString`.
    pub kind: String,
    /// Its values, the first first; at most [`HISTORY`] of them.
    pub values: Vec<String>,
    /// How many older ones are gone.
    pub dropped: usize,
    /// When each was put there, in the doubles' time, and whether it was put over another.
    pub puts: Vec<Put>,
    /// `Standard` or `Advanced`.
    pub tier: String,
}

/// One version's coming.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Put {
    /// When, in the doubles' time.
    pub at: jiff::Timestamp,
    /// Whether it might take the place of another.
    pub overwrote: bool,
}

/// The most versions that are kept of a parameter; the oldest is dropped for the newest ("Working with parameter versions" of the
/// Systems Manager user guide).
pub const HISTORY: usize = 100;
/// The most levels of a name.
const LEVELS: usize = 15;

impl Parameter {
    /// The number of its newest version.
    #[must_use]
    pub fn version(&self) -> usize {
        self.dropped + self.values.len()
    }

    fn add(&mut self, value: &str, put: Put) {
        self.values.push(value.to_owned());
        self.puts.push(put);
        if self.values.len() > HISTORY {
            self.values.remove(0);
            self.dropped += 1;
        }
    }
}

/// The parameter store.
#[derive(Debug, Default)]
pub struct Ssm {
    parameters: Mutex<BTreeMap<String, Parameter>>,
}

/// The double.
pub type SsmDouble = Double<Json<Ssm>>;

/// Starts one on a free port.
#[must_use]
pub fn start(cloud: &Arc<Cloud>) -> SsmDouble {
    Double::serve(Json::new(cloud, Ssm::default()), 0, None)
}

impl Ssm {
    fn locked(&self) -> MutexGuard<'_, BTreeMap<String, Parameter>> {
        self.parameters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets a parameter, such as `SecureString`.
    pub fn set(&self, name: &str, kind: &str, value: &str) {
        let (kind, tier) = (kind.to_owned(), "Standard".to_owned());
        let parameter = Parameter { kind, values: vec![value.to_owned()], dropped: 0, puts: Vec::new(), tier };
        self.locked().insert(name.to_owned(), parameter);
    }

    /// The names of all parameters.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.locked().keys().cloned().collect()
    }

    /// A parameter with all values that it had.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Parameter> {
        self.locked().get(name).cloned()
    }

    fn get_parameter(&self, caller: &Key, input: &Value) -> Result<Value, Refusal> {
        let asked = text(input, "Name")?;
        let asked = asked.split_once(":parameter").map_or(asked, |(_, name)| name);
        let (name, selector) = asked.split_once(':').map_or((asked, None), |(name, selector)| (name, Some(selector)));
        caller.must("ssm:GetParameter", &arn(name))?;
        let parameters = self.locked();
        let not_found = || Refusal::new(400, "ParameterNotFound", "");
        let parameter = parameters.get(name).ok_or_else(not_found)?;
        let version = match selector {
            None => parameter.version(),
            Some(selector) => selector.parse().map_err(|_| Refusal::new(400, "ParameterVersionNotFound", ""))?,
        };
        Ok(json!({"Parameter": shown(name, parameter, version, decrypts(input), caller)?}))
    }

    fn by_path(&self, caller: &Key, input: &Value) -> Result<Value, Refusal> {
        let path = text(input, "Path")?.trim_end_matches('/');
        caller.must("ssm:GetParametersByPath", &arn(path))?;
        let is_recursive = input.get("Recursive").and_then(Value::as_bool).unwrap_or(false);
        let max = input.get("MaxResults").and_then(Value::as_u64).unwrap_or(10);
        if !(1..=10).contains(&max) {
            return Err(Refusal::new(
                400,
                "ValidationException",
                "Value at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 10",
            ));
        }
        let after = input.get("NextToken").and_then(Value::as_str).unwrap_or_default();
        let parameters = self.locked();
        let below = parameters.iter().filter(|(name, _)| {
            let rest = name.strip_prefix(path).and_then(|rest| rest.strip_prefix('/'));
            rest.is_some_and(|rest| is_recursive || !rest.contains('/')) && name.as_str() > after
        });
        let mut found: Vec<(&String, &Parameter)> = below.collect();
        let is_cut = found.len() > usize::try_from(max).unwrap_or_default();
        found.truncate(usize::try_from(max).unwrap_or_default());
        let rows = found.iter().map(|(name, parameter)| shown(name, parameter, parameter.version(), decrypts(input), caller));
        let mut answer = json!({"Parameters": rows.collect::<Result<Vec<Value>, Refusal>>()?});
        if let (Some((last, _)), Some(answer)) = (found.last().filter(|_| is_cut), answer.as_object_mut()) {
            answer.insert("NextToken".to_owned(), json!(last));
        }
        Ok(answer)
    }

    fn put(&self, cloud: &Cloud, caller: &Key, input: &Value) -> Result<Value, Refusal> {
        let (name, value) = (text(input, "Name")?, text(input, "Value")?);
        caller.must("ssm:PutParameter", &arn(name))?;
        check_name(name)?;
        let mut parameters = self.locked();
        let known = parameters.get(name);
        let tier = input.get("Tier").and_then(Value::as_str).or(known.map(|known| known.tier.as_str())).unwrap_or("Standard");
        check_value(tier, value)?;
        let overwrites = input.get("Overwrite").and_then(Value::as_bool).unwrap_or(false);
        if known.is_some() && !overwrites {
            let message =
                "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.";
            return Err(Refusal::new(400, "ParameterAlreadyExists", message));
        }
        let kind = input.get("Type").and_then(Value::as_str);
        let needed = "A parameter type is required when you create a parameter.";
        let kind = kind.or(known.map(|known| known.kind.as_str())).ok_or_else(|| invalid(needed))?;
        check_kind(kind, known)?;
        let (kind, tier) = (kind.to_owned(), tier.to_owned());
        let new = || Parameter { kind, values: Vec::new(), dropped: 0, puts: Vec::new(), tier: tier.clone() };
        let parameter = parameters.entry(name.to_owned()).or_insert_with(new);
        parameter.add(value, Put { at: cloud.now(), overwrote: overwrites });
        Ok(json!({"Version": parameter.version(), "Tier": tier}))
    }
}

fn invalid(message: &str) -> Refusal {
    Refusal::new(400, "ValidationException", message)
}

/// Names begin with a slash if they have one at all, and have no more levels and no other characters than these.
fn check_name(name: &str) -> Result<(), Refusal> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-/".contains(&b);
    let levels: Vec<&str> = name.trim_start_matches('/').split('/').collect();
    let first = levels.first().copied().unwrap_or_default().to_ascii_lowercase();
    if !name.bytes().all(plain) || levels.iter().any(|level| level.is_empty()) {
        return Err(invalid(
            "Parameter name: can't be prefixed with \"ssm\" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_",
        ));
    }
    if name.contains('/') && !name.starts_with('/') {
        return Err(invalid("Parameter name must be a fully qualified name."));
    }
    if first.starts_with("aws") || first.starts_with("ssm") {
        return Err(Refusal::new(400, "AccessDeniedException", "No access to reserved parameter name"));
    }
    if levels.len() > LEVELS {
        let message = "A hierarchy can have a maximum of 15 levels.";
        return Err(Refusal::new(400, "HierarchyLevelLimitExceededException", message));
    }
    Ok(())
}

/// A kind that there is, and that of what is there already.
fn check_kind(kind: &str, known: Option<&Parameter>) -> Result<(), Refusal> {
    if !["String", "StringList", "SecureString"].contains(&kind) {
        return Err(Refusal::new(400, "UnsupportedParameterType", "The parameter type isn't supported."));
    }
    match known {
        Some(known) if known.kind != kind => {
            let message = "Parameter Store doesn't support changing a parameter type in a hierarchy.";
            Err(Refusal::new(400, "HierarchyTypeMismatchException", message))
        }
        _ => Ok(()),
    }
}

fn check_value(tier: &str, value: &str) -> Result<(), Refusal> {
    let limit = if tier == "Advanced" { 8192 } else { 4096 };
    if value.is_empty() {
        let message = "Value at 'value' failed to satisfy constraint: Member must have length greater than or equal to 1";
        return Err(Refusal::new(400, "ValidationException", message));
    }
    if value.split_once("{{").is_some_and(|(_, rest)| rest.contains("}}")) {
        return Err(invalid("Parameter value can't nest another parameter. Do not use \"{{}}\" in the value."));
    }
    if value.len() <= limit {
        return Ok(());
    }
    let message = format!(
        "{tier} tier parameters support a maximum parameter value of {limit} characters. To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier."
    );
    Err(Refusal::new(400, "ValidationException", message))
}

fn arn(name: &str) -> String {
    format!("arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/{}", name.trim_start_matches('/'))
}

fn decrypts(input: &Value) -> bool {
    input.get("WithDecryption").and_then(Value::as_bool).unwrap_or(false)
}

/// A secure string is shown in clear only to whoever asks for it and may decrypt.
fn shown(name: &str, parameter: &Parameter, version: usize, decrypts: bool, caller: &Key) -> Result<Value, Refusal> {
    let not_found = || Refusal::new(400, "ParameterVersionNotFound", "");
    let value = version.checked_sub(parameter.dropped + 1).and_then(|at| parameter.values.get(at)).ok_or_else(not_found)?;
    let value = match (parameter.kind.as_str(), decrypts) {
        ("SecureString", true) => {
            caller.must("kms:Decrypt", &format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/aws-ssm"))?;
            value.clone()
        }
        ("SecureString", false) => hex(&Sha256::digest(value)),
        _ => value.clone(),
    };
    Ok(json!({"Name": name, "Type": parameter.kind, "Value": value, "Version": version, "ARN": arn(name), "DataType": "text"}))
}

impl Api for Ssm {
    const SERVICE: &'static str = "ssm";
    const TARGET: &'static str = "AmazonSSM";
    const OPERATIONS: &'static [(&'static str, &'static [&'static str])] = &[
        ("GetParameter", &["Name", "WithDecryption"]),
        ("GetParametersByPath", &["Path", "Recursive", "WithDecryption", "MaxResults", "NextToken"]),
        ("PutParameter", &["Name", "Value", "Type", "Overwrite", "Tier", "Description", "DataType"]),
    ];

    fn call(&self, cloud: &Cloud, caller: &Key, operation: &str, input: &Value) -> Result<Value, Refusal> {
        match operation {
            "GetParameter" => self.get_parameter(caller, input),
            "GetParametersByPath" => self.by_path(caller, input),
            _ => self.put(cloud, caller, input),
        }
    }
}
