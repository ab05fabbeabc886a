//! The index: read only if the trusted key has signed it, and written in one spelling.

use hozen_collector::model::dsse::{Envelope, IN_TOTO};
use hozen_collector::model::modules::{INDEX_TYPE, INDEX_VERSION, ModuleEntry, ModuleIndex};
use hozen_collector::model::record::{STATEMENT_TYPE, Statement, Subject};
use hozen_collector::model::{canonical, escape};
use serde::Deserialize;
use serde_json::Value;

use super::shelf::MAX_MODULE;
use super::trust::TrustedKey;
use crate::sign::Signing;

/// The most modules that an index lists.
pub const MAX_MODULES: usize = 10_000;
/// The longest text in it, in bytes.
const MAX_TEXT: usize = 2000;

/// The version of an index, whatever else is in it.
#[derive(Deserialize)]
struct Versioned {
    predicate: Version,
}

#[derive(Deserialize)]
struct Version {
    v: Value,
}

/// Reads the index out of `bytes`, if `key` has signed it.
///
/// # Errors
/// Why nothing in it is believed; escaped text.
pub fn read(bytes: &[u8], key: &TrustedKey) -> Result<ModuleIndex, String> {
    let payload = signed_payload(bytes, key)?;
    let foul = |error: serde_json::Error| format!("it is signed, but no index: {}", escape::bytes(error.to_string().as_bytes()));
    let version: Versioned = serde_json::from_slice(&payload).map_err(foul)?;
    if version.predicate.v != INDEX_VERSION {
        let found = escape::bytes(version.predicate.v.to_string().as_bytes());
        return Err(format!("it is an index of version {found}; this program knows version {INDEX_VERSION}"));
    }
    let statement: Statement<ModuleIndex> = serde_json::from_slice(&payload).map_err(foul)?;
    if statement.kind != STATEMENT_TYPE || statement.predicate_type != INDEX_TYPE {
        return Err(format!("it is signed, but its type is not {INDEX_TYPE}"));
    }
    if !canonical::to_bytes(&statement).is_ok_and(|again| again == payload) {
        return Err("it is signed, but not in canonical form".to_owned());
    }
    consistent(&statement)?;
    Ok(statement.predicate)
}

/// The bytes that the key has signed. Nothing of them has been read.
fn signed_payload(bytes: &[u8], key: &TrustedKey) -> Result<Vec<u8>, String> {
    let envelope = Envelope::parse(bytes).map_err(|error| format!("it is not a signed index: {error}"))?;
    let [signature] = envelope.signatures.as_slice() else {
        return Err(match envelope.signatures.len() {
            0 => "it is not signed".to_owned(),
            count => format!("it carries {count} signatures, and not exactly one"),
        });
    };
    if signature.keyid != key.id() {
        let found = escape::bytes(signature.keyid.as_bytes());
        return Err(format!("it is signed by the key {found:.80}, and the trusted one is {}", key.id()));
    }
    let wrong = |_| "its signature or payload is not base64".to_owned();
    let (payload, signature) = (envelope.payload().map_err(wrong)?, signature.bytes().map_err(wrong)?);
    if envelope.payload_type != IN_TOTO || !key.has_signed(&envelope.payload_type, &payload, &signature) {
        return Err(format!("its signature is wrong: it is not what the key {} signed", key.id()));
    }
    Ok(payload)
}

/// Whether the parts of an index agree with each other.
fn consistent(statement: &Statement<ModuleIndex>) -> Result<(), String> {
    let modules = &statement.predicate.modules;
    if modules.len() > MAX_MODULES {
        return Err(format!("it lists more than {MAX_MODULES} modules"));
    }
    if !modules.iter().zip(modules.iter().skip(1)).all(|(one, next)| one.kernel() < next.kernel()) {
        return Err("its modules are not sorted by their kernels, or a kernel stands in it twice".to_owned());
    }
    if statement.subject != subjects(modules) {
        return Err("its subjects are not the files of its modules".to_owned());
    }
    modules.iter().try_for_each(|entry| sound(entry).map_err(|why| format!("its module {}: {why}", entry.sha256)))
}

/// Whether an entry makes sense by itself.
pub(super) fn sound(entry: &ModuleEntry) -> Result<(), String> {
    let optional = [&entry.srcversion, &entry.lime_version];
    let texts = [&entry.release, &entry.vermagic, &entry.name, &entry.built].into_iter().chain(optional.into_iter().flatten());
    for text in texts {
        if text.is_empty() || text.len() > MAX_TEXT || escape::bytes(text.as_bytes()) != *text {
            return Err(format!(
                "a text of 1 to {MAX_TEXT} printable bytes is expected, and not {:.100?}",
                escape::bytes(text.as_bytes())
            ));
        }
    }
    if entry.vermagic.split(' ').next() != Some(&entry.release) {
        return Err("its release is not the first word of its vermagic".to_owned());
    }
    if entry.size == 0 || entry.size > MAX_MODULE {
        return Err(format!("its size is not 1 to {MAX_MODULE} bytes"));
    }
    if entry.name == "lime" { Ok(()) } else { Err("its name is not lime".to_owned()) }
}

/// The module files as subjects of the index.
fn subjects(modules: &[ModuleEntry]) -> Vec<Subject> {
    modules.iter().map(|entry| Subject::new(entry.file(), entry.sha256)).collect()
}

/// The bytes of an index of these modules, signed.
///
/// # Errors
/// When the modules do not make an index.
pub fn seal(mut modules: Vec<ModuleEntry>, signing: &Signing) -> Result<Vec<u8>, String> {
    modules.sort_by(|one, other| one.kernel().cmp(&other.kernel()));
    let statement = Statement::new(INDEX_TYPE, subjects(&modules), ModuleIndex { v: INDEX_VERSION, modules });
    consistent(&statement)?;
    signing.envelope(&statement).map_err(|error| error.to_string())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use hozen_collector::model::dsse;
    use hozen_collector::model::modules::Architecture;
    use hozen_collector::model::{Digest, Timestamp};
    use proptest::prelude::*;
    use serde_json::json;

    pub(in super::super) fn entry(release: &str, build_id: Option<&str>) -> ModuleEntry {
        ModuleEntry {
            arch: Architecture::X86_64,
            release: release.to_owned(),
            build_id: build_id.map(|id| id.parse().unwrap()),
            vermagic: format!("{release} SMP preempt mod_unload "),
            srcversion: None,
            name: "lime".to_owned(),
            sha256: Digest::of(format!("{release}{build_id:?}").as_bytes()),
            size: 5,
            lime_version: Some("1.9.1".to_owned()),
            built: "by hand".to_owned(),
            added: Timestamp::from_seconds(0),
        }
    }

    /// What is done to an index before it is signed, and what is then said of it.
    type Change = (fn(&mut Value), &'static str);

    fn signed(change: impl FnOnce(&mut Value)) -> (Vec<u8>, TrustedKey) {
        let signing = Signing::generate().unwrap();
        let modules = vec![entry("6.1", None), entry("6.2", Some("ab"))];
        let statement = Statement::new(INDEX_TYPE, subjects(&modules), ModuleIndex { v: 1, modules });
        let mut payload = serde_json::to_value(statement).unwrap();
        change(&mut payload);
        (signing.envelope_payload(canonical::to_bytes(&payload).unwrap()).unwrap(), TrustedKey::of(&signing).unwrap())
    }

    #[test]
    fn what_was_sealed_is_read_again() {
        let signing = Signing::generate().unwrap();
        let modules = vec![entry("6.2", None), entry("6.1", Some("ab")), entry("6.1", None)];
        let bytes = seal(modules, &signing).unwrap();
        let index = read(&bytes, &TrustedKey::of(&signing).unwrap()).unwrap();
        assert_eq!(index.modules, [entry("6.1", None), entry("6.1", Some("ab")), entry("6.2", None)]);
        assert!(seal(vec![entry("6.1", None); 2], &signing).unwrap_err().contains("twice"));
    }

    #[test]
    fn what_the_trusted_key_has_not_signed_is_refused() {
        let (bytes, key) = signed(|_| ());
        read(&bytes, &key).unwrap();
        let other = TrustedKey::of(&Signing::generate().unwrap()).unwrap();
        assert!(read(&bytes, &other).unwrap_err().contains("the trusted one is"));
        let mut envelope = Envelope::parse(&bytes).unwrap();
        let refused = |change: fn(&mut Envelope), why: &str| {
            let mut changed = envelope.clone();
            change(&mut changed);
            let error = read(&canonical::to_bytes(&changed).unwrap(), &key).unwrap_err();
            assert!(error.contains(why), "{error}");
        };
        refused(|e| e.signatures.clear(), "not signed");
        refused(|e| e.signatures = vec![e.signatures[0].clone(), e.signatures[0].clone()], "2 signatures");
        refused(|e| e.signatures[0].sig = dsse::base64(&[0; 64]), "signature is wrong");
        refused(|e| e.signatures[0].sig = "*".to_owned(), "base64");
        refused(|e| e.payload_type = "text/plain".to_owned(), "signature is wrong");
        envelope.payload = dsse::base64(&[&envelope.payload().unwrap()[..], b" "].concat());
        assert!(read(&canonical::to_bytes(&envelope).unwrap(), &key).unwrap_err().contains("signature is wrong"));
        let payload = Envelope::parse(&bytes).unwrap().payload().unwrap();
        for unsigned in [&payload[..], &bytes[1..], b"", b"{}", &[&bytes[..], b"\n"].concat()] {
            assert!(read(unsigned, &key).unwrap_err().contains("not a signed index"));
        }
    }

    #[test]
    fn what_is_signed_and_wrong_is_refused_by_name() {
        let table: [Change; 12] = [
            (|p| p["predicate"]["v"] = json!(2), "version 2"),
            (|p| p["predicate"]["v"] = json!("1\u{1b}"), "version \"1"),
            (|p| p["predicate"] = json!({}), "no index"),
            (|p| p["predicate"]["more"] = json!(1), "unknown field `more`"),
            (|p| p["predicate"]["modules"][0]["more"] = json!(1), "unknown field `more`"),
            (|p| p["predicate"]["modules"][1]["build_id"] = Value::Null, "canonical"),
            (|p| p["predicateType"] = json!("hozen:manifest/v1"), "type is not"),
            (|p| p["predicate"]["modules"][0]["release"] = json!("6.0"), "first word"),
            (|p| p["predicate"]["modules"][0]["built"] = json!("a\nb"), "printable"),
            (|p| p["predicate"]["modules"][0]["size"] = json!(0), "its size"),
            (|p| p["predicate"]["modules"][0]["name"] = json!("rootkit"), "not lime"),
            (|p| p["subject"][0]["name"] = json!("modules/x.ko"), "subjects"),
        ];
        for (change, why) in table {
            let (bytes, key) = signed(change);
            let error = read(&bytes, &key).unwrap_err();
            assert!(error.contains(why) && !error.contains('\u{1b}'), "{error}");
        }
        let (bytes, key) = signed(|p| p["predicate"]["modules"].as_array_mut().unwrap().reverse());
        assert!(read(&bytes, &key).unwrap_err().contains("not sorted"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), how in 0..3) {
            let signing = Signing::generate().unwrap();
            let key = TrustedKey::of(&signing).unwrap();
            let bytes = match how {
                0 => bytes,
                1 => signing.envelope_payload(bytes).unwrap(),
                _ => {
                    let mut payload = Envelope::parse(&seal(vec![entry("6.1", None)], &signing).unwrap()).unwrap().payload().unwrap();
                    let at = bytes.iter().map(|byte| usize::from(*byte)).sum::<usize>() % payload.len();
                    payload[at] ^= bytes.first().copied().unwrap_or(1) | 1;
                    signing.envelope_payload(payload).unwrap()
                }
            };
            let refused = read(&bytes, &key);
            // A changed letter in a free text is another index with a right signature.
            prop_assert!(refused.is_err() || how == 2, "{refused:?}");
        }
    }
}
