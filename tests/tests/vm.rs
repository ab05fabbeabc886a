//! Real kernels: what only a host with loadable modules, `/proc/kcore` and lockdown shows.

use hozen_tests::agent::Agent;
use hozen_tests::vm::{Guest, Lab};

#[test]
fn smoke() {
    let Some(lab) = Lab::find("smoke") else { return };
    let start = std::time::Instant::now();
    let guest = Guest::new(&lab).program(&Agent::find().program());
    let mut machine = guest.boot("uname -a; cat /proc/uptime; hozen collect --case VM-1 --profile volatile --to /out/evidence; echo code $?; cat /proc/uptime; du -sh /out; read x; echo got $x");
    machine.await_text("code ");
    println!("{:?}", start.elapsed());
    let mut m = machine.monitor();
    m.stop(); m.save_memory(0, 256<<20, std::path::Path::new("/tmp/wt/labscratch/pmem")); m.go_on();
    machine.type_line("hello");
    let ended = machine.end();
    println!("{} {:?} {:?}", ended.console, ended.exit, start.elapsed());
    Agent::find().verify(&ended.out.join("evidence")).assert_code(0);
    std::fs::create_dir_all("/tmp/wt/labscratch/e").unwrap();
    std::process::Command::new("cp").arg("-rT").arg(&ended.out).arg("/tmp/wt/labscratch/e").status().unwrap();
}
