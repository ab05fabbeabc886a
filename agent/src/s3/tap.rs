//! What the SDK has no field for: the payload's digest that is signed, and the headers of an answer.

use std::sync::{Arc, Mutex};

use aws_runtime::auth::PayloadSigningOverride;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use hozen_collector::model::receipt::Answer;
use hozen_collector::model::{Digest, escape};

/// Bytes of one header that are kept.
const LIMIT: usize = 200;

/// Sits in one request. Clones share what it hears.
#[derive(Debug, Clone)]
pub(super) struct Tap {
    payload: String,
    heard: Arc<Mutex<Option<Answer>>>,
}

impl Tap {
    /// For a request whose body has the digest `sha256`, so that nobody reads the body again to sign it.
    pub(super) fn with_payload(sha256: &Digest) -> Self {
        Self { payload: sha256.to_string(), heard: Arc::default() }
    }

    /// The part of it that only listens, for a request whose body the SDK makes and digests itself.
    pub(super) fn ear(&self) -> Ear {
        Ear(self.clone())
    }

    /// The headers of the answer, if there was one.
    pub(super) fn answer(&self) -> Option<Answer> {
        self.heard.lock().ok().and_then(|heard| heard.clone())
    }
}

/// Listens, and leaves the payload alone.
#[derive(Debug, Clone)]
pub(super) struct Ear(Tap);

impl Intercept for Ear {
    fn name(&self) -> &'static str {
        "HozenEar"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        runtime: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.read_before_deserialization(context, runtime, bag)
    }
}

impl Intercept for Tap {
    fn name(&self) -> &'static str {
        "HozenTap"
    }

    fn modify_before_signing(
        &self,
        _: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        bag.interceptor_state().store_put(PayloadSigningOverride::Precomputed(self.payload.clone()));
        Ok(())
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.response().headers();
        let text =
            |name: &str| headers.get(name).map(|value| escape::bytes(value.as_bytes()).chars().take(LIMIT).collect::<String>());
        let answer = Answer { request_id: text("x-amz-request-id"), id2: text("x-amz-id-2"), date: text("date") };
        if let Ok(mut heard) = self.heard.lock() {
            *heard = Some(answer);
        }
        Ok(())
    }
}
