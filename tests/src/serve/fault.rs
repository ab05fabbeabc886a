//! What goes wrong, when, and how often it did.

use std::time::Duration;

/// What goes wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The body is read, nothing is done, and the answer is this status and error code.
    Refuse(u16, &'static str),
    /// The connection is reset after so many bytes of the request's body have been read (0: none of it); nothing is done.
    /// A body that is shorter is read to its end.
    ResetAfter(u64),
    /// Neither reads nor answers for so long (`None`: for ever); then goes on as if nothing had been.
    Stall(Option<Duration>),
    /// Reads so many bytes of the request's body (fewer, if there are no more), and then neither reads on nor answers, ever.
    StallAfter(u64),
    /// Does what was asked, and answers only after so long (`None`: never).
    Late(Option<Duration>),
    /// Does what was asked, sends the first so many bytes of the response (counted from its status line) and closes the connection.
    Truncate(u64),
    /// Does what was asked and closes the connection without an answer.
    DropAfterCommit,
    /// Does nothing and answers with status 200 and an error as body: of S3 itself only CompleteMultipartUpload does that, of what
    /// stands before S3 anything may. Only where the service knows such answers.
    ErrorIn200(&'static str),
    /// Does what was asked, and states another checksum. Only where the answer states one.
    WrongEcho,
    /// One bit of the body has changed on its way here. Only where there is a body.
    FlipBit,
}

impl Fault {
    /// Too many requests.
    pub const SLOW_DOWN: Self = Self::Refuse(503, "SlowDown");
    /// The service has a problem.
    pub const INTERNAL_ERROR: Self = Self::Refuse(500, "InternalError");
    /// The session is over.
    pub const EXPIRED_TOKEN: Self = Self::Refuse(400, "ExpiredToken");
    /// The clocks differ by more than 15 minutes.
    pub const SKEWED: Self = Self::Refuse(403, "RequestTimeTooSkewed");
    /// Another write to the same key was on its way.
    pub const CONFLICT: Self = Self::Refuse(409, "ConditionalRequestConflict");
}

/// A fault and the requests that it shall meet.
#[derive(Debug, Clone)]
pub struct Rule {
    fault: Fault,
    at: At,
    times: u64,
    onwards: bool,
}

#[derive(Debug, Clone)]
enum At {
    Request(u64),
    From(u64),
    Operation { name: String, skip: u64 },
    Every,
}

impl Rule {
    fn new(fault: Fault, at: At) -> Self {
        Self { fault, at, times: 1, onwards: false }
    }

    /// Meets the request with this number, counted from 0 since the start of the double.
    #[must_use]
    pub fn at(index: u64, fault: Fault) -> Self {
        Self::new(fault, At::Request(index))
    }

    /// Meets every request from the one with this number on.
    #[must_use]
    pub fn from(index: u64, fault: Fault) -> Self {
        Self::new(fault, At::From(index)).always()
    }

    /// Meets the next request for this operation, once.
    #[must_use]
    pub fn on(operation: &str, fault: Fault) -> Self {
        Self::new(fault, At::Operation { name: operation.to_owned(), skip: 0 })
    }

    /// Meets the next request, once.
    #[must_use]
    pub fn next(fault: Fault) -> Self {
        Self::new(fault, At::Every)
    }

    /// Lets so many requests for the operation pass first.
    #[must_use]
    pub fn after(mut self, requests: u64) -> Self {
        if let At::Operation { skip, .. } = &mut self.at {
            *skip = requests;
        }
        self
    }

    /// So many times.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = times;
        self
    }

    /// Every time, until the rules are cleared.
    #[must_use]
    pub fn always(self) -> Self {
        self.times(u64::MAX)
    }

    /// Once it has met a request, it meets every one.
    #[must_use]
    pub fn onwards(mut self) -> Self {
        self.onwards = true;
        self.always()
    }

    fn meets(&mut self, index: u64, operation: &str) -> bool {
        let met = self.meets_this(index, operation);
        if met && self.onwards {
            self.at = At::Every;
        }
        met
    }

    fn meets_this(&mut self, index: u64, operation: &str) -> bool {
        match &mut self.at {
            At::Request(wanted) => *wanted == index && self.times > 0,
            At::From(first) => *first <= index && self.times > 0,
            At::Every => self.times > 0,
            At::Operation { name, .. } if name != operation => false,
            At::Operation { skip: 0, .. } => self.times > 0,
            At::Operation { skip, .. } => {
                *skip -= 1;
                false
            }
        }
    }
}

/// Names a rule that was given to a double.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleId(usize);

/// A fault that met a request.
#[derive(Debug, Clone)]
pub struct Fired {
    /// By which rule.
    pub rule: RuleId,
    /// The number of the request.
    pub index: u64,
    /// Its operation.
    pub operation: String,
    /// What went wrong.
    pub fault: Fault,
}

/// The rules of a double and what they have done.
#[derive(Debug, Default)]
pub(super) struct Plan {
    rules: Vec<Rule>,
    pub(super) fired: Vec<Fired>,
}

impl Plan {
    pub(super) fn add(&mut self, rule: Rule) -> RuleId {
        self.rules.push(rule);
        RuleId(self.rules.len() - 1)
    }

    /// No rule fires any more. What has fired stays counted.
    pub(super) fn clear(&mut self) {
        for rule in &mut self.rules {
            rule.times = 0;
        }
    }

    /// Takes one use of the first rule that meets this request.
    pub(super) fn choose(&mut self, index: u64, operation: &str) -> Option<(RuleId, Fault)> {
        let at = self.rules.iter_mut().position(|rule| rule.meets(index, operation))?;
        let rule = self.rules.get_mut(at)?;
        rule.times = if rule.times == u64::MAX { u64::MAX } else { rule.times - 1 };
        Some((RuleId(at), rule.fault.clone()))
    }

    /// Gives a use back: the fault did not apply to the request.
    pub(super) fn give_back(&mut self, id: RuleId) {
        if let Some(rule) = self.rules.get_mut(id.0) {
            rule.times = rule.times.saturating_add(1);
        }
    }

    pub(super) fn fire(&mut self, rule: RuleId, index: u64, operation: &str, fault: Fault) {
        self.fired.push(Fired { rule, index, operation: operation.to_owned(), fault });
    }
}
