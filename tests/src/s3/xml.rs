//! XML, read and written. What is read is small: a tree of elements without attributes that matter.

use xmlparser::{ElementEnd, Token, Tokenizer};

use crate::aws::refusal::Refusal;

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
const SPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// The text with everything escaped that must be.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#13;"),
            other => out.push(other),
        }
    }
    out
}

/// `<name>text</name>`.
pub(super) fn element(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escape(text))
}

/// A whole document around this content.
pub(super) fn document(name: &str, content: &str) -> String {
    format!("{HEAD}<{name} xmlns=\"{SPACE}\">{content}</{name}>")
}

/// The document of an error.
pub(super) fn error(refusal: &Refusal, resource: &str, id: &str, host_id: &str) -> String {
    let more: String = refusal.more.iter().map(|(name, value)| element(name, value)).collect();
    let (code, message) = (element("Code", &refusal.code), element("Message", &refusal.message));
    let ids = element("RequestId", id) + &element("HostId", host_id);
    format!("{HEAD}<Error>{code}{message}{more}{}{ids}</Error>", element("Resource", resource))
}

/// An element that was read.
#[derive(Debug, Default, Clone)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) children: Vec<Node>,
}

impl Node {
    /// The text of the child with this name.
    pub(super) fn child(&self, name: &str) -> Option<&str> {
        self.children.iter().find(|child| child.name == name).map(|child| child.text.as_str())
    }

    /// The child with this name.
    pub(super) fn node(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }
}

/// Reads a document whose root has this name.
pub(super) fn read(bytes: &[u8], root: &str) -> Result<Node, Refusal> {
    let message = "The XML you provided was not well-formed or did not validate against our published schema";
    let node = std::str::from_utf8(bytes).ok().and_then(parse).filter(|node| node.name == root);
    node.ok_or_else(|| Refusal::new(400, "MalformedXML", message))
}

fn parse(text: &str) -> Option<Node> {
    let mut open: Vec<Node> = Vec::new();
    let mut root = None;
    for token in Tokenizer::from(text) {
        match token.ok()? {
            Token::ElementStart { local, .. } if root.is_none() => open.push(Node { name: local.to_string(), ..Node::default() }),
            Token::ElementEnd { end: ElementEnd::Open, .. } | Token::Attribute { .. } | Token::Declaration { .. } => {}
            Token::ElementEnd { end, .. } => {
                let node = open.pop()?;
                if matches!(end, ElementEnd::Close(_, name) if name.as_str() != node.name) {
                    return None;
                }
                match open.last_mut() {
                    Some(parent) => parent.children.push(node),
                    None => root = Some(node),
                }
            }
            Token::Text { text } => match open.last_mut() {
                Some(node) => node.text.push_str(&unescape(text.as_str())),
                None if text.trim().is_empty() => {}
                None => return None,
            },
            _ => return None,
        }
    }
    root.filter(|_| open.is_empty())
}

fn unescape(text: &str) -> String {
    let named =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#34;", "\""), ("&apos;", "'"), ("&#39;", "'"), ("&amp;", "&")];
    named.iter().fold(text.to_owned(), |text, (name, character)| text.replace(name, character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read() {
        let node = read(b"<?xml version=\"1.0\"?><A xmlns='x'><B><C>1 &lt; &quot;2&quot;</C></B><B/></A>\n", "A").unwrap();
        assert_eq!(node.children.len(), 2);
        assert_eq!(node.node("B").unwrap().child("C"), Some("1 < \"2\""));
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for bytes in ["", "<A>", "<A></B>", "<A/><A/>", "text", "<B/>", "<!DOCTYPE A><A/>"] {
            assert_eq!(read(bytes.as_bytes(), "A").unwrap_err().code, "MalformedXML", "{bytes}");
        }
        assert!(read(&[0xff, 0xfe], "A").is_err());
    }
}
