//! The run as a graph of CASE 1.3 and UCO 1.3 (JSON-LD): an investigation, the action that collected, what did it, on which host, and a
//! provenance record over every object with its digest.
//!
//! Identifiers end with a UUID, as UCO asks; they are made of the run's id, so that two exports of a run say the same.

use hozen_collector::model::{Digest, ObjectKey, Receipt};
use serde_json::{Value, json};

use crate::verify::Facts;
use crate::verify::Opened;

/// The graph, as text.
pub(super) fn graph(evidence: &Opened, facts: &Facts) -> String {
    let names = Names { run: facts.run.clone().unwrap_or_default() };
    let objects: Vec<(&ObjectKey, &Receipt)> = evidence.objects().filter_map(|key| Some((key, evidence.receipt(key)?))).collect();
    let mut nodes = vec![investigation(&names, facts), action(&names, facts), tool(&names, facts), host(&names, facts)];
    nodes.push(performer(&names, facts));
    nodes.push(provenance(&names, facts, &objects));
    nodes.extend(objects.iter().map(|(key, receipt)| file(&names, key, receipt)));
    let graph = json!({"@context": context(), "@graph": nodes});
    format!("{}\n", serde_json::to_string_pretty(&graph).unwrap_or_default())
}

fn context() -> Value {
    json!({
        "kb": "urn:hozen:",
        "case-investigation": "https://ontology.caseontology.org/case/investigation/",
        "uco-action": "https://ontology.unifiedcyberontology.org/uco/action/",
        "uco-core": "https://ontology.unifiedcyberontology.org/uco/core/",
        "uco-identity": "https://ontology.unifiedcyberontology.org/uco/identity/",
        "uco-observable": "https://ontology.unifiedcyberontology.org/uco/observable/",
        "uco-tool": "https://ontology.unifiedcyberontology.org/uco/tool/",
        "uco-types": "https://ontology.unifiedcyberontology.org/uco/types/",
        "xsd": "http://www.w3.org/2001/XMLSchema#",
    })
}

/// Makes identifiers.
struct Names {
    run: String,
}

impl Names {
    /// A UUID over the run and what it names, in the form of version 5 (RFC 9562 5.5): UCO's check knows none above.
    fn id(&self, kind: &str, what: &str) -> String {
        let digest = Digest::of(format!("{}\n{kind}\n{what}", self.run).as_bytes()).to_string();
        let part = |from: usize, to: usize| digest.get(from..to).unwrap_or_default();
        format!("kb:{kind}-{}-{}-5{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
    }

    fn link(&self, kind: &str, what: &str) -> Value {
        json!({"@id": self.id(kind, what)})
    }
}

fn time(text: Option<&String>) -> Value {
    text.map_or(Value::Null, |text| json!({"@type": "xsd:dateTime", "@value": text}))
}

fn integer(number: u64) -> Value {
    json!({"@type": "xsd:integer", "@value": number.to_string()})
}

/// The object without the members that are null.
fn known(mut node: Value) -> Value {
    if let Some(node) = node.as_object_mut() {
        node.retain(|_, value| !value.is_null());
    }
    node
}

fn investigation(names: &Names, facts: &Facts) -> Value {
    known(json!({
        "@id": names.id("investigation", ""), "@type": "case-investigation:Investigation",
        "uco-core:name": facts.case, "uco-core:description": facts.reference,
        "uco-core:object": [names.link("action", ""), names.link("provenance", "")],
    }))
}

fn action(names: &Names, facts: &Facts) -> Value {
    known(json!({
        "@id": names.id("action", ""), "@type": "case-investigation:InvestigativeAction",
        "uco-core:name": "collection of evidence on a running host",
        "uco-action:startTime": time(facts.started.as_ref()), "uco-action:endTime": time(facts.ended.as_ref()),
        "uco-action:performer": names.link("performer", ""), "uco-action:instrument": names.link("tool", ""),
        "uco-action:object": names.link("host", ""), "uco-action:result": names.link("provenance", ""),
    }))
}

fn tool(names: &Names, facts: &Facts) -> Value {
    known(json!({
        "@id": names.id("tool", ""), "@type": "uco-tool:Tool", "uco-core:name": "Hozen",
        "uco-tool:version": facts.agent_version, "uco-tool:toolType": "evidence collector",
    }))
}

fn performer(names: &Names, facts: &Facts) -> Value {
    let name = facts.operator.as_deref().unwrap_or("not told to the agent");
    json!({"@id": names.id("performer", ""), "@type": "uco-identity:Identity", "uco-core:name": name})
}

fn host(names: &Names, facts: &Facts) -> Value {
    let system = known(json!({
        "@id": names.id("kernel", ""), "@type": "uco-observable:SoftwareFacet",
        "uco-core:name": "Linux", "uco-observable:version": facts.kernel,
    }));
    known(json!({
        "@id": names.id("host", ""), "@type": "uco-observable:Device",
        "uco-core:name": facts.hostname, "uco-core:description": facts.host_id, "uco-core:hasFacet": [system],
    }))
}

fn provenance(names: &Names, facts: &Facts, objects: &[(&ObjectKey, &Receipt)]) -> Value {
    let links: Vec<Value> = objects.iter().map(|(key, _)| names.link("file", key.as_str())).collect();
    known(json!({
        "@id": names.id("provenance", ""), "@type": "case-investigation:ProvenanceRecord",
        "case-investigation:exhibitNumber": facts.run,
        "uco-core:description": facts.end_sha256.map(|digest| format!("SHA-256 of the end record of the run: {digest}")),
        "uco-core:object": links,
    }))
}

/// An object of the run: its stored bytes.
fn file(names: &Names, key: &ObjectKey, receipt: &Receipt) -> Value {
    let (path, name) = (key.as_str(), key.as_str().rsplit('/').next().unwrap_or_default());
    let hash = json!({
        "@id": names.id("hash", path), "@type": "uco-types:Hash",
        "uco-types:hashMethod": "SHA256",
        "uco-types:hashValue": {"@type": "xsd:hexBinary", "@value": receipt.sha256.to_string().to_uppercase()},
    });
    json!({
        "@id": names.id("file", path), "@type": "uco-observable:File",
        "uco-core:hasFacet": [
            {
                "@id": names.id("file-facet", path), "@type": "uco-observable:FileFacet",
                "uco-observable:fileName": name, "uco-observable:filePath": path,
                "uco-observable:isDirectory": false, "uco-observable:sizeInBytes": integer(receipt.size),
            },
            {
                "@id": names.id("content", path), "@type": "uco-observable:ContentDataFacet",
                "uco-observable:hash": [hash], "uco-observable:sizeInBytes": integer(receipt.size),
            },
        ],
    })
}
