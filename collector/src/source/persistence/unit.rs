//! Unit files of systemd (systemd.syntax(7)): sections and what is set in them.

/// Something that a unit sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    /// The section, without its brackets.
    pub(super) section: Vec<u8>,
    pub(super) name: Vec<u8>,
    /// Lines that go on are joined by a blank, as systemd does.
    pub(super) value: Vec<u8>,
}

/// Beginnings of names of what makes a unit run something, says what, and when.
const TELLING: [&[u8]; 10] =
    [b"Exec", b"On", b"Listen", b"Path", b"Environment", b"WantedBy", b"RequiredBy", b"UpheldBy", b"Alias", b"Unit"];

/// Further such names.
const ALSO: [&[u8]; 8] =
    [b"User", b"Group", b"Type", b"Restart", b"WorkingDirectory", b"RootDirectory", b"Description", b"DirectoryNotEmpty"];

impl Setting {
    /// Whether it says what is run, when, or as whom.
    pub(super) fn is_telling(&self) -> bool {
        TELLING.iter().any(|start| self.name.starts_with(start)) || ALSO.contains(&self.name.as_slice())
    }
}

/// What the unit file sets, in its order.
pub(super) fn settings(text: &[u8]) -> Vec<Setting> {
    let mut found = Vec::new();
    let mut section = Vec::new();
    let mut joined: Option<Vec<u8>> = None;
    for line in text.split(|b| *b == b'\n') {
        let trimmed = line.trim_ascii();
        // Comments do not end a line that goes on.
        if matches!(trimmed.first(), Some(b'#' | b';')) || (joined.is_none() && trimmed.is_empty()) {
            continue;
        }
        let mut whole = joined.take().unwrap_or_default();
        if let Some(goes_on) = trimmed.strip_suffix(b"\\") {
            whole.extend_from_slice(goes_on);
            whole.push(b' ');
            joined = Some(whole);
            continue;
        }
        whole.extend_from_slice(trimmed);
        add(&whole, &mut section, &mut found);
    }
    if let Some(whole) = joined {
        add(&whole, &mut section, &mut found);
    }
    found
}

fn add(line: &[u8], section: &mut Vec<u8>, found: &mut Vec<Setting>) {
    let line = line.trim_ascii();
    if let Some(name) = line.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]")) {
        *section = name.to_owned();
    } else if let Some(at) = line.iter().position(|b| *b == b'=') {
        let (name, value) = (line.get(..at).unwrap_or_default(), line.get(at + 1..).unwrap_or_default());
        found.push(Setting {
            section: section.clone(),
            name: name.trim_ascii().to_owned(),
            value: value.trim_ascii().to_owned(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_comments_and_lines_that_go_on() {
        let text =
            b"# x\n[Service]\nExecStart=/bin/a \\\n ; no\n  --b\\\n\nUser = root\nnonsense\n[Timer]\r\nOnBootSec=1\nExecStop=\\";
        let found = settings(text);
        let shown: Vec<_> = found.iter().map(|s| (s.section.as_slice(), s.name.as_slice(), s.value.as_slice())).collect();
        let service = &b"Service"[..];
        assert_eq!(
            shown,
            [
                (service, &b"ExecStart"[..], &b"/bin/a  --b"[..]),
                (service, b"User", b"root"),
                (b"Timer", b"OnBootSec", b"1"),
                (b"Timer", b"ExecStop", b""),
            ]
        );
        assert!(found.iter().all(Setting::is_telling));
        assert!(!settings(b"[Service]\nNice=5")[0].is_telling());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text: Vec<u8>) {
            assert!(settings(&text).len() <= text.len());
        }
    }
}
