//! Against a database that rpm 4.18 made: `./fixture.sh DATABASE`, which is kept as `zstd -19` makes it small, and what rpm says of it.

use std::collections::BTreeSet;
use std::convert::Infallible;

use super::header::{CONFIG, GHOST, Header};
use super::sqlite::{Database, Value};

const DATABASE: &[u8] = include_bytes!("fixture.sqlite.zst");
/// Of `rpm -qa` and `rpm -q --dump hozen-main`.
const LISTED: &str = include_str!("fixture.txt");

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

#[test]
fn rpm_lists_the_same() {
    let bytes = zstd::decode_all(DATABASE).unwrap();
    let mut database = Database::open(bytes.as_slice(), u64::try_from(bytes.len()).unwrap()).unwrap();
    let root = database.root("Packages").unwrap().unwrap();
    let mut found = BTreeSet::new();
    let mut longest = 0;
    let passed = database.rows(root, 1 << 20, &mut |row| {
        let Some(Value::Blob(blob)) = row.column(1) else { panic!("no blob") };
        assert_eq!(row.column(0), Some(Value::Null));
        longest = longest.max(blob.len());
        let header = Header::parse(blob).unwrap();
        for (n, line) in lines(header).into_iter().enumerate() {
            found.insert((n > 0, line));
        }
        Ok::<_, Infallible>(())
    });
    assert_eq!((passed, longest > 4 * 4096), (Ok(0), true));
    let listed: Vec<_> = LISTED.lines().collect();
    assert_eq!(found.len(), listed.len());
    for ((file, line), listed) in found.iter().zip(listed) {
        let listed: Vec<_> = listed.split(' ').collect();
        // Path, size, time, digest, mode, owners, whether it is configuration, and more.
        let listed = if *file { vec![listed[0], listed[3], listed[7]] } else { listed };
        assert_eq!(*line, listed.join(" "));
    }
    let few = database.rows(root, 1000, &mut |_| Ok::<_, Infallible>(()));
    assert_eq!(few, Ok(42));
}
