//! What the SSM agent keeps of a document that it ran (`contracts.DocumentState` of its source): a Run Command, an association.

use serde_json::Value;

use crate::model::Row;

/// Columns, and where the file has them.
const COLUMNS: [(&str, &str); 9] = [
    ("command_id", "/DocumentInformation/CommandID"),
    ("document_id", "/DocumentInformation/DocumentID"),
    ("association_id", "/DocumentInformation/AssociationID"),
    ("document_name", "/DocumentInformation/DocumentName"),
    ("document_version", "/DocumentInformation/DocumentVersion"),
    ("document_status", "/DocumentInformation/DocumentStatus"),
    ("document_type", "/DocumentType"),
    ("created", "/DocumentInformation/CreatedDate"),
    ("instance_id", "/DocumentInformation/InstanceID"),
];

/// Columns of a plugin, and where it has them.
const PLUGIN: [(&str, &str); 7] = [
    ("name", "/Name"),
    ("id", "/Id"),
    ("status", "/Result/Status"),
    ("code", "/Result/Code"),
    ("started", "/Result/StartDateTime"),
    ("finished", "/Result/EndDateTime"),
    ("properties", "/Configuration/Properties"),
];

/// Adds the columns of the document that `text` describes; false where it describes none.
pub(super) fn fill(row: &mut Row, path: &[u8], text: &[u8]) -> bool {
    let Ok(value) = serde_json::from_slice::<Value>(text) else { return false };
    if value.get("DocumentInformation").is_none() {
        return false;
    }
    // `pending`, `current`, `completed` or `corrupt`.
    if let Some(state) = path.rsplit(|b| *b == b'/').nth(1) {
        row.bytes("state", state);
    }
    for (column, pointer) in COLUMNS {
        if let Some(value) = value.pointer(pointer).filter(|value| !value.is_null() && *value != "") {
            row.json(column, value);
        }
    }
    let plugins = value.get("InstancePluginsInformation").and_then(Value::as_array);
    let plugins: Vec<Value> = plugins.into_iter().flatten().map(plugin).collect();
    row.json("plugins", &plugins);
    true
}

fn plugin(value: &Value) -> Value {
    let members = PLUGIN.iter().filter_map(|(name, pointer)| Some(((*name).to_owned(), value.pointer(pointer)?.clone())));
    Value::Object(members.collect())
}
