//! One document of a file of definitions.

use anyhow::{Result, anyhow, bail, ensure};

use super::yaml::Node;

/// A definition as it stands in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Definition {
    /// Its name.
    pub(super) name: String,
    /// Other names of it.
    pub(super) aliases: Vec<String>,
    /// Its sources.
    pub(super) sources: Vec<Source>,
}

/// A source of a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    /// Its type as it is written.
    pub(super) kind: String,
    /// What it is of.
    pub(super) of: Of,
}

/// What a source is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Of {
    /// The content of the files at these paths.
    Files(Vec<String>),
    /// The files and folders at these paths themselves.
    Paths(Vec<String>),
    /// These definitions.
    Group(Vec<String>),
    /// The output of a command.
    Command,
    /// Another operating system.
    Elsewhere,
}

/// The longest name that a definition may have.
const LONGEST_NAME: usize = 200;

/// The definition that `document` is.
///
/// # Errors
/// When it is none; the text names the definition and the line.
pub(super) fn read(document: &Node) -> Result<Definition> {
    let name = document.get("name").and_then(Node::text);
    let Some(name) = name.filter(|name| !name.is_empty() && name.len() <= LONGEST_NAME) else {
        bail!("line {}: a definition has no name; write name: CamelCase at its beginning", document.line);
    };
    let wrong = |node: &Node, reason: String| anyhow!("definition {}, line {}: {reason}", name.escape_debug(), node.line);
    let systems = systems(document).map_err(|(node, reason)| wrong(node, reason))?;
    let aliases =
        document.get("aliases").map(|node| node.texts().ok_or_else(|| wrong(node, "aliases must be a list".to_owned())));
    let aliases = aliases.transpose()?.unwrap_or_default().into_iter().map(str::to_owned).collect();
    let Some(super::yaml::Value::List(listed)) = document.get("sources").map(|node| &node.value) else {
        return Err(wrong(document, "it has no list of sources; write what it is of".to_owned()));
    };
    ensure!(!listed.is_empty(), "definition {}, line {}: its list of sources is empty", name.escape_debug(), document.line);
    let source = |node: &Node| source(node, &systems).map_err(|reason| wrong(node, reason));
    let sources = listed.iter().map(source).collect::<Result<_>>()?;
    Ok(Definition { name: name.to_owned(), aliases, sources })
}

/// The operating systems that `node` is for; all where it does not say.
fn systems(node: &Node) -> Result<Option<Vec<&str>>, (&Node, String)> {
    let Some(named) = node.get("supported_os") else { return Ok(None) };
    named.texts().map(Some).ok_or_else(|| (named, "supported_os must be a list such as [Linux]".to_owned()))
}

fn is_for_linux(systems: Option<&Vec<&str>>) -> bool {
    systems.is_none_or(|systems| systems.iter().any(|system| system.eq_ignore_ascii_case("linux")))
}

/// A source; the error says what is wrong with it.
fn source(node: &Node, of_definition: &Option<Vec<&str>>) -> Result<Source, String> {
    let kind = node.get("type").and_then(Node::text).ok_or("a source has no type; write FILE, PATH or ARTIFACT_GROUP")?;
    let own = systems(node).map_err(|(_, reason)| reason)?;
    let attributes = node.get("attributes");
    let list = |key: &str| -> Result<Vec<String>, String> {
        let texts = attributes.and_then(|node| node.get(key)).and_then(Node::texts).filter(|texts| !texts.is_empty());
        let texts = texts.ok_or_else(|| format!("a source of type {kind} has no list attributes: {key}"))?;
        Ok(texts.into_iter().map(str::to_owned).collect())
    };
    let is_here = is_for_linux(of_definition.as_ref()) && is_for_linux(own.as_ref());
    let separator = attributes.and_then(|node| node.get("separator")).and_then(Node::text).unwrap_or("/");
    let of = match kind {
        "FILE" | "PATH" | "DIRECTORY" if !is_here || separator != "/" => Of::Elsewhere,
        "FILE" => Of::Files(list("paths")?),
        // The old name of what PATH is now.
        "PATH" | "DIRECTORY" => Of::Paths(list("paths")?),
        "ARTIFACT_GROUP" if is_here => Of::Group(list("names")?),
        "COMMAND" if is_here => Of::Command,
        "ARTIFACT_GROUP" | "COMMAND" | "REGISTRY_KEY" | "REGISTRY_VALUE" | "WMI" => Of::Elsewhere,
        other => return Err(format!("its type {:?} is not one of the format; Hozen takes FILE, PATH and ARTIFACT_GROUP", other)),
    };
    Ok(Source { kind: kind.to_owned(), of })
}

#[cfg(test)]
mod tests {
    use super::super::yaml;
    use super::*;

    fn one(text: &str) -> Result<Definition> {
        read(&yaml::documents(text).unwrap()[0])
    }

    fn of(text: &str) -> Of {
        one(&format!("name: A\nsupported_os: [Darwin, Linux]\nsources:\n- {text}\n")).unwrap().sources.remove(0).of
    }

    #[test]
    fn sources_are_of_linux_or_elsewhere() {
        let text = |text: &str| vec![text.to_owned()];
        assert_eq!(of("{type: FILE, attributes: {paths: [/a]}}"), Of::Files(text("/a")));
        assert_eq!(of("{type: PATH, attributes: {paths: [/a], separator: /}}"), Of::Paths(text("/a")));
        assert_eq!(of("{type: ARTIFACT_GROUP, attributes: {names: [B]}}"), Of::Group(text("B")));
        assert_eq!(of("{type: COMMAND, attributes: {cmd: /bin/rpm, args: [-qa]}}"), Of::Command);
        assert_eq!(of("{type: FILE, attributes: {paths: [/a]}, supported_os: [Windows]}"), Of::Elsewhere);
        assert_eq!(of("{type: PATH, attributes: {paths: [/a], separator: '\\'}}"), Of::Elsewhere);
        assert_eq!(of("{type: REGISTRY_KEY, attributes: {keys: [HKLM]}}"), Of::Elsewhere);
        let everywhere = one("name: A\naliases: [B]\nsources: [{type: FILE, attributes: {paths: [/a]}}]\n").unwrap();
        assert_eq!((everywhere.sources[0].of.clone(), everywhere.aliases), (Of::Files(text("/a")), text("B")));
    }

    #[test]
    fn what_is_no_definition_names_itself_and_its_line() {
        for (text, expected) in [
            ("- a\n", "line 1: a definition has no name"),
            ("name: [a]\n", "has no name"),
            ("name: A\n", "definition A, line 1: it has no list of sources"),
            ("name: A\nsources: []\n", "definition A, line 1: its list of sources is empty"),
            ("name: A\nsources:\n- {type: FIEL}\n", "definition A, line 3: its type \"FIEL\" is not one"),
            (
                "name: A\nsources:\n- {type: FILE, attributes: {path: [/a]}}\n",
                "line 3: a source of type FILE has no list attributes: paths",
            ),
            ("name: A\nsources:\n- {type: FILE, attributes: {paths: /a}}\n", "no list attributes: paths"),
            ("name: A\nsources:\n- {attributes: {}}\n", "has no type"),
            ("name: A\nsupported_os: Linux\nsources: [a]\n", "line 2: supported_os must be a list"),
            ("name: A\naliases: B\nsources: [a]\n", "aliases must be a list"),
            ("name: \"\\e[2J\"\nsources: [a]\n", "definition \\u{1b}[2J, line 2"),
        ] {
            let error = one(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
