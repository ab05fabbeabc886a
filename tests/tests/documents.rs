//! The documents of `ssm-documents` and the templates of `packaging/cloudformation`: read by our linter and by cfn-lint, walked
//! against moto, and executed by a shell.

#![expect(clippy::disallowed_methods, clippy::panic, reason = "tests run other people's programs")]

use std::path::PathBuf;
use std::process::Command;

use hozen_tests::agent::Agent;
use hozen_tests::{npm, python};

/// Runs a script of `tests/third-party/documents`, which must succeed.
fn run(test: &str, arguments: &[&str]) {
    run_with(test, arguments, &[]);
}

/// The same with these variables.
fn run_with(test: &str, arguments: &[&str], variables: &[(&str, PathBuf)]) {
    let Some(python) = python::documents(test) else { return };
    let (script, rest) = arguments.split_first().unwrap_or((&"", &[]));
    let mut command = Command::new(python);
    // Shell and Python may be found where everybody has them; nothing of this machine's account may.
    command.env_clear().env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin").env("PYTHONDONTWRITEBYTECODE", "1");
    command.envs(variables.iter().cloned());
    command.arg(python::script("documents").join(script)).args(rest);
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&said));
}

#[test]
fn the_documents_are_sound() {
    run("the_documents_are_sound", &["lint.py"]);
    run("the_documents_are_sound", &["walk.py", "Lint"]);
}

#[test]
fn automations_have_the_shape_that_aws_publishes() {
    let test = "automations_have_the_shape_that_aws_publishes";
    let Some(package) = npm::package(test) else { return };
    run_with(test, &["shapes.py"], &[("LANGUAGE_SERVICE", package)]);
}

#[test]
fn every_way_of_a_response_ends_as_it_was_asked_to() {
    run("every_way_of_a_response_ends_as_it_was_asked_to", &["walk.py", "Respond"]);
}

#[test]
fn bad_input_has_a_clear_end() {
    run("bad_input_has_a_clear_end", &["walk.py", "BadInput", "Release"]);
}

#[test]
fn defects_of_the_orchestrator_are_not_ours() {
    run("defects_of_the_orchestrator_are_not_ours", &["walk.py", "Orchestrator"]);
}

#[test]
fn a_builder_of_modules_ends_whatever_becomes_of_it() {
    run("a_builder_of_modules_ends_whatever_becomes_of_it", &["factory.py"]);
}

#[test]
fn the_stacks_deploy_and_answer_every_finding() {
    run("the_stacks_deploy_and_answer_every_finding", &["stacks.py"]);
}

#[test]
fn the_sample_of_a_state_machine_contains_whatever_fails() {
    run("the_sample_of_a_state_machine_contains_whatever_fails", &["machine.py"]);
}

#[test]
fn commands_call_the_program_with_what_they_were_given() {
    let program = Agent::find().program();
    run_with("commands_call_the_program_with_what_they_were_given", &["commands.py"], &[("HOZEN", program)]);
}
