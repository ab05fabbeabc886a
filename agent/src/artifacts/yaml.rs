//! YAML as definitions need it: documents of texts, lists and maps.
//!
//! **Invariant:** what is made of a text is no larger than the text. An alias would break that, so anchors and aliases are refused; so are
//! tags, keys that come twice, and what is nested deeper than any definition.
//!
//! `{paths:[/a]}`, without a blank behind the colon, is no YAML, but the reader that the project of the format has takes it, and it stands in what is
//! published: so it is taken here too.

use std::borrow::Cow;

use saphyr_parser::{Event, Marker, Parser, ScanError, StrInput};

/// Lists and maps inside each other that are read.
const DEEPEST: usize = 16;

/// A node of a document, and the line on which it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    /// The line, from 1.
    pub(super) line: usize,
    /// What it is.
    pub(super) value: Value,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// A scalar, whatever its style: definitions hold no numbers.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the document.
    Map(Vec<(String, Node)>),
}

/// Why a text is no YAML, or not such as definitions take, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {reason}")]
pub(super) struct Wrong {
    /// The line, from 1.
    pub(super) line: usize,
    /// The column, from 1.
    pub(super) column: usize,
    /// What is wrong.
    pub(super) reason: String,
    /// Where it is, in characters from the beginning.
    at: usize,
}

impl Wrong {
    fn at(marker: Marker, reason: impl Into<String>) -> Self {
        Self { line: marker.line(), column: marker.col() + 1, reason: reason.into(), at: marker.index() }
    }
}

impl From<ScanError> for Wrong {
    fn from(error: ScanError) -> Self {
        Self::at(*error.marker(), error.info())
    }
}

impl Node {
    /// The member `key` of a map; nothing where it has none or is none.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let Value::Map(members) = &self.value else { return None };
        members.iter().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    /// Its text, if it is one.
    pub(super) fn text(&self) -> Option<&str> {
        if let Value::Text(text) = &self.value { Some(text) } else { None }
    }

    /// The texts of a list, if it is a list of nothing else.
    pub(super) fn texts(&self) -> Option<Vec<&str>> {
        let Value::List(items) = &self.value else { return None };
        items.iter().map(Self::text).collect()
    }
}

/// The most colons of one text that get their blank.
const MOST_MENDED: usize = 100;

/// The documents of `text`, without the empty ones.
pub(super) fn documents(text: &str) -> Result<Vec<Node>, Wrong> {
    let mut text = Cow::Borrowed(text);
    for _ in 0..MOST_MENDED {
        match read(&text) {
            Err(wrong) => text = Cow::Owned(mended(&text, wrong.at).ok_or(wrong)?),
            Ok(documents) => return Ok(documents),
        }
    }
    read(&text)
}

/// `text` with a blank behind the colon at this character, if it is one and a list or map begins right behind it.
fn mended(text: &str, at: usize) -> Option<String> {
    let (at, _) = text.char_indices().nth(at)?;
    let (before, behind) = (text.get(..at)?, text.get(at..)?.strip_prefix(':')?);
    behind.starts_with(['[', '{']).then(|| format!("{before}: {behind}"))
}

fn read(text: &str) -> Result<Vec<Node>, Wrong> {
    let mut reader = Reader { parser: Parser::new_from_str(text) };
    let mut documents = Vec::new();
    loop {
        match reader.next()? {
            (Event::StreamEnd, _) => return Ok(documents),
            (Event::DocumentStart(_), _) => {
                let next = reader.next()?;
                let node = reader.node(next, 0)?;
                if node.text() != Some("") {
                    documents.push(node);
                }
            }
            _ => {}
        }
    }
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Marker), Wrong> {
        match self.parser.next_event() {
            Some(event) => event.map(|(event, span)| (event, span.start)).map_err(Wrong::from),
            None => Ok((Event::StreamEnd, Marker::default())),
        }
    }

    /// The node that begins with this event.
    fn node(&mut self, (event, at): (Event<'a>, Marker), depth: usize) -> Result<Node, Wrong> {
        if depth > DEEPEST {
            return Err(Wrong::at(at, format!("lists and maps are nested deeper than {DEEPEST}; no definition needs that")));
        }
        let (anchor, tag) = match &event {
            Event::Scalar(_, _, anchor, tag) | Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => {
                (*anchor, tag.is_some())
            }
            Event::Alias(_) => (1, false),
            _ => (0, false),
        };
        if anchor != 0 {
            return Err(Wrong::at(at, "anchors (&) and aliases (*) are not taken; write the value out, or in quotes"));
        }
        if tag {
            return Err(Wrong::at(at, "tags (!) are not taken; write the value in quotes"));
        }
        let value = match event {
            Event::Scalar(text, ..) => Value::Text(text.into_owned()),
            Event::SequenceStart(..) => self.list(depth)?,
            Event::MappingStart(..) => self.map(depth)?,
            _ => return Err(Wrong::at(at, "a value is missing")),
        };
        Ok(Node { line: at.line(), value })
    }

    fn list(&mut self, depth: usize) -> Result<Value, Wrong> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::List(items)),
                next => items.push(self.node(next, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, Wrong> {
        let mut members: Vec<(String, Node)> = Vec::new();
        loop {
            let next = self.next()?;
            if next.0 == Event::MappingEnd {
                return Ok(Value::Map(members));
            }
            let at = next.1;
            let Value::Text(key) = self.node(next, depth + 1)?.value else {
                return Err(Wrong::at(at, "a key must be text"));
            };
            if members.iter().any(|(known, _)| *known == key) {
                return Err(Wrong::at(at, format!("the key {key:?} comes twice")));
            }
            let next = self.next()?;
            members.push((key, self.node(next, depth + 1)?));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        documents(text).unwrap_err().to_string()
    }

    #[test]
    fn documents_of_texts_lists_and_maps() {
        let text =
            "# c\n---\nname: A\ndoc: |\n  one\n\n  two: x\npaths: ['/a: b', \"/\\x41\"]\n---\n# empty\n---\nb: {c: [d], e: 1}\n";
        let documents = documents(text).unwrap();
        assert_eq!(documents.len(), 2);
        let one = &documents[0];
        assert_eq!((one.get("name").unwrap().text(), one.line), (Some("A"), 3));
        assert_eq!(one.get("doc").unwrap().text(), Some("one\n\ntwo: x\n"));
        assert_eq!((one.get("paths").unwrap().texts(), one.get("none")), (Some(vec!["/a: b", "/A"]), None));
        let b = documents[1].get("b").unwrap();
        assert_eq!((b.get("c").unwrap().texts(), b.get("e").unwrap().text()), (Some(vec!["d"]), Some("1")));
        assert_eq!((b.texts(), b.get("c").unwrap().text()), (None, None));
    }

    #[test]
    fn what_grows_or_lies_is_refused_with_its_place() {
        let bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n";
        assert!(wrong(bomb).starts_with("line 1, column 4: anchors"), "{}", wrong(bomb));
        assert!(wrong("a: *a\n").contains("line 1, column 4"), "{}", wrong("a: *a\n"));
        assert!(wrong("paths: [!x y]\n").contains("tags"));
        assert_eq!(wrong("a: 1\nb: 2\na: 3\n"), "line 3, column 1: the key \"a\" comes twice");
        assert!(wrong("? [a]\n: b\n").contains("a key must be text"));
        let deep = format!("a: {}{}\n", "[".repeat(40), "]".repeat(40));
        assert!(wrong(&deep).contains("nested deeper than 16"));
    }

    #[test]
    fn a_colon_without_a_blank_before_a_list_is_taken_as_others_take_it() {
        let node = documents("\u{e4}: x\nb: {paths:['/a:[b'], c:{d:[e]}}\n").unwrap().remove(0);
        let b = node.get("b").unwrap();
        assert_eq!(b.get("paths").unwrap().texts(), Some(vec!["/a:[b"]));
        assert_eq!(b.get("c").unwrap().get("d").unwrap().texts(), Some(vec!["e"]));
        let many = format!("a: [{}]\n", "{b:[]},".repeat(MOST_MENDED + 1));
        assert!(wrong(&many).contains("line 1, column "));
    }

    #[test]
    fn what_is_no_yaml_is_refused_with_its_place() {
        for text in
            ["a: [b\n", "a: 'b\n", "a: b: c\n", "a:\n\t- b\n", "%%users.homedir%%: x\n- y\n", "[".repeat(100_000).as_str()]
        {
            assert!(wrong(text).starts_with("line "), "{text:.20}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_ends_in_an_answer(text in "[-a&*!|>'\"{}\\[\\],:?#%@ \n\t]{0,200}") {
            // Neither a hang nor a panic; what is made of it is no larger than it.
            fn size(node: &Node) -> usize {
                match &node.value {
                    Value::Text(text) => text.len(),
                    Value::List(items) => items.iter().map(size).sum(),
                    Value::Map(members) => members.iter().map(|(key, node)| key.len() + size(node)).sum(),
                }
            }
            if let Ok(documents) = documents(&text) {
                assert!(documents.iter().map(size).sum::<usize>() <= text.len());
            }
        }
    }
}
