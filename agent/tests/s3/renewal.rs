//! Credentials that end in the middle of an object: the bucket refuses them from then on, and the rest goes by those that followed.

use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use hozen::aws::Network;
use hozen::aws::credentials::{self, Found};
use hozen::aws::options::{ImdsChoice, NetworkArgs};
use hozen::s3::{Opening, S3Sink};
use hozen_collector::host::{Clock, Host};
use hozen_collector::model::Digest;
use hozen_collector::sink::{Cause, EvidenceSink as _};
use hozen_tests::aws::access::{Key, WRITE_ONLY};
use hozen_tests::aws::cloud::REGION;
use hozen_tests::aws::identity::Signer;
use hozen_tests::aws::imds::{self, ImdsDouble};
use hozen_tests::aws::ssm::{self, SsmDouble};
use hozen_tests::serve::{Entry, Fault, Rule};
use serde_json::json;

use super::support::{BUCKET, PART, Place, mixed, store};

/// The parameter.
const PARAMETER: &str = "/hozen/upload";
/// What credentials say of their end, in seconds from now: so near that the SDK asks for them anew at each request.
const SOON: Duration = Duration::from_secs(2);

/// A bucket, and who gives credentials for it.
struct Givers {
    place: Place,
    imds: ImdsDouble,
    ssm: SsmDouble,
}

impl Givers {
    fn new() -> Self {
        let place = Place::new();
        let (imds, ssm) = (imds::start(&place.cloud, &Signer::new()), ssm::start(&place.cloud));
        Self { place, imds, ssm }
    }

    /// A session that the bucket takes.
    fn session(&self, id: &str) -> Key {
        let key = Key::new(id, &format!("secret-of-{id}"), WRITE_ONLY).session(&format!("token-of-{id}"), None);
        self.place.cloud.add_key(key.clone());
        key
    }

    /// The bucket takes it no more.
    fn end(&self, key: &Key) {
        let over = self.place.cloud.now() - Duration::from_secs(60);
        self.place.cloud.add_key(key.clone().session(key.token.as_deref().unwrap(), Some(over)));
    }

    /// The role's credentials are these.
    fn set_role(&self, key: &Key) {
        let soon = self.place.cloud.now() + SOON;
        self.imds.service().set_role("collector", &key.clone().session(key.token.as_deref().unwrap(), Some(soon)));
    }

    /// The parameter holds these, and says when they end or does not.
    fn set_parameter(&self, key: &Key, end: Option<Duration>) {
        let soon = end.map(|end| (self.place.cloud.now() + end).strftime("%FT%TZ").to_string());
        let triple = json!({"AccessKeyId": key.id, "SecretAccessKey": key.secret, "SessionToken": key.token, "Expiration": soon});
        self.ssm.service().api().set(PARAMETER, "SecureString", &triple.to_string());
    }

    /// Waits until the bucket has a part.
    fn await_first_part(&self) {
        let is_taken = |entry: &Entry| entry.operation == "UploadPart" && entry.status == Some(200);
        let came = (0..24_000).any(|_| {
            std::thread::sleep(Duration::from_millis(5));
            self.place.double.journal().iter().any(is_taken)
        });
        assert!(came, "the first part never came");
    }

    /// A sink that goes by the credentials of `source`, or by those alone that are given.
    fn sink(&self, source: &str, fixed: Option<&Key>) -> S3Sink {
        let url = |url: String| Some(url.parse().unwrap());
        let way = NetworkArgs {
            endpoint_url: url(self.place.double.url()),
            ssm_endpoint_url: url(self.ssm.url()),
            region: Some(REGION.to_owned()),
            path_style: true,
            imds_endpoint: Some(ImdsChoice::At(self.imds.url())),
            credentials: Some(source.parse().unwrap()),
            ..NetworkArgs::default()
        };
        let empty = tempfile::tempdir().unwrap();
        std::fs::create_dir(empty.path().join("proc")).unwrap();
        let network = Arc::new(Network::open(way, &Host::fixture(empty.path()).unwrap()).unwrap());
        let credentials = fixed.map_or_else(|| credentials::find(&network).unwrap(), only);
        let (place, clock, hurried) = (format!("s3://{BUCKET}/run").parse().unwrap(), Clock::start(), Arc::new(|| false));
        let (options, timing) = (self.place.options.clone(), self.place.timing);
        S3Sink::open(Opening { network, credentials, place, options, timing, clock, hurried }).unwrap()
    }
}

fn only(key: &Key) -> Found {
    let credentials = Credentials::new(&key.id, &key.secret, key.token.clone(), None, "test");
    Found { provider: SharedCredentialsProvider::new(credentials), record: json!({"source": "test"}) }
}

/// The id of the key that signed a request.
fn signer(entry: &Entry) -> String {
    let header = entry.head.header("authorization").unwrap_or_default();
    header.split_once("Credential=").and_then(|(_, rest)| rest.split('/').next()).unwrap_or_default().to_owned()
}

/// Stores an object of four parts; after its first part has been taken, `first` is at its end and `renew` has been called. Gives how often
/// the bucket had to say so.
fn stores_across_the_end_of(givers: &Givers, first: &Key, source: &str, renew: impl FnOnce()) -> usize {
    let (sink, bytes) = (givers.sink(source, None), mixed(3 * PART + 9));
    assert_eq!(sink.describe()["credentials"]["renewed"], true);
    let mut object = sink.create(&"image".parse().unwrap()).unwrap();
    object.part(&bytes[..=PART]).unwrap();
    givers.await_first_part();
    let before = givers.place.double.requests();
    givers.end(first);
    renew();
    object.part(&bytes[PART + 1..]).unwrap();
    object.finish(bytes.len() as u64, &Digest::of(&bytes)).unwrap();
    assert!(givers.place.content("image").unwrap() == bytes);
    let journal = givers.place.double.journal();
    let (old, new) = journal.split_at(before);
    assert!(old.iter().all(|entry| signer(entry) == first.id), "{old:#?}");
    let (refused, taken): (Vec<_>, Vec<_>) = new.iter().partition(|entry| signer(entry) == first.id);
    assert!(refused.iter().all(|entry| entry.status == Some(400)), "{refused:#?}");
    assert!(taken.len() >= 4 && taken.iter().all(|entry| signer(entry) == "ASIASECOND"), "{taken:#?}");
    // Those that ended would not have done.
    let alone = store(&givers.sink(source, Some(first)), "another", b"").unwrap_err().cause;
    assert!(matches!(&alone, Cause::Refused(text) if text.contains("ExpiredToken")), "{alone:?}");
    refused.len()
}

#[test]
fn the_role_of_the_instance_is_asked_again_before_its_credentials_end() {
    let givers = Givers::new();
    let (first, second) = (givers.session("ASIAFIRST"), givers.session("ASIASECOND"));
    givers.set_role(&first);
    assert_eq!(stores_across_the_end_of(&givers, &first, "instance-role", || givers.set_role(&second)), 0);
}

#[test]
fn a_parameter_is_read_again_before_its_credentials_end_or_when_they_have() {
    for (end, refusals) in [(Some(SOON), 0..=0), (None, 1..=3)] {
        let givers = Givers::new();
        let (first, second) = (givers.session("ASIAFIRST"), givers.session("ASIASECOND"));
        let reader = Key::new("ASIAREADER", "secret-of-a-reader", &["ssm:GetParameter", "kms:Decrypt"]).session("token", None);
        givers.place.cloud.add_key(reader.clone());
        givers.imds.service().set_role("collector", &reader);
        givers.set_parameter(&first, end);
        let renew = || givers.set_parameter(&second, end);
        let refused = stores_across_the_end_of(&givers, &first, &format!("ssm:{PARAMETER}"), renew);
        assert!(refusals.contains(&refused), "{refused}");
    }
}

#[test]
fn a_session_that_ends_in_an_outage_is_followed_by_another() {
    let mut givers = Givers::new();
    // One request after the other, so that the one that was tried again and again is the one that is told of the end.
    givers.place.options.parallel = 1;
    let (first, second) = (givers.session("ASIAFIRST"), givers.session("ASIASECOND"));
    let reader = Key::new("ASIAREADER", "secret-of-a-reader", &["ssm:GetParameter", "kms:Decrypt"]).session("token", None);
    givers.place.cloud.add_key(reader.clone());
    givers.imds.service().set_role("collector", &reader);
    givers.set_parameter(&first, None);
    let (sink, bytes) = (givers.sink(&format!("ssm:{PARAMETER}"), None), mixed(3 * PART + 9));
    let mut object = sink.create(&"image".parse().unwrap()).unwrap();
    object.part(&bytes[..=PART]).unwrap();
    givers.await_first_part();
    let rule = givers.place.double.inject(Rule::on("UploadPart", Fault::SLOW_DOWN).times(12));
    givers.end(&first);
    givers.set_parameter(&second, None);
    object.part(&bytes[PART + 1..]).unwrap();
    object.finish(bytes.len() as u64, &Digest::of(&bytes)).unwrap();
    assert_eq!(givers.place.double.times_fired(rule), 12);
    assert!(givers.place.content("image").unwrap() == bytes);
    let ended = |entry: &Entry| entry.status == Some(400) && signer(entry) == first.id;
    assert!(givers.place.double.journal().iter().any(ended), "nobody said that the session had ended");
}
