//! A package that rpm has built and installed on this machine, as far as one test's thread and its programs see it.

use std::path::Path;
use std::process::Command;

use crate::host::{Mounts, skipped};

/// Where rpm's database lies.
const DATABASE: &str = "/var/lib/rpm";

/// Installs the package `planted` with programs of these names in `/usr/local/bin`, each of which has its name for content; whether rpm could
/// be had. Database and folder are the test's own.
///
/// # Panics
/// When rpm fails.
pub fn plant(test: &str, folder: &Path, mounts: &mut Mounts, programs: &[&str]) -> bool {
    if Command::new("rpmbuild").arg("--version").output().is_err() || !Path::new(DATABASE).is_dir() {
        return skipped(test, "rpm and rpmbuild");
    }
    mounts.tmpfs(Path::new(DATABASE), "16m");
    mounts.tmpfs(Path::new("/usr/local/bin"), "1m");
    let (spec, top) = (folder.join("planted.spec"), folder.join("rpm"));
    std::fs::write(&spec, text(programs)).expect("write the spec");
    let define = |name: &str| format!("{name} {}", top.display());
    let built = Command::new("rpmbuild")
        .args(["-bb", "--quiet", "--define", &define("_topdir"), "--define", &define("_rpmdir")])
        .arg(spec)
        .output();
    assert_fine(built);
    let package = top.join("noarch/planted-1-1.noarch.rpm");
    assert_fine(Command::new("rpm").args(["--dbpath", DATABASE, "-i", "--nodeps"]).arg(package).output());
    true
}

fn text(programs: &[&str]) -> String {
    let head = "Name: planted\nVersion: 1\nRelease: 1\nSummary: x\nLicense: MIT\nBuildArch: noarch\n%description\nx\n%install\n";
    let make = |name: &&str| {
        format!("install -D /dev/null %{{buildroot}}/usr/local/bin/{name}; printf {name} >%{{buildroot}}/usr/local/bin/{name}\n")
    };
    let lists: String = programs.iter().map(|name| format!("%attr(755,root,root) /usr/local/bin/{name}\n")).collect();
    format!("{head}{}%files\n{lists}", programs.iter().map(make).collect::<String>())
}

fn assert_fine(output: std::io::Result<std::process::Output>) {
    let output = output.expect("rpm");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
