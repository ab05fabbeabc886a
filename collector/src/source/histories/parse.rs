//! Histories of shells as commands.

use crate::source::text::{lines, number};

/// A command that somebody typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    /// When, in seconds since the Unix epoch, where the shell wrote that down.
    pub(super) time: Option<i64>,
    pub(super) text: Vec<u8>,
}

/// bash and its like: a command per line, before it a line `#1700000000` where `HISTTIMEFORMAT` is set. A command of several lines
/// is as many commands here, because nothing tells it apart.
pub(super) fn bash(text: &[u8]) -> impl Iterator<Item = Command> {
    let mut time = None;
    lines(text).filter_map(move |line| {
        if let Some(seconds) = line.strip_prefix(b"#").filter(|digits| digits.iter().all(u8::is_ascii_digit)).and_then(number) {
            time = Some(seconds);
            return None;
        }
        Some(Command { time, text: line.to_owned() })
    })
}

/// One command per line.
pub(super) fn plain(text: &[u8]) -> impl Iterator<Item = Command> {
    lines(text).map(|line| Command { time: None, text: line.to_owned() })
}

/// zsh: `: 1700000000:0;command` with `EXTENDED_HISTORY`, else the command. A backslash at its end continues a line. Bytes that
/// mean something to zsh are written as `0x83` and the byte with bit 5 changed.
pub(super) fn zsh(text: &[u8]) -> impl Iterator<Item = Command> {
    let mut rest = lines(text);
    std::iter::from_fn(move || {
        let mut whole = rest.next()?.to_owned();
        while whole.last() == Some(&b'\\') {
            whole.pop();
            whole.push(b'\n');
            whole.extend_from_slice(rest.next().unwrap_or_default());
        }
        let whole = unmetafied(&whole);
        let (time, text) = extended(&whole).map_or((None, whole.as_slice()), |(time, text)| (Some(time), text));
        Some(Command { time, text: text.to_owned() })
    })
}

fn unmetafied(text: &[u8]) -> Vec<u8> {
    let mut bytes = text.iter();
    std::iter::from_fn(|| match bytes.next()? {
        0x83 => Some(bytes.next().map_or(0x83, |byte| byte ^ 0x20)),
        byte => Some(*byte),
    })
    .collect()
}

fn extended(line: &[u8]) -> Option<(i64, &[u8])> {
    let rest = line.strip_prefix(b": ")?;
    let semicolon = rest.iter().position(|b| *b == b';')?;
    let mut times = rest.get(..semicolon)?.split(|b| *b == b':');
    let (began, _) = (number(times.next()?)?, number(times.next()?)?);
    Some((began, rest.get(semicolon + 1..)?))
}

/// fish: `- cmd: command` and `  when: 1700000000`; in the command `\n` is a newline and `\\` a backslash.
pub(super) fn fish(text: &[u8]) -> impl Iterator<Item = Command> {
    let mut rest = lines(text).peekable();
    std::iter::from_fn(move || {
        let text = rest.by_ref().find_map(|line| line.strip_prefix(b"- cmd: "))?;
        let when = rest.next_if(|line| line.starts_with(b"  when: "));
        let time = when.and_then(|line| number(line.strip_prefix(b"  when: ")?));
        Some(Command { time, text: unescaped(text) })
    })
}

fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match (byte, bytes.as_slice().first()) {
            (b'\\', Some(b'n')) => out.push(b'\n'),
            (b'\\', Some(b'\\')) => out.push(b'\\'),
            _ => {
                out.push(*byte);
                continue;
            }
        }
        bytes.next();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(commands: impl Iterator<Item = Command>) -> Vec<(Option<i64>, Vec<u8>)> {
        commands.map(|command| (command.time, command.text)).collect()
    }

    #[test]
    fn each_shell_in_its_own_way() {
        let found = shown(bash(b"ls\n#1700000000\nrm \xff\x1b\n#comment\n#99999999999999999999999\n"));
        assert_eq!(found[..2], [(None, b"ls".to_vec()), (Some(1_700_000_000), b"rm \xff\x1b".to_vec())]);
        assert_eq!((found[2].1.as_slice(), found.len()), (&b"#comment"[..], 4));
        let found = shown(zsh(b": 1700000000:3;echo \\\ntwo\nplain \x83\xa3\n: x:0;odd\nend\\"));
        assert_eq!(found[0], (Some(1_700_000_000), b"echo \ntwo".to_vec()));
        assert_eq!(found[1..3], [(None, b"plain \x83".to_vec()), (None, b": x:0;odd".to_vec())]);
        assert_eq!(found[3], (None, b"end\n".to_vec()));
        let found = shown(fish(b"- cmd: a\\nb\\\\c\\x\n  when: 1700000000\n  paths:\n    - /x\n- cmd: d\n- cmd: e\n"));
        assert_eq!(found[0], (Some(1_700_000_000), b"a\nb\\c\\x".to_vec()));
        assert_eq!(found[1..], [(None, b"d".to_vec()), (None, b"e".to_vec())]);
        assert_eq!(shown(plain(b"a\n\nb")).len(), 2);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_commands(text: Vec<u8>) {
            let most = text.len() + 1;
            assert!(bash(&text).count() <= most && zsh(&text).count() <= most && fish(&text).count() <= most);
        }
    }
}
