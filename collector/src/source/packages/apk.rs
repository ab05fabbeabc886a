//! apk's database of installed packages (`/lib/apk/db/installed`): a letter, a colon and a value per line, an empty line behind each
//! package.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::sums::Sum;

/// A package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Package<'a> {
    pub(super) name: &'a [u8],
    pub(super) version: &'a [u8],
    pub(super) arch: &'a [u8],
    /// Bytes when installed.
    pub(super) size: Option<u64>,
    pub(super) description: &'a [u8],
    pub(super) url: &'a [u8],
    pub(super) origin: &'a [u8],
    pub(super) maintainer: &'a [u8],
    /// When it was built, in seconds since the Unix epoch.
    pub(super) built: Option<i64>,
}

/// The packages of a database; what has no name is none.
pub(super) fn packages(text: &[u8]) -> impl Iterator<Item = Package<'_>> {
    let mut lines = text.split(|b| *b == b'\n').peekable();
    std::iter::from_fn(move || {
        lines.peek()?;
        let mut package = Package::default();
        for line in lines.by_ref().take_while(|line| !line.is_empty()) {
            set(&mut package, line);
        }
        Some(package)
    })
    .filter(|package| !package.name.is_empty())
}

fn set<'a>(package: &mut Package<'a>, line: &'a [u8]) {
    let (Some(letter), Some(value)) = (line.first(), line.get(2..)) else { return };
    let number = || std::str::from_utf8(value).ok();
    match letter {
        b'P' => package.name = value,
        b'V' => package.version = value,
        b'A' => package.arch = value,
        b'I' => package.size = number().and_then(|text| text.parse().ok()),
        b'T' => package.description = value,
        b'U' => package.url = value,
        b'o' => package.origin = value,
        b'm' => package.maintainer = value,
        b't' => package.built = number().and_then(|text| text.parse().ok()),
        _ => {}
    }
}

/// A file of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct File<'a> {
    pub(super) package: &'a [u8],
    /// Without its leading slash.
    pub(super) path: Vec<u8>,
    /// Of its content, or of the target of a link; None where it is no SHA-1.
    pub(super) sum: Option<Sum>,
}

/// The files of a database that have a sum: `F:` is a folder, `R:` a file in the last one, `Z:` the sum of the last file.
pub(super) fn files(text: &[u8]) -> impl Iterator<Item = File<'_>> {
    let (mut package, mut folder, mut name) = (&b""[..], &b""[..], &b""[..]);
    text.split(|b| *b == b'\n').filter_map(move |line| {
        let (letter, value) = (line.first()?, line.get(2..)?);
        match letter {
            b'P' => package = value,
            b'F' => folder = value,
            b'R' => name = value,
            b'Z' if !name.is_empty() => {
                let path = if folder.is_empty() { name.to_owned() } else { [folder, b"/", name].concat() };
                name = b"";
                return Some(File { package, path, sum: sha1(value) });
            }
            _ => {}
        }
        None
    })
}

/// `Q1` and the digest in base64.
fn sha1(text: &[u8]) -> Option<Sum> {
    let digest = STANDARD.decode(text.strip_prefix(b"Q1")?).ok()?;
    digest.try_into().ok().map(Sum::Sha1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_folders_and_sums() {
        let text = b"P:a\nF:bin\nR:x\na:0:0:755\nZ:Q12jmj7l5rSw0yVb/vlWAYkK/YBwk=\nZ:Q1none\nR:nosum\nF:\nR:top\nZ:Q2x\n\nP:b\nR:y\nZ:\n";
        let found: Vec<_> = files(text).collect();
        let names: Vec<_> = found.iter().map(|file| (file.package, file.path.as_slice())).collect();
        assert_eq!(names, [(&b"a"[..], &b"bin/x"[..]), (b"a", b"top"), (b"b", b"y")]);
        let empty = Sum::of_digits(b"da39a3ee5e6b4b0d3255bfef95601890afd80709");
        assert_eq!((found[0].sum, found[1].sum), (empty, None));
    }

    #[test]
    fn packages_have_names_and_the_rest_may_miss() {
        let text = b"C:Q1x\nP:musl\nV:1.2.5-r0\nA:x86_64\nI:622592\nt:1700000000\nF:lib\n\n\nV:1\n\nP:n\xff\nI:many\n";
        let found: Vec<_> = packages(text).collect();
        assert_eq!((found[0].name, found[0].version, found[0].size), (&b"musl"[..], &b"1.2.5-r0"[..], Some(622_592)));
        assert_eq!((found.len(), found[1].name, found[1].size, found[0].built), (2, &b"n\xff"[..], None, Some(1_700_000_000)));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_packages(text: Vec<u8>) {
            assert!(packages(&text).count() <= text.len());
            assert!(files(&text).count() <= text.len());
        }
    }
}
