//! A bucket's policy: whether one of its statements denies a request. References: "IAM JSON policy elements: Condition operators" in the IAM
//! User Guide, and "Actions, resources, and condition keys for Amazon S3".
//!
//! Only what `packaging/cloudformation/bucket-policy.json` is made of; a policy with anything else is refused when it is given. What a
//! statement allows is not looked at: whoever asks is of the bucket's account, whose own policy must allow it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::service::Call;
use super::state::Bucket;
use crate::aws::cloud::ORGANISATION;
use crate::aws::refusal::Refusal;

/// Operators, without `IfExists`; each with whether it holds where the key is absent.
const OPERATORS: [(&str, bool); 5] =
    [("Bool", false), ("StringNotEquals", true), ("ArnNotEquals", true), ("Null", false), ("NumericLessThan", false)];

/// What conditions see of a request, by key.
type Context = BTreeMap<&'static str, String>;

impl Bucket {
    /// The same under this policy.
    ///
    /// # Panics
    /// When a statement that denies is made of something that the double does not know.
    #[must_use]
    pub fn under(mut self, policy: &Value) -> Self {
        let statements = policy.get("Statement").and_then(Value::as_array).cloned().unwrap_or_default();
        let denials = statements.into_iter().filter(|statement| statement.get("Effect").and_then(Value::as_str) == Some("Deny"));
        self.denials = denials.collect();
        for (operator, _) in self.denials.iter().flat_map(conditions) {
            let known = OPERATORS.iter().any(|(name, _)| *name == plain(operator).0);
            assert!(known, "the double does not know {operator}");
        }
        self
    }
}

/// Refuses what a statement of the bucket's policy denies.
pub(super) fn check(call: &Call<'_>, bucket: &Bucket) -> Result<(), Refusal> {
    let (resource, context) = (bucket.arn(&call.address.key), context(call));
    for action in actions(call) {
        if bucket.denials.iter().any(|statement| denies(statement, action, &resource, &context)) {
            let (arn, why) = (&call.caller.arn, "with an explicit deny in a resource-based policy");
            return Err(Refusal::denied(format!(
                "User: {arn} is not authorized to perform: {action} on resource: \"{resource}\" {why}"
            )));
        }
    }
    Ok(())
}

/// All that the request asks for: what it is, and what its headers add.
fn actions(call: &Call<'_>) -> Vec<&'static str> {
    let added = [
        ("x-amz-object-lock-retain-until-date", "s3:PutObjectRetention"),
        ("x-amz-object-lock-legal-hold", "s3:PutObjectLegalHold"),
        ("x-amz-bypass-governance-retention", "s3:BypassGovernanceRetention"),
    ];
    let added = added.into_iter().filter(|(header, _)| call.head.header(header).is_some()).map(|(_, action)| action);
    std::iter::once(call.operation.action(call.head)).chain(added).collect()
}

fn context(call: &Call<'_>) -> Context {
    let header = |name: &str| call.head.header(name).map(str::to_owned);
    let until = call.head.header("x-amz-object-lock-retain-until-date").and_then(|text| text.parse::<Timestamp>().ok());
    let days = until.map(|until| (until.duration_since(call.now).as_hours() / 24).to_string());
    let creates = match call.operation.name {
        "PutObject" | "CompleteMultipartUpload" => Some("true"),
        "CreateMultipartUpload" | "UploadPart" => Some("false"),
        _ => None,
    };
    let known = [
        ("aws:SecureTransport", Some(call.s3.is_secure().to_string())),
        ("aws:PrincipalArn", Some(role(&call.caller.arn))),
        ("aws:PrincipalOrgID", Some(ORGANISATION.to_owned())),
        ("aws:PrincipalIsAWSService", Some("false".to_owned())),
        ("s3:if-none-match", header("if-none-match")),
        ("s3:ObjectCreationOperation", creates.map(str::to_owned)),
        ("s3:object-lock-remaining-retention-days", days),
        ("s3:object-lock-legal-hold", header("x-amz-object-lock-legal-hold")),
        ("s3:x-amz-server-side-encryption-aws-kms-key-id", header("x-amz-server-side-encryption-aws-kms-key-id")),
    ];
    known.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

/// The role behind a session: what `aws:PrincipalArn` has.
fn role(arn: &str) -> String {
    let (place, name) = arn.split_once(":assumed-role/").unwrap_or((arn, ""));
    let role = name.split('/').next().unwrap_or_default();
    if role.is_empty() { arn.to_owned() } else { format!("{}:role/{role}", place.replace(":sts:", ":iam:")) }
}

fn denies(statement: &Value, action: &str, resource: &str, context: &Context) -> bool {
    let is_meant = |member: &str, text: &str| list(statement.get(member)).iter().any(|pattern| matches(pattern, text));
    is_meant("Action", action)
        && is_meant("Resource", resource)
        && conditions(statement).all(|(operator, keys)| keys.iter().all(|(key, value)| holds(operator, key, value, context)))
}

/// The operators of a statement, each with its keys and their values.
fn conditions(statement: &Value) -> impl Iterator<Item = (&String, &Map<String, Value>)> {
    let all = statement.get("Condition").and_then(Value::as_object);
    all.into_iter().flatten().filter_map(|(operator, keys)| Some((operator, keys.as_object()?)))
}

/// An operator without `IfExists`, and whether it had that.
fn plain(operator: &str) -> (&str, bool) {
    operator.strip_suffix("IfExists").map_or((operator, false), |name| (name, true))
}

fn holds(operator: &str, key: &str, value: &Value, context: &Context) -> bool {
    let (name, if_exists) = plain(operator);
    let wanted = value.as_str().unwrap_or_default();
    let Some(is) = context.get(key) else {
        let where_absent = OPERATORS.iter().any(|(other, holds)| *other == name && *holds);
        return if name == "Null" { wanted == "true" } else { if_exists || where_absent };
    };
    let number = |text: &str| text.parse::<i64>().ok();
    match name {
        "Null" => wanted == "false",
        "Bool" => is == wanted,
        "NumericLessThan" => number(is).zip(number(wanted)).is_some_and(|(is, wanted)| is < wanted),
        _ => is != wanted,
    }
}

fn list(value: Option<&Value>) -> Vec<&str> {
    let Some(value) = value else { return Vec::new() };
    value.as_array().map_or_else(|| vec![value], |all| all.iter().collect()).into_iter().filter_map(Value::as_str).collect()
}

/// Whether the text is as the pattern, in which `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text
            .strip_prefix(before)
            .is_some_and(|rest| (0..=rest.len()).any(|at| rest.get(at..).is_some_and(|rest| matches(after, rest)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_condition_on_a_key_that_is_absent_holds_as_iam_says() {
        let context = Context::from([("there", "true".to_owned())]);
        for (operator, absent) in [
            ("Bool", false),
            ("BoolIfExists", true),
            ("StringNotEquals", true),
            ("StringNotEqualsIfExists", true),
            ("ArnNotEquals", true),
            ("NumericLessThan", false),
            ("Null", true),
        ] {
            assert_eq!(holds(operator, "none", &json!("true"), &context), absent, "{operator}");
        }
        assert!(!holds("Null", "there", &json!("true"), &context) && holds("Null", "there", &json!("false"), &context));
    }

    #[test]
    fn patterns_and_roles() {
        assert!(matches("arn:aws:s3:::b/cases/*/o/*", "arn:aws:s3:::b/cases/x/y/o/z") && matches("s3:*", "s3:PutObject"));
        assert!(!matches("arn:aws:s3:::b/cases/*", "arn:aws:s3:::b/other/x") && !matches("s3:Put", "s3:PutObject"));
        assert_eq!(role("arn:aws:sts::111122223333:assumed-role/hozen/x"), "arn:aws:iam::111122223333:role/hozen");
        assert_eq!(role("arn:aws:iam::111122223333:user/x"), "arn:aws:iam::111122223333:user/x");
    }
}
