//! Lines of tracefs and debugfs (`kernel/trace/ftrace.c`, `kernel/trace/trace_dynevent.c`, `kernel/kprobes.c`).

use crate::source::text::{fields, hexadecimal, number};

/// A function in `enabled_functions`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Function<'a> {
    pub(super) name: &'a [u8],
    pub(super) module: Option<&'a [u8]>,
    /// How many callbacks it has.
    pub(super) count: Option<i64>,
    /// `R` registers are saved, `I` the callback may change where it returns to, `D` a direct call, `O` a call to ops of its own,
    /// `M` it was diverted once.
    pub(super) flags: Vec<u8>,
    /// Trampolines and callbacks, as the kernel words them.
    pub(super) details: Vec<&'a [u8]>,
}

/// The functions of `text`. A line that begins with a blank belongs to the function before it.
pub(super) fn functions(text: &[u8]) -> Vec<Function<'_>> {
    let mut functions: Vec<Function<'_>> = Vec::new();
    for line in text.split(|b| *b == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
        match functions.last_mut() {
            Some(last) if line.first().is_some_and(u8::is_ascii_whitespace) => last.details.push(line.trim_ascii()),
            _ => functions.push(function(line)),
        }
    }
    functions
}

/// `name [module] (count) FLAGS <tab> detail`.
fn function(line: &[u8]) -> Function<'_> {
    let (head, details) = split_at(line, b'\t');
    let (before, behind) = split_at(head, b'(');
    let mut words = fields(before);
    let name = words.next().unwrap_or_default();
    let module = words.next().and_then(bracketed);
    let (count, flags) = split_at(behind, b')');
    let flags = flags.iter().filter(|b| b.is_ascii_alphabetic()).copied().collect();
    let details = details.split(|b| *b == b'\t').map(<[u8]>::trim_ascii).filter(|detail| !detail.is_empty()).collect();
    Function { name, module, count: number(count), flags, details }
}

/// What stands before the first `mark` and behind it.
fn split_at(text: &[u8], mark: u8) -> (&[u8], &[u8]) {
    let mut parts = text.splitn(2, |b| *b == mark);
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

fn bracketed(word: &[u8]) -> Option<&[u8]> {
    word.strip_prefix(b"[")?.strip_suffix(b"]")
}

/// A probe in `kprobe_events`, `uprobe_events` or `dynamic_events`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Probe<'a> {
    /// `p` at the entry, `r` at the return (with the most calls at once), `f` by fprobe, `t` at a tracepoint, `e` on an event.
    pub(super) kind: &'a [u8],
    pub(super) group: &'a [u8],
    pub(super) event: &'a [u8],
    /// The symbol, or for a uprobe the file and the offset in it.
    pub(super) target: &'a [u8],
    pub(super) arguments: &'a [u8],
}

/// `kind:group/event target arguments`.
pub(super) fn probe(line: &[u8]) -> Option<Probe<'_>> {
    let (head, rest) = split_at(line, b' ');
    let (kind, name) = split_at(head, b':');
    let (group, event) = split_at(name, b'/');
    let (target, arguments) = split_at(rest, b' ');
    (!event.is_empty()).then_some(Probe { kind, group, event, target, arguments })
}

/// A probe in debugfs's `kprobes/list`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kprobe<'a> {
    pub(super) address: u64,
    /// `k` at an instruction, `r` at a return.
    pub(super) kind: &'a [u8],
    /// The symbol with its offset, and its module.
    pub(super) symbol: &'a [u8],
    /// `DISABLED`, `OPTIMIZED`, `FTRACE`, `GONE`.
    pub(super) flags: Vec<&'a [u8]>,
}

/// `address  kind  symbol+offset  module [FLAG][FLAG]`.
pub(super) fn kprobe(line: &[u8]) -> Option<Kprobe<'_>> {
    let mut words = fields(line);
    let (address, kind, symbol) = (hexadecimal(words.next()?)?, words.next()?, words.next()?);
    let (_, flags) = split_at(line, b'[');
    let flags = flags.split(|b| matches!(b, b'[' | b']')).map(<[u8]>::trim_ascii).filter(|flag| !flag.is_empty()).collect();
    Some(Kprobe { address, kind, symbol, flags })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_has_its_callbacks_beside_it_and_below_it() {
        let text = b"f (2) R D   M \ttramp: 0xff (x+0x0/0x1) ->y+0x0/0x2\n\tdirect-->bpf_trampoline_1+0x0/0x9\n\ng [m] (1)\n";
        let found = functions(text);
        assert_eq!((found[0].name, found[0].count, found[0].flags.as_slice()), (&b"f"[..], Some(2), &b"RDM"[..]));
        assert_eq!(found[0].details, [&b"tramp: 0xff (x+0x0/0x1) ->y+0x0/0x2"[..], b"direct-->bpf_trampoline_1+0x0/0x9"]);
        assert_eq!((found[1].name, found[1].module), (&b"g"[..], Some(&b"m"[..])));
    }

    #[test]
    fn probes_and_what_is_none() {
        let found = probe(b"r64:uprobes/x /bin/bash:0x4245 a=$retval").unwrap();
        assert_eq!((found.kind, found.target, found.arguments), (&b"r64"[..], &b"/bin/bash:0x4245"[..], &b"a=$retval"[..]));
        assert_eq!(probe(b"nonsense"), None);
        let found = kprobe(b"ffffffff81000010  r  f+0x4    rk [GONE]").unwrap();
        assert_eq!((found.address, found.symbol, found.flags), (0xffff_ffff_8100_0010, &b"f+0x4"[..], vec![&b"GONE"[..]]));
        assert_eq!(kprobe(b"zz k f"), None);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_parsed(text in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = (functions(&text), probe(&text), kprobe(&text));
        }
    }
}
