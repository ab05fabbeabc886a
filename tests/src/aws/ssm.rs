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
    /// Its values, the first first.
    pub values: Vec<String>,
    /// `Standard` or `Advanced`.
    pub tier: String,
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
        let parameter = Parameter { kind: kind.to_owned(), values: vec![value.to_owned()], tier: "Standard".to_owned() };
        self.locked().insert(name.to_owned(), parameter);
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
            None => parameter.values.len(),
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
        let rows = found.iter().map(|(name, parameter)| shown(name, parameter, parameter.values.len(), decrypts(input), caller));
        let mut answer = json!({"Parameters": rows.collect::<Result<Vec<Value>, Refusal>>()?});
        if let (Some((last, _)), Some(answer)) = (found.last().filter(|_| is_cut), answer.as_object_mut()) {
            answer.insert("NextToken".to_owned(), json!(last));
        }
        Ok(answer)
    }

    fn put(&self, caller: &Key, input: &Value) -> Result<Value, Refusal> {
        let (name, value) = (text(input, "Name")?, text(input, "Value")?);
        caller.must("ssm:PutParameter", &arn(name))?;
        let tier = input.get("Tier").and_then(Value::as_str).unwrap_or("Standard");
        check_value(tier, value)?;
        let mut parameters = self.locked();
        let overwrites = input.get("Overwrite").and_then(Value::as_bool).unwrap_or(false);
        if parameters.contains_key(name) && !overwrites {
            let message =
                "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.";
            return Err(Refusal::new(400, "ParameterAlreadyExists", message));
        }
        let kind = input.get("Type").and_then(Value::as_str).map(str::to_owned);
        let kind = kind.or_else(|| parameters.get(name).map(|parameter| parameter.kind.clone()));
        let needed = "A parameter type is required when you create a parameter.";
        let kind = kind.ok_or_else(|| Refusal::new(400, "ValidationException", needed))?;
        let parameter =
            parameters.entry(name.to_owned()).or_insert(Parameter { kind, values: Vec::new(), tier: tier.to_owned() });
        parameter.values.push(value.to_owned());
        Ok(json!({"Version": parameter.values.len(), "Tier": tier}))
    }
}

fn check_value(tier: &str, value: &str) -> Result<(), Refusal> {
    let limit = if tier == "Advanced" { 8192 } else { 4096 };
    if value.is_empty() {
        let message = "Value at 'value' failed to satisfy constraint: Member must have length greater than or equal to 1";
        return Err(Refusal::new(400, "ValidationException", message));
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
    let value = version.checked_sub(1).and_then(|at| parameter.values.get(at)).ok_or_else(not_found)?;
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

    fn call(&self, _cloud: &Cloud, caller: &Key, operation: &str, input: &Value) -> Result<Value, Refusal> {
        match operation {
            "GetParameter" => self.get_parameter(caller, input),
            "GetParametersByPath" => self.by_path(caller, input),
            _ => self.put(caller, input),
        }
    }
}
