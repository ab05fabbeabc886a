//! Against databases of the same 42 packages, and what rpm says of them: one that rpm 4.18 made (`./fixture.sh DATABASE`), and those of the
//! older kinds, which fixture_older.py made of its headers. They are kept as `zstd -19` makes them small.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use super::header::{CONFIG, GHOST, Header};
use super::hostile;
use super::kind::Kind;
use super::passed::Passed;

const SQLITE: &[u8] = include_bytes!("fixture.sqlite.zst");
const NDB: &[u8] = include_bytes!("fixture.ndb.zst");
const BERKELEY: &[u8] = include_bytes!("fixture.bdb.zst");
const BERKELEY_BIG_ENDIAN: &[u8] = include_bytes!("fixture.bdb-be.zst");
/// Of `rpm -qa` and `rpm -q --dump hozen-main`.
const LISTED: &str = include_str!("fixture.txt");

fn databases() -> [(Kind, Vec<u8>); 4] {
    let all = [(Kind::Sqlite, SQLITE), (Kind::Ndb, NDB), (Kind::Berkeley, BERKELEY), (Kind::Berkeley, BERKELEY_BIG_ENDIAN)];
    all.map(|(kind, database)| (kind, zstd::decode_all(database).unwrap()))
}

/// Lines as `rpm` prints them.
fn lines(header: Header<'_>) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_owned()).unwrap();
    let package = header.package().unwrap();
    let [name, version, release, arch] = [package.name, package.version, package.release, package.arch].map(text);
    let [sha1, sha256, source] = [package.sha1, package.sha256, package.source].map(text);
    let (epoch, size) = (package.epoch.unwrap(), package.size.unwrap());
    let mut lines = vec![format!("{name} {epoch} {version} {release} {arch} {size} {sha1} {sha256} {source}")];
    assert!((1_700_000_000..1_700_000_100).contains(&package.install_time.unwrap()));
    for file in header.files().filter(|_| name == "hozen-main") {
        let digest = if file.digest.is_empty() { "0".repeat(64) } else { text(file.digest) };
        let (path, config) = (text(&file.path), u8::from(file.flags & CONFIG != 0));
        assert_eq!((file.state, file.flags & GHOST != 0), (0, path.ends_with("ghost")));
        lines.push(format!("{path} {digest} {config}"));
    }
    lines
}

/// Every header of at most `most` bytes is handed to `take`, with its number.
fn each(kind: Kind, bytes: &[u8], most: usize, mut take: impl FnMut(i64, &[u8])) -> Passed {
    let passed = kind.headers(bytes, u64::try_from(bytes.len()).unwrap(), most, &mut |number, header| {
        take(number, header);
        Ok::<_, Infallible>(())
    });
    passed.unwrap()
}

#[test]
fn rpm_lists_the_same() {
    for (kind, bytes) in databases() {
        let (mut found, mut numbers) = (BTreeSet::new(), BTreeSet::new());
        let mut longest = 0;
        let passed = each(kind, &bytes, 1 << 20, |number, blob| {
            numbers.insert(number);
            longest = longest.max(blob.len());
            for (n, line) in lines(Header::parse(blob).unwrap()).into_iter().enumerate() {
                found.insert((n > 0, line));
            }
        });
        assert_eq!((passed, longest > 4 * 4096), (Passed::default(), true), "{kind:?}");
        assert_eq!(numbers, (1..=42).collect::<BTreeSet<_>>(), "{kind:?}");
        let listed: Vec<_> = LISTED.lines().collect();
        assert_eq!(found.len(), listed.len(), "{kind:?}");
        for ((file, line), listed) in found.iter().zip(listed) {
            let listed: Vec<_> = listed.split(' ').collect();
            // Path, size, time, digest, mode, owners, whether it is configuration, and more.
            let listed = if *file { vec![listed[0], listed[3], listed[7]] } else { listed };
            assert_eq!(*line, listed.join(" "), "{kind:?}");
        }
    }
}

#[test]
fn longer_headers_are_counted() {
    for (kind, bytes) in databases() {
        for (most, expected) in [(1000, (0, 42)), (1300, (40, 2)), (2400, (41, 1))] {
            let mut taken = 0;
            let passed = each(kind, &bytes, most, |_, _| taken += 1);
            assert_eq!((taken, passed.long, passed.malformed.len()), (expected.0, expected.1, 0), "{kind:?} {most}");
        }
    }
}

#[test]
fn what_is_damaged_hides_no_other() {
    let [_, (_, ndb), (_, little), (_, big)] = databases();
    let name = |bytes: &[u8]| bytes.windows(9).position(|window| window == b"hozen-17\0").unwrap();
    let blob = ndb[..name(&ndb)].windows(4).rposition(|window| window == b"BlbS").unwrap();
    let (overflow, bucket) = (name(&little) / 4096 * 4096, name(&big) / 8192 * 8192);
    for (kind, mut bytes, at, what, least) in [
        (Kind::Ndb, ndb, blob, "a blob is none", 41),
        (Kind::Berkeley, little, overflow + 25, "a page is no overflow page", 41),
        (Kind::Berkeley, big, bucket + 8, "a page has the number of another", 30),
    ] {
        bytes[at] = !bytes[at];
        let mut names = BTreeSet::new();
        let passed = each(kind, &bytes, 1 << 20, |_, blob| {
            names.insert(Header::parse(blob).unwrap().package().unwrap().name.to_owned());
        });
        assert_eq!(passed.malformed, BTreeMap::from([(what, 1)]));
        assert!((least..42).contains(&names.len()) && !names.contains(&b"hozen-17"[..]), "{what}: {}", names.len());
    }
}

proptest::proptest! {
    #[test]
    fn any_change_of_a_database_is_read_to_an_end(
        changes in proptest::collection::vec((0..4096_usize, 0..60_usize, 0..=255_u8), 1..40),
    ) {
        for (_, mut bytes) in databases() {
            for (at, page, byte) in &changes {
                let at = (at + page * 4096) % bytes.len();
                bytes[at] = *byte;
            }
            let _ = hostile::rpm(&bytes);
        }
    }
}
