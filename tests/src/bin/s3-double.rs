//! `s3-double [OPTION…]`: the strict double of S3 (`hozen_tests::s3`), started by hand or from a shell. It listens on 127.0.0.1 and prints
//! one line of JSON with its URL.
//!
//! - `--bucket SPEC`, `--key SPEC`, `--fault SPEC`: see `hozen_tests::s3::spec`; each can be given more than once. Without them there is a
//!   bucket `evidence` with Object Lock, and a key that may do everything.
//! - `--kms-key ID`: a key of KMS that objects can be encrypted with.
//! - `--port N`, `--region REGION`, `--certificate CHAIN.pem KEY.pem` (then it speaks TLS).
//! - `--keep BYTES`: longer bodies are hashed and thrown away.
//! - `--replay same-version|precondition-failed|no-such-upload`: the answer to a CompleteMultipartUpload that was answered before.
//! - `--skew SECONDS`: its clock is so far ahead.
//! - `--detached`: it ends on SIGTERM only, and not when its stdin closes.
//!
//! At its end it prints a second line: how many requests there were, which faults fired, and what clients asked for that it does not know.
//! If there was any of that, its exit code is 1.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use hozen_tests::aws::access::Key;
use hozen_tests::aws::cloud::{Cloud, KeyState};
use hozen_tests::life::{self, Failure, Life};
use hozen_tests::s3::{Bucket, Options, Replay, S3Double, spec};
use hozen_tests::serve::{Rule, Tls};
use serde_json::json;

fn main() -> ExitCode {
    life::report("s3-double", s3_double())
}

#[derive(Default)]
struct Wishes {
    options: Options,
    buckets: Vec<Bucket>,
    keys: Vec<Key>,
    rules: Vec<Rule>,
    kms_keys: Vec<String>,
    skew: i64,
    is_detached: bool,
}

impl Wishes {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut wishes = Self::default();
        while let Some(option) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{option} needs a value"));
            match option.as_str() {
                "--bucket" => wishes.buckets.push(spec::bucket(&value()?)?),
                "--key" => wishes.keys.push(spec::key(&value()?)?),
                "--fault" => wishes.rules.push(spec::rule(&value()?)?),
                "--kms-key" => wishes.kms_keys.push(value()?),
                "--port" => wishes.options.port = value()?.parse()?,
                "--region" => wishes.options.region = value()?,
                "--keep" => wishes.options.keep = value()?.parse()?,
                "--skew" => wishes.skew = value()?.parse()?,
                "--replay" => wishes.options.replay = replay(&value()?)?,
                "--certificate" => wishes.options.tls = Some(Tls::from_pem(&PathBuf::from(value()?), &PathBuf::from(value()?))),
                "--detached" => wishes.is_detached = true,
                _ => return Err(format!("{option} is no option").into()),
            }
        }
        if wishes.buckets.is_empty() {
            wishes.buckets.push(Bucket::new("evidence").locked(None).in_region(&wishes.options.region));
        }
        if wishes.keys.is_empty() {
            wishes.keys.push(Key::mighty("AKIAHOZENDOUBLE", "the-secret-of-the-double"));
        }
        Ok(wishes)
    }
}

fn replay(text: &str) -> Result<Replay, Failure> {
    match text {
        "same-version" => Ok(Replay::SameVersion),
        "precondition-failed" => Ok(Replay::PreconditionFailed),
        "no-such-upload" => Ok(Replay::NoSuchUpload),
        _ => Err(format!("{text} is no replay").into()),
    }
}

fn s3_double() -> Result<(), Failure> {
    let wishes = Wishes::read(std::env::args().skip(1))?;
    let life = Life::begin()?;
    let cloud = Cloud::new();
    cloud.shift_clock(wishes.skew);
    for id in &wishes.kms_keys {
        cloud.set_kms_key(id, KeyState::Enabled);
    }
    let double = start(&cloud, &wishes);
    if wishes.is_detached {
        life.wait_for_signal()?;
    } else {
        life.wait()?;
    }
    let complaints = double.take_complaints();
    let fired: Vec<_> =
        double.fired().into_iter().map(|fired| json!([fired.index, fired.operation, format!("{:?}", fired.fault)])).collect();
    life::say(&json!({"requests": double.requests(), "fired": fired, "complaints": complaints}).to_string())?;
    if complaints.is_empty() { Ok(()) } else { Err("clients asked for what it does not know".into()) }
}

fn start(cloud: &Arc<Cloud>, wishes: &Wishes) -> S3Double {
    let double = S3Double::start(cloud, wishes.options.clone());
    let names: Vec<String> = wishes.buckets.iter().map(|bucket| bucket.name.clone()).collect();
    let keys: Vec<_> = wishes.keys.iter().map(|key| json!({"id": key.id, "secret": key.secret, "token": key.token})).collect();
    wishes.buckets.iter().cloned().for_each(|bucket| double.add_bucket(bucket));
    wishes.keys.iter().cloned().for_each(|key| cloud.add_key(key));
    for rule in &wishes.rules {
        double.inject(rule.clone());
    }
    let line = json!({"url": double.url(), "region": wishes.options.region, "buckets": names, "keys": keys});
    // Nobody who started it can go on without the line.
    life::say(&line.to_string()).map_or_else(|_| std::process::abort(), |()| double)
}
