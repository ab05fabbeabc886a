//! Unit files of systemd (systemd.syntax(7)): sections and what is set in them.

/// Something that a unit sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    /// The section, without its brackets; of a longer one its first [`MOST_SECTION`] bytes.
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

/// The most bytes of a section's name, which stands in the row of each of its settings. systemd's own have fewer than 20.
const MOST_SECTION: usize = 256;

/// What the unit file sets, in its order, one at a time: who writes the file decides how much that is.
pub(super) fn settings(text: &[u8]) -> impl Iterator<Item = Setting> {
    let mut section = Vec::new();
    logical_lines(text).filter_map(move |line| setting(line.trim_ascii(), &mut section))
}

/// Its lines, of which those that go on are joined.
fn logical_lines(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let mut lines = text.split(|b| *b == b'\n');
    std::iter::from_fn(move || {
        let mut joined: Option<Vec<u8>> = None;
        for line in lines.by_ref() {
            let trimmed = line.trim_ascii();
            // Comments do not end a line that goes on.
            if matches!(trimmed.first(), Some(b'#' | b';')) || (joined.is_none() && trimmed.is_empty()) {
                continue;
            }
            let mut whole = joined.take().unwrap_or_default();
            let Some(goes_on) = trimmed.strip_suffix(b"\\") else {
                whole.extend_from_slice(trimmed);
                return Some(whole);
            };
            whole.extend_from_slice(goes_on);
            whole.push(b' ');
            joined = Some(whole);
        }
        joined
    })
}

/// What a line sets; the head of a section becomes the `section` of the settings below it.
fn setting(line: &[u8], section: &mut Vec<u8>) -> Option<Setting> {
    if let Some(name) = line.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]")) {
        *section = name.iter().copied().take(MOST_SECTION).collect();
        return None;
    }
    let at = line.iter().position(|b| *b == b'=')?;
    let (name, value) = (line.get(..at)?.trim_ascii(), line.get(at + 1..)?.trim_ascii());
    Some(Setting { section: section.clone(), name: name.to_owned(), value: value.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_comments_and_lines_that_go_on() {
        let text =
            b"# x\n[Service]\nExecStart=/bin/a \\\n ; no\n  --b\\\n\nUser = root\nnonsense\n[Timer]\r\nOnBootSec=1\nExecStop=\\";
        let found: Vec<_> = settings(text).collect();
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
        assert!(!settings(b"[Service]\nNice=5").next().unwrap().is_telling());
    }

    #[test]
    fn a_long_section_costs_its_bytes_once() {
        // Together its names would take two terabytes.
        let text = [b"[", vec![b's'; 4 << 20].as_slice(), b"]\n", &b"User=\n".repeat(500_000)].concat();
        let (count, longest) = settings(&text).fold((0, 0), |(count, most), found| (count + 1, most.max(found.section.len())));
        assert_eq!((count, longest), (500_000, MOST_SECTION));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text: Vec<u8>) {
            assert!(settings(&text).count() <= text.len());
        }
    }
}
