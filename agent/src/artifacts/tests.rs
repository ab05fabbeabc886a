use super::*;
use hozen_collector::source::user_files::Wanted;

const SET: &str = "# Ours.
name: Web
doc: What the web server has.
sources:
- type: FILE
  attributes:
    paths:
    - '/srv/www/**2/*.php'
    - '%%users.homedir%%/.htaccess'
    - '/proc/version'
- type: COMMAND
  attributes: {cmd: /usr/sbin/nginx, args: [-T]}
supported_os: [Linux]
---
name: Folders
aliases: [OldFolders]
sources:
- type: PATH
  attributes: {paths: [/srv/www]}
---
name: All
sources:
- type: ARTIFACT_GROUP
  attributes: {names: [OldFolders, All, Nowhere, WindowsOnly]}
---
name: WindowsOnly
sources:
- type: REGISTRY_KEY
  attributes: {keys: ['HKLM\\x']}
supported_os: [Windows]
";

fn laid_out(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        #[expect(clippy::disallowed_methods, reason = "tests lay out files")]
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn read_all(files: &[(&str, &str)], names: &[&str]) -> Result<Vec<user_files::Definition>> {
    let folder = laid_out(files);
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    read(&[folder.path().to_owned()], &names)
}

fn wrong(files: &[(&str, &str)], names: &[&str]) -> String {
    format!("{:#}", read_all(files, names).unwrap_err())
}

fn shown(wanted: &Wanted) -> String {
    match wanted {
        Wanted::Files(patterns) => format!("files {}", patterns.join(" ")),
        Wanted::Listing(patterns) => format!("listing {}", patterns.join(" ")),
        Wanted::Refused(reason) => format!("refused {reason}"),
        Wanted::Elsewhere => "elsewhere".to_owned(),
    }
}

#[test]
fn all_definitions_of_a_folder_are_wanted_and_what_cannot_be_had_says_why() {
    let wanted = read_all(&[("set.yaml", SET), ("README.md", "no: [yaml")], &[]).unwrap();
    let shown: Vec<(&str, String)> = wanted.iter().map(|one| (one.name.as_str(), shown(&one.wanted))).collect();
    assert_eq!(shown[0], ("Web", "files /srv/www/**2/*.php ~/.htaccess".to_owned()));
    assert!(shown[1].1.starts_with("refused /proc, /sys and /dev hold no files"), "{}", shown[1].1);
    assert!(shown[2].1.contains("executes nothing on a host"));
    assert_eq!(shown[3], ("Folders", "listing /srv/www".to_owned()));
    assert_eq!(shown[4], ("WindowsOnly", "elsewhere".to_owned()));
    assert_eq!((shown[5].0, shown.len()), ("Nowhere", 6));
    assert!(shown[5].1.starts_with("refused the group All names it"));
    assert!(wanted.iter().all(|one| one.file.ends_with("/set.yaml") && one.file_sha256 == Digest::of(SET.as_bytes())));
}

#[test]
fn names_choose_and_groups_bring_their_members() {
    let names = |names: &[&str]| -> Vec<String> {
        read_all(&[("set.yml", SET)], names).unwrap().into_iter().map(|one| one.name).collect()
    };
    assert_eq!(names(&["Folders"]), ["Folders"]);
    assert_eq!(names(&["OldFolders"]), ["Folders"]);
    assert_eq!(names(&["All"]), ["Folders", "WindowsOnly", "Nowhere"]);
    let error = wrong(&[("set.yaml", SET)], &["folder"]);
    assert_eq!(error, "--definitions names \"folder\", which no file of --artifacts holds; there are Folders, OldFolders");
    assert!(read(&[], &["A".to_owned()]).unwrap_err().to_string().contains("give --artifacts FILE"));
    assert!(read(&[], &[]).unwrap().is_empty());
}

#[test]
fn a_file_that_is_wrong_is_refused_with_its_name_and_place() {
    let two = "name: A\nsources: [{type: FILE, attributes: {paths: [/a]}}]\n";
    assert!(wrong(&[("a.yaml", two), ("b.yaml", two)], &[]).contains("/a.yaml and again in "));
    let error = wrong(&[("a.yaml", "name: A\nsources: [x\n")], &[]);
    assert!(error.contains("/a.yaml is no YAML that definitions take: line 3, column 1"), "{error}");
    let error = wrong(&[("a.yaml", "name: A\n")], &[]);
    assert!(error.contains("/a.yaml is wrong: definition A, line 1: it has no list of sources"), "{error}");
    let windows = "name: W\nsources: [{type: WMI, attributes: {query: x}}]\n";
    assert!(wrong(&[("a.yaml", windows)], &[]).contains("nothing in the files of --artifacts is for Linux"));
    assert!(wrong(&[("a.txt", two)], &[]).contains("holds no definitions (*.yaml)"));
    assert!(format!("{:#}", read(&["/nowhere/x.yaml".into()], &[]).unwrap_err()).contains("/nowhere/x.yaml"));
}

#[test]
fn a_file_that_is_too_large_or_no_text_or_no_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = std::fs::File::create_new(folder.path().join("large.yaml")).unwrap();
    file.set_len(1 << 40).unwrap();
    assert!(read(&[folder.path().join("large.yaml")], &[]).unwrap_err().to_string().contains("has more than 4 MiB"));
    let fifo = folder.path().join("fifo.yaml");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert!(read(&[fifo], &[]).unwrap_err().to_string().contains("cannot open"));
    let bytes = folder.path().join("bytes.yaml");
    #[expect(clippy::disallowed_methods, reason = "tests lay out files")]
    std::fs::write(&bytes, b"name: \xff").unwrap();
    assert!(read(&[bytes], &[]).unwrap_err().to_string().contains("not UTF-8 from byte 6"));
}
