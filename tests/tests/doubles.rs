//! The doubles themselves: each fault has the effect that it says and is counted, and what is thrown away is still known.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests of tests")]

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use hozen_tests::aws::access::Key;
use hozen_tests::aws::client::{Asked, Heard, ask};
use hozen_tests::aws::cloud::Cloud;
use hozen_tests::s3::checksum::base64;
use hozen_tests::s3::{Algorithm, Bucket, Options, Replay, S3Double};
use hozen_tests::serve::{Fault, Outage, Rule};

/// Generous where an answer must come.
const LONG: Duration = Duration::from_secs(60);
/// Enough where none may come.
const SHORT: Duration = Duration::from_millis(300);

struct Bench {
    cloud: Arc<Cloud>,
    double: S3Double,
    key: Key,
}

impl Bench {
    fn new(options: Options) -> Self {
        let cloud = Cloud::new();
        let key = Key::mighty("AKIABENCH", "secret");
        cloud.add_key(key.clone());
        let double = S3Double::start(&cloud, options);
        double.add_bucket(Bucket::new("evidence").versioned());
        Self { cloud, double, key }
    }

    fn ask(&self, asked: &Asked<'_>) -> Heard {
        ask(self.double.address(), &self.cloud, &self.key, asked, LONG).unwrap()
    }

    fn put(&self, key: &str, body: &[u8]) -> Heard {
        self.ask(&put(&format!("/evidence/{key}"), body))
    }

    fn exists(&self, key: &str) -> bool {
        self.double.object("evidence", key).is_some()
    }

    fn fired(&self) -> Vec<Fault> {
        self.double.fired().into_iter().map(|fired| fired.fault).collect()
    }

    /// An upload with one part, and what completes it.
    fn upload(&self, key: &str) -> Upload {
        let path = format!("/evidence/{key}");
        let asked = Asked {
            method: "POST",
            path: &path,
            query: "uploads=",
            headers: &[("x-amz-checksum-algorithm", "SHA256")],
            body: b"",
        };
        let id = self.ask(&asked).element("UploadId").unwrap();
        let sum = base64(&Algorithm::Sha256.of(b"part"));
        let query = format!("partNumber=1&uploadId={id}");
        let part = self.ask(&Asked {
            method: "PUT",
            path: &path,
            query: &query,
            headers: &[("x-amz-checksum-sha256", &sum)],
            body: b"part",
        });
        let etag = part.header("etag").unwrap();
        let body = format!(
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag><ChecksumSHA256>{sum}</ChecksumSHA256></Part></CompleteMultipartUpload>"
        );
        Upload { path, query: format!("uploadId={id}"), body }
    }

    fn complete(&self, upload: &Upload) -> Heard {
        let headers = [("if-none-match", "*")];
        let (path, query, body) = (&upload.path, &upload.query, upload.body.as_bytes());
        self.ask(&Asked { method: "POST", path, query, headers: &headers, body })
    }
}

struct Upload {
    path: String,
    query: String,
    body: String,
}

fn put<'a>(path: &'a str, body: &'a [u8]) -> Asked<'a> {
    Asked { method: "PUT", path, query: "", headers: &[], body }
}

#[test]
fn a_refusal_has_status_code_and_ids_and_does_nothing() {
    let bench = Bench::new(Options::default());
    for (fault, status, code) in [
        (Fault::SLOW_DOWN, 503, "SlowDown"),
        (Fault::INTERNAL_ERROR, 500, "InternalError"),
        (Fault::EXPIRED_TOKEN, 400, "ExpiredToken"),
        (Fault::SKEWED, 403, "RequestTimeTooSkewed"),
        (Fault::CONFLICT, 409, "ConditionalRequestConflict"),
    ] {
        let rule = bench.double.inject(Rule::next(fault));
        let heard = bench.put("a", &[7; 100_000]);
        assert_eq!((heard.status(), heard.element("Code").as_deref()), (Some(status), Some(code)));
        assert_eq!(heard.element("RequestId"), heard.header("x-amz-request-id"));
        assert_eq!(bench.double.times_fired(rule), 1);
        assert!(!bench.exists("a"));
    }
    assert_eq!(bench.put("a", b"x").status(), Some(200));
}

#[test]
fn a_reset_comes_before_or_within_the_body() {
    let bench = Bench::new(Options::default());
    for bytes in [0, 100_000] {
        bench.double.inject(Rule::on("PutObject", Fault::ResetAfter(bytes)));
        let heard = bench.put("a", &[7; 4_000_000]);
        assert!(heard.bytes.is_empty());
        assert!(matches!(heard.end, Err(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)), "{:?}", heard.end);
    }
    let read: Vec<u64> = bench.double.journal().iter().map(|entry| entry.length).collect();
    assert_eq!(read.first(), Some(&0));
    assert!(read.get(1).is_some_and(|length| (100_000..4_000_000).contains(length)), "{read:?}");
    assert_eq!(bench.fired(), [Fault::ResetAfter(0), Fault::ResetAfter(100_000)]);
    assert!(!bench.exists("a"));
}

#[test]
fn silence_comes_before_or_after_the_deed() {
    let bench = Bench::new(Options::default());
    for (fault, key) in [(Fault::Stall(None), "stalled"), (Fault::Late(None), "late")] {
        bench.double.inject(Rule::next(fault));
        let path = format!("/evidence/{key}");
        let heard = ask(bench.double.address(), &bench.cloud, &bench.key, &put(&path, b"x"), SHORT).unwrap();
        assert!(heard.bytes.is_empty());
        assert_eq!(heard.end, Err(ErrorKind::WouldBlock));
    }
    // It counts the second when the deed is done.
    while bench.fired().len() < 2 {}
    assert!(!bench.exists("stalled") && bench.exists("late"));
    bench.double.inject(Rule::next(Fault::Stall(Some(Duration::from_millis(1)))));
    bench.double.inject(Rule::next(Fault::Late(Some(Duration::from_millis(1)))));
    assert_eq!((bench.put("b", b"x").status(), bench.put("c", b"x").status()), (Some(200), Some(200)));
    assert_eq!(bench.fired().len(), 4);
}

#[test]
fn an_answer_is_cut_or_lost_after_the_deed() {
    let bench = Bench::new(Options::default());
    bench.double.inject(Rule::next(Fault::Truncate(40)));
    let heard = bench.put("cut", b"x");
    assert_eq!(heard.bytes.len(), 40);
    assert!(heard.text().starts_with("HTTP/1.1 200 OK"));
    bench.double.inject(Rule::next(Fault::DropAfterCommit));
    assert!(bench.put("lost", b"x").bytes.is_empty());
    assert!(bench.exists("cut") && bench.exists("lost"));
    assert_eq!(bench.fired(), [Fault::Truncate(40), Fault::DropAfterCommit]);
    assert_eq!(bench.double.journal().last().unwrap().status, None);
}

#[test]
fn an_error_in_a_200_comes_instead_of_the_deed() {
    let bench = Bench::new(Options::default());
    let rule = bench.double.inject(Rule::on("CompleteMultipartUpload", Fault::ErrorIn200("InternalError")));
    let upload = bench.upload("a");
    assert_eq!(bench.double.times_fired(rule), 0);
    let heard = bench.complete(&upload);
    assert_eq!((heard.status(), heard.element("Code").as_deref()), (Some(200), Some("InternalError")));
    assert_eq!(bench.double.times_fired(rule), 1);
    assert!(!bench.exists("a"));
    assert_eq!(bench.complete(&upload).element("ChecksumType").as_deref(), Some("COMPOSITE"));
}

#[test]
fn an_echo_is_wrong_in_headers_and_in_elements() {
    let bench = Bench::new(Options::default());
    let rule = bench.double.inject(Rule::next(Fault::WrongEcho).times(2));
    let sum = base64(&Algorithm::Sha256.of(b"x"));
    let asked = Asked { headers: &[("x-amz-checksum-sha256", &sum)], ..put("/evidence/a", b"x") };
    let echo = bench.ask(&asked).header("x-amz-checksum-sha256").unwrap();
    assert_ne!(echo, sum);
    assert_eq!(echo.get(1..), sum.get(1..));
    bench.double.clear_rules();
    let upload = bench.upload("b");
    let second = bench.double.inject(Rule::on("CompleteMultipartUpload", Fault::WrongEcho));
    let said = bench.complete(&upload).element("ChecksumSHA256").unwrap();
    assert_eq!((bench.double.times_fired(rule), bench.double.times_fired(second)), (1, 1));
    assert_ne!(said, bench.double.object("evidence", "b").unwrap().checksum.unwrap().value);
}

#[test]
fn a_flipped_bit_is_noticed() {
    let bench = Bench::new(Options::default());
    bench.double.inject(Rule::next(Fault::FlipBit));
    assert_eq!(bench.put("a", b"xyz").element("Code").as_deref(), Some("XAmzContentSHA256Mismatch"));
    assert_eq!(bench.fired(), [Fault::FlipBit]);
    assert!(!bench.exists("a"));
}

#[test]
fn rules_meet_numbers_and_operations() {
    let bench = Bench::new(Options::default());
    bench.double.inject(Rule::at(1, Fault::SLOW_DOWN));
    bench.double.inject(Rule::on("PutObject", Fault::INTERNAL_ERROR).after(3).times(2));
    let status: Vec<Option<u16>> = (0..7).map(|_| bench.put("a", b"x").status()).collect();
    assert_eq!(status, [200, 503, 200, 200, 500, 500, 200].map(Some));
    let always = bench.double.inject(Rule::on("PutObject", Fault::SLOW_DOWN).always());
    assert_eq!([bench.put("a", b"x").status(), bench.put("a", b"x").status()], [Some(503); 2]);
    bench.double.clear_rules();
    assert_eq!(bench.put("a", b"x").status(), Some(200));
    assert_eq!(bench.double.times_fired(always), 2);
    assert_eq!(bench.double.fired().iter().map(|fired| fired.index).collect::<Vec<_>>(), [1, 4, 5, 7, 8]);
}

#[test]
fn nobody_answers_during_an_outage() {
    let bench = Bench::new(Options::default());
    let asked = put("/evidence/a", b"x");
    let try_it = || ask(bench.double.address(), &bench.cloud, &bench.key, &asked, SHORT);
    for outage in [Outage::Refuse, Outage::Reset, Outage::Hang] {
        bench.double.set_outage(Some(outage));
        // The double learns of it on another thread.
        while try_it().is_ok_and(|heard| heard.status() == Some(200)) {}
        let heard = try_it();
        match outage {
            Outage::Refuse => assert_eq!(heard.unwrap_err().kind(), ErrorKind::ConnectionRefused),
            Outage::Reset => assert!(heard.is_err() || heard.is_ok_and(|heard| heard.bytes.is_empty() && heard.end.is_err())),
            Outage::Hang => assert_eq!(heard.unwrap().end, Err(ErrorKind::WouldBlock)),
        }
        bench.double.set_outage(None);
        while !try_it().is_ok_and(|heard| heard.status() == Some(200)) {}
    }
}

#[test]
fn a_completed_upload_is_answered_as_told() {
    for (replay, status) in [(Replay::SameVersion, 200), (Replay::PreconditionFailed, 412), (Replay::NoSuchUpload, 404)] {
        let bench = Bench::new(Options { replay, ..Options::default() });
        let upload = bench.upload("a");
        let first = bench.complete(&upload);
        assert_eq!(first.status(), Some(200));
        let second = bench.complete(&upload);
        assert_eq!(second.status(), Some(status), "{}", second.text());
        assert_eq!(bench.double.bucket("evidence").unwrap().versions.get("a").unwrap().len(), 1);
        if status == 200 {
            assert_eq!(first.header("x-amz-version-id"), second.header("x-amz-version-id"));
        }
    }
}

#[test]
fn white_space_comes_before_the_result() {
    let whitespace = Some((5, Duration::from_millis(1)));
    let bench = Bench::new(Options { whitespace, ..Options::default() });
    let heard = bench.complete(&bench.upload("a"));
    assert_eq!(heard.header("transfer-encoding").as_deref(), Some("chunked"));
    assert_eq!(heard.text().matches("1\r\n \r\n").count(), 5, "{}", heard.text());
    assert!(heard.element("ETag").is_some());
}

#[test]
fn what_is_thrown_away_is_known_and_costs_nothing() {
    const PART: usize = 16 << 20;
    let bench = Bench::new(Options { keep: 1024, ..Options::default() });
    let path = "/evidence/big";
    let asked = Asked { method: "POST", path, query: "uploads=", headers: &[("x-amz-checksum-algorithm", "SHA256")], body: b"" };
    let id = bench.ask(&asked).element("UploadId").unwrap();
    let mut body = vec![0; PART];
    let mut sums = Vec::new();
    let mut before = 0;
    for number in 1..=32_u8 {
        body.fill(number);
        let sum = base64(&Algorithm::Sha256.of(&body));
        let query = format!("partNumber={number}&uploadId={id}");
        let heard =
            bench.ask(&Asked { method: "PUT", path, query: &query, headers: &[("x-amz-checksum-sha256", &sum)], body: &body });
        assert_eq!(heard.status(), Some(200));
        sums.push((number, heard.header("etag").unwrap(), sum));
        // By then buffers and threads are there.
        if number == 4 {
            before = resident();
        }
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 64 << 20, "512 MiB have cost {grown} bytes of memory");
    let parts: String = sums
        .iter()
        .map(|(number, etag, sum)| {
            format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag><ChecksumSHA256>{sum}</ChecksumSHA256></Part>")
        })
        .collect();
    let body = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
    let done = bench.complete(&Upload { path: path.to_owned(), query: format!("uploadId={id}"), body });
    assert_eq!(done.status(), Some(200), "{}", done.text());
    let version = bench.double.object("evidence", "big").unwrap();
    assert_eq!((version.size, version.content(), version.part_digests().len()), (32 * (16 << 20), None, 32));
    assert_eq!(version.checksum.unwrap().value, done.element("ChecksumSHA256").unwrap());
    let heard = bench.ask(&Asked { method: "GET", path, query: "", headers: &[], body: b"" });
    assert_eq!(heard.status(), Some(501));
    assert_eq!(bench.double.take_complaints().len(), 1);
}

/// Memory of this process in bytes.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

#[test]
fn what_it_does_not_know_it_refuses_and_complains_about() {
    let bench = Bench::new(Options::default());
    for (query, headers) in
        [("tagging=", &[][..]), ("what=1", &[]), ("x-id=GetObject", &[]), ("", &[("x-amz-copy-source", "a/b")])]
    {
        let heard = bench.ask(&Asked { method: "PUT", path: "/evidence/a", query, headers, body: b"" });
        assert_eq!(heard.element("Code").as_deref(), Some("NotImplemented"), "{query}");
        assert_eq!(bench.double.take_complaints().len(), 1);
    }
    assert!(!bench.exists("a"));
}

#[test]
#[should_panic(expected = "the double does not know")]
fn a_complaint_that_nobody_takes_is_a_failed_test() {
    let bench = Bench::new(Options::default());
    bench.ask(&Asked { method: "GET", path: "/evidence", query: "policy=", headers: &[], body: b"" });
}
