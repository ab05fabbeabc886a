//! A page of plain text: labels, paragraphs and lists, wrapped to a width.

/// Columns of the text.
const WIDTH: usize = 100;
/// Columns that the labels of facts and checks take.
pub(super) const LABEL: usize = 22;

/// Text that grows line by line.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) text: String,
}

impl Page {
    pub(super) fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    pub(super) fn heading(&mut self, heading: &str) {
        self.line("");
        self.line(heading);
    }

    pub(super) fn entry(&mut self, label: &str, value: &str) {
        self.hanging(&format!("{label:<LABEL$}  "), value);
    }

    pub(super) fn paragraph(&mut self, indent: &str, text: &str) {
        self.wrap(indent, indent, text);
    }

    /// A paragraph whose first line begins with `first` and whose others are indented as far.
    pub(super) fn hanging(&mut self, first: &str, text: &str) {
        self.wrap(first, &" ".repeat(first.chars().count()), text);
    }

    /// Breaks at blanks; a word that is longer than a line stands alone.
    fn wrap(&mut self, first: &str, others: &str, text: &str) {
        let mut line = first.to_owned();
        let mut empty = true;
        for word in text.split(' ') {
            if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
                self.line(&line);
                others.clone_into(&mut line);
                empty = true;
            }
            if !empty {
                line.push(' ');
            }
            line.push_str(word);
            empty = false;
        }
        self.line(&line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_wrapped_and_hang() {
        let mut page = Page::default();
        page.hanging("  - ", &"word ".repeat(40));
        page.hanging("", &"x".repeat(200));
        let lines: Vec<&str> = page.text.lines().collect();
        assert!(lines[0].starts_with("  - word") && lines[1].starts_with("    word"));
        assert!(lines[..lines.len() - 1].iter().all(|line| line.chars().count() <= WIDTH), "{}", page.text);
        assert_eq!(lines.last().unwrap().len(), 200);
    }
}
