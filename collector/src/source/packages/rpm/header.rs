//! A header of rpm's database, as it lies in a record of each kind
//! (<https://rpm-software-management.github.io/rpm/manual/format_header.html>): counts, entries of 16 bytes, and a store that the
//! entries point into.

/// A header.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header<'a> {
    entries: &'a [u8],
    store: &'a [u8],
}

/// A package; text that the header has not is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Package<'a> {
    pub(super) name: &'a [u8],
    pub(super) version: &'a [u8],
    pub(super) release: &'a [u8],
    pub(super) epoch: Option<u64>,
    pub(super) arch: &'a [u8],
    pub(super) vendor: &'a [u8],
    pub(super) group: &'a [u8],
    /// The file name of the source package.
    pub(super) source: &'a [u8],
    /// Bytes when installed.
    pub(super) size: Option<u64>,
    /// In seconds since the Unix epoch.
    pub(super) install_time: Option<u64>,
    /// Digests of the header as it was built, in hex.
    pub(super) sha1: &'a [u8],
    pub(super) sha256: &'a [u8],
}

/// A file of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct File<'a> {
    pub(super) path: Vec<u8>,
    /// In hex; empty for what has no content.
    pub(super) digest: &'a [u8],
    pub(super) flags: u32,
    /// 0 where the file is installed as it should be, or the header does not say.
    pub(super) state: u8,
    /// Whether rpm compares its digest: `%verify(not md5)` says that it may change.
    pub(super) is_verified: bool,
}

impl File<'_> {
    /// Whether its content is to be what the package brought: it is no configuration, it came with the package, no other package has
    /// replaced it, and the package does not say that it changes.
    pub(super) fn is_as_built(&self) -> bool {
        self.flags & (CONFIG | GHOST) == 0 && self.state == 0 && self.is_verified
    }
}

/// Flag of a configuration file.
pub(super) const CONFIG: u32 = 1;
/// Flag of a file that the package owns but does not bring.
pub(super) const GHOST: u32 = 1 << 6;

/// Flag of a file whose digest rpm compares (`RPMVERIFY_FILEDIGEST`), among those of what is compared.
const COMPARES_DIGEST: u64 = 1;

/// `PATH_MAX`. A longer one names no file, and a long directory of many files would make much work of a small header.
pub(super) const LONGEST_PATH: usize = 4096;

const SHA1HEADER: u32 = 269;
const SHA256HEADER: u32 = 273;
const NAME: u32 = 1000;
const VERSION: u32 = 1001;
const RELEASE: u32 = 1002;
const EPOCH: u32 = 1003;
const INSTALLTIME: u32 = 1008;
const SIZE: u32 = 1009;
const VENDOR: u32 = 1011;
const GROUP: u32 = 1016;
const ARCH: u32 = 1022;
const OLDFILENAMES: u32 = 1027;
const FILESTATES: u32 = 1029;
const FILEDIGESTS: u32 = 1035;
const FILEFLAGS: u32 = 1037;
const SOURCERPM: u32 = 1044;
const FILEVERIFYFLAGS: u32 = 1045;
const DIRINDEXES: u32 = 1116;
const BASENAMES: u32 = 1117;
const DIRNAMES: u32 = 1118;
const LONGSIZE: u32 = 5009;

const CHAR: u32 = 1;
const INT8: u32 = 2;
const INT16: u32 = 3;
const INT32: u32 = 4;
const INT64: u32 = 5;
const STRING: u32 = 6;
const STRING_ARRAY: u32 = 8;
const I18NSTRING: u32 = 9;

/// What a header has of a tag.
#[derive(Debug, Clone, Copy)]
struct Data<'a> {
    kind: u32,
    count: usize,
    /// The store from where the data begins: how long they are, only they themselves say.
    bytes: &'a [u8],
}

impl<'a> Header<'a> {
    /// A header without the magic that it has in a package.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (count, bytes) = number(bytes)?;
        let (size, bytes) = number(bytes)?;
        let (entries, bytes) = bytes.split_at_checked(usize::try_from(count).ok()?.checked_mul(16)?)?;
        Some(Self { entries, store: bytes.get(..usize::try_from(size).ok()?)? })
    }

    /// The data of a tag. What was added at the installation stands behind what was built, and counts, as it does for rpm.
    fn data(self, tag: u32) -> Option<Data<'a>> {
        let (entries, _) = self.entries.as_chunks::<16>();
        let fields = |entry: &[u8; 16]| {
            let (found, rest) = number(entry)?;
            let (kind, rest) = number(rest)?;
            let (offset, rest) = number(rest)?;
            (found == tag).then_some((kind, offset, number(rest)?.0))
        };
        let (kind, offset, count) = entries.iter().rev().find_map(fields)?;
        Some(Data { kind, count: usize::try_from(count).ok()?, bytes: self.store.get(usize::try_from(offset).ok()?..)? })
    }

    /// The text of a tag, or the first of them.
    pub(super) fn text(self, tag: u32) -> Option<&'a [u8]> {
        let data = self.data(tag).filter(|data| matches!(data.kind, STRING | STRING_ARRAY | I18NSTRING) && data.count > 0)?;
        strings(data.bytes).next()
    }

    /// The texts of a tag that has an array of them.
    pub(super) fn texts(self, tag: u32) -> impl Iterator<Item = &'a [u8]> {
        let data = self.data(tag).filter(|data| data.kind == STRING_ARRAY);
        data.into_iter().flat_map(|data| strings(data.bytes).take(data.count))
    }

    /// The numbers of a tag.
    pub(super) fn numbers(self, tag: u32) -> impl Iterator<Item = u64> {
        self.data(tag).into_iter().flat_map(|data| {
            let width = match data.kind {
                CHAR | INT8 => 1,
                INT16 => 2,
                INT32 => 4,
                INT64 => 8,
                _ => usize::MAX, // of which there are none
            };
            let value = |bytes: &[u8]| bytes.iter().fold(0, |value, b| (value << 8) | u64::from(*b));
            data.bytes.chunks_exact(width).take(data.count).map(value)
        })
    }

    /// The package; none where it has no name or no version. A key of `rpm --import` is a package too, `gpg-pubkey`.
    pub(super) fn package(self) -> Option<Package<'a>> {
        let text = |tag| self.text(tag).unwrap_or_default();
        let first = |tag| self.numbers(tag).next();
        Some(Package {
            name: self.text(NAME).filter(|name| !name.is_empty())?,
            version: self.text(VERSION).filter(|version| !version.is_empty())?,
            release: text(RELEASE),
            epoch: first(EPOCH),
            arch: text(ARCH),
            vendor: text(VENDOR),
            group: text(GROUP),
            source: text(SOURCERPM),
            size: first(LONGSIZE).or_else(|| first(SIZE)),
            install_time: first(INSTALLTIME),
            sha1: text(SHA1HEADER),
            sha256: text(SHA256HEADER),
        })
    }

    /// The files that have a path of at most [`LONGEST_PATH`] bytes.
    pub(super) fn files(self) -> impl Iterator<Item = File<'a>> {
        let mut digests = self.texts(FILEDIGESTS);
        let mut flags = self.numbers(FILEFLAGS);
        let mut states = self.numbers(FILESTATES);
        let mut compared = self.numbers(FILEVERIFYFLAGS);
        let file = move |path: Option<Vec<u8>>| {
            // In step, also for a file that is passed over.
            let file = File {
                path: Vec::new(),
                digest: digests.next().unwrap_or_default(),
                flags: narrow(flags.next()),
                state: narrow(states.next()),
                // Where a header does not say, rpm compares everything.
                is_verified: compared.next().is_none_or(|flags| flags & COMPARES_DIGEST != 0),
            };
            path.map(|path| File { path, ..file })
        };
        self.paths().filter_map(file)
    }

    /// The paths of the files, none for one that is nowhere; before rpm 4 they were in one piece.
    fn paths(self) -> impl Iterator<Item = Option<Vec<u8>>> {
        let dirs: Vec<&[u8]> = self.texts(DIRNAMES).collect();
        let path = move |(base, dir): (&[u8], u64)| join(dirs.get(usize::try_from(dir).ok()?)?, base);
        let whole = self.data(BASENAMES).is_none().then(|| self.texts(OLDFILENAMES).map(|path| join(path, b"")));
        self.texts(BASENAMES).zip(self.numbers(DIRINDEXES)).map(path).chain(whole.into_iter().flatten())
    }
}

/// A big-endian number, and what is behind it.
fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    bytes.split_first_chunk().map(|(value, rest)| (u32::from_be_bytes(*value), rest))
}

/// Texts that each end with a zero byte.
fn strings(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (text, behind) = rest.split_at_checked(rest.iter().position(|b| *b == 0)?)?;
        rest = behind.get(1..)?;
        Some(text)
    })
}

/// A number that a column has too wide is 0, like one that misses.
fn narrow<T: TryFrom<u64> + Default>(value: Option<u64>) -> T {
    value.and_then(|value| T::try_from(value).ok()).unwrap_or_default()
}

fn join(dir: &[u8], base: &[u8]) -> Option<Vec<u8>> {
    let fits = dir.len().saturating_add(base.len()) <= LONGEST_PATH;
    fits.then(|| [dir, base].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of tags, types, counts and data.
    fn header(entries: &[(u32, u32, u32, &[u8])]) -> Vec<u8> {
        let (mut index, mut store) = (Vec::new(), Vec::new());
        for (tag, kind, count, data) in entries {
            for field in [*tag, *kind, u32::try_from(store.len()).unwrap(), *count] {
                index.extend(field.to_be_bytes());
            }
            store.extend_from_slice(data);
        }
        let counts = [entries.len(), store.len()].map(|n| u32::try_from(n).unwrap().to_be_bytes());
        [&counts.concat()[..], &index, &store].concat()
    }

    fn files(bytes: &[u8]) -> Vec<File<'_>> {
        Header::parse(bytes).unwrap().files().collect()
    }

    #[test]
    fn a_package_has_texts_and_numbers() {
        let bytes = header(&[
            (63, 7, 16, &[0; 16]),
            (NAME, STRING, 1, b"n\xff\0"),
            (VERSION, STRING, 1, b"1\0"),
            (GROUP, I18NSTRING, 2, b"g\0G\0"),
            (SIZE, INT32, 1, &[0, 0, 1, 0]),
            (INSTALLTIME, INT32, 1, &[0, 0, 0, 1]),
            (INSTALLTIME, INT32, 1, &[0, 0, 0, 2]),
            (EPOCH, INT32, 0, b""),
            (ARCH, INT32, 1, b"\0\0\0\0"),
        ]);
        let found = Header::parse(&bytes).unwrap().package().unwrap();
        let expected = Package { name: b"n\xff", version: b"1", group: b"g", ..Package::default() };
        assert_eq!(found, Package { size: Some(256), install_time: Some(2), ..expected });
        let long = header(&[
            (NAME, STRING, 1, b"n\0"),
            (VERSION, STRING, 1, b"1\0"),
            (LONGSIZE, INT64, 1, &[0, 0, 0, 1, 0, 0, 0, 0]),
            (SIZE, INT32, 1, &[0; 4]),
        ]);
        assert_eq!(Header::parse(&long).unwrap().package().unwrap().size, Some(1 << 32));
        for bad in [header(&[(NAME, STRING, 1, b"n\0")]), header(&[(NAME, STRING, 1, b"n\0"), (VERSION, STRING, 1, b"1")])] {
            assert_eq!(Header::parse(&bad).unwrap().package(), None);
        }
        assert!(Header::parse(&long[..long.len() - 1]).is_none() && Header::parse(&[0xff; 40]).is_none());
    }

    #[test]
    fn files_keep_step_also_behind_one_that_is_nowhere() {
        let bytes = header(&[
            (BASENAMES, STRING_ARRAY, 3, b"a\0b\0c\xff\0"),
            (DIRNAMES, STRING_ARRAY, 2, b"/x/\0/y/\0"),
            (DIRINDEXES, INT32, 3, &[0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 0]),
            (FILEDIGESTS, STRING_ARRAY, 3, b"11\x0022\0\0"),
            (FILEFLAGS, INT32, 3, &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 64]),
            (FILESTATES, CHAR, 3, &[0, 1, 255]),
            (FILEVERIFYFLAGS, INT32, 3, &[255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 254]),
        ]);
        let a = File { path: b"/y/a".to_vec(), digest: b"11", flags: CONFIG, state: 0, is_verified: true };
        let c = File { path: b"/x/c\xff".to_vec(), digest: b"", flags: GHOST, state: 255, is_verified: false };
        assert_eq!(files(&bytes), [a.clone(), c]);
        let as_built = |flags, state| File { flags, state, ..a.clone() }.is_as_built();
        assert_eq!(
            [as_built(0, 0), as_built(1 << 4, 0), as_built(CONFIG, 0), as_built(GHOST, 0), as_built(0, 1)],
            [true, true, false, false, false]
        );
        assert!(!File { flags: 0, is_verified: false, ..a }.is_as_built());
    }

    #[test]
    fn old_headers_have_paths_in_one_piece() {
        let bytes = header(&[(OLDFILENAMES, STRING_ARRAY, 2, b"/a/b\0/c\0")]);
        let found: Vec<_> = files(&bytes).into_iter().map(|file| (file.path, file.state, file.is_verified)).collect();
        assert_eq!(found, [(b"/a/b".to_vec(), 0, true), (b"/c".to_vec(), 0, true)]);
    }

    #[test]
    fn claims_and_long_directories_make_little_work() {
        let long = [&[b'd'; LONGEST_PATH][..], b"\0"].concat();
        let mut names = vec![0; 200_000]; // as many empty names
        names[0] = b'a';
        let bytes = header(&[
            (DIRNAMES, STRING_ARRAY, u32::MAX, &long),
            (BASENAMES, STRING_ARRAY, u32::MAX, &names),
            (DIRINDEXES, INT32, u32::MAX, &[0; 800]),
        ]);
        let found = files(&bytes);
        assert_eq!((found.len(), found[0].path.len()), (199, LONGEST_PATH));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_to_an_end(
            entries in proptest::collection::vec((0..24_usize, 0..10_u32, 0..80_u32, proptest::prelude::any::<u32>()), 0..30),
            store: Vec<u8>,
        ) {
            let tags = [NAME, VERSION, BASENAMES, DIRNAMES, DIRINDEXES, FILEDIGESTS, FILEFLAGS, FILESTATES, FILEVERIFYFLAGS, OLDFILENAMES];
            let fields = entries.iter().flat_map(|(tag, kind, offset, count)| [tags[tag % tags.len()], *kind, *offset, *count]);
            let index: Vec<u8> = fields.flat_map(u32::to_be_bytes).collect();
            let counts = [entries.len(), store.len()].map(|n| u32::try_from(n).unwrap().to_be_bytes());
            let bytes = [&counts.concat()[..], &index, &store].concat();
            assert!(files(&bytes).len() <= store.len());
            Header::parse(&bytes).unwrap().package();
        }

        #[test]
        fn any_bytes_are_a_header_or_none(bytes: Vec<u8>) {
            if let Some(header) = Header::parse(&bytes) {
                assert!(header.files().count() <= bytes.len());
            }
        }
    }
}
