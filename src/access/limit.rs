//! How often somebody may ask: the generic cell rate algorithm, shared by all threads.
//!
//! What it remembers is bounded. When more callers come at a time than it remembers, strangers share
//! places among themselves, so that a flood of new addresses costs the flood and not the memory.

use super::Caller;
use crate::config::RateLimit;
use governor::{
    NotUntil, Quota, RateLimiter,
    clock::{Clock, DefaultClock, Reference},
    middleware::StateInformationMiddleware,
    state::keyed::DashMapStateStore,
};
use std::{
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    num::NonZeroU32,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

/// How many requests pass between two looks at how much is remembered.
const LOOK_EVERY: u64 = 256;
/// Places that strangers share when there are too many of them.
const SHARED_PLACES: u64 = 1024;

/// Who is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
enum By {
    Address,
    Caller,
    Claim(String),
}

/// A caller, for the count.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Counted {
    Nowhere,
    V4(u32),
    /// The first 64 bits: what one household or machine is given.
    V6(u64),
    Named(Box<str>),
    Shared(u64),
}

type Cells =
    RateLimiter<Counted, DashMapStateStore<Counted>, DefaultClock, StateInformationMiddleware>;

/// A limit with its count.
pub struct Limiter {
    name: String,
    by: By,
    burst: u32,
    per_s: u64,
    requests: u32,
    remembered: usize,
    cells: Cells,
    clock: DefaultClock,
    seen: AtomicU64,
    crowded: AtomicBool,
    hasher: RandomState,
}

/// What a limit says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// Whether the request may go on.
    pub allowed: bool,
    /// How many more may come now.
    pub remaining: u32,
    /// When there will be more, in seconds: until one may come when none may now, else until as many
    /// as ever.
    pub reset_s: u64,
}

impl Limiter {
    /// The limit that a manifest describes under `name`.
    pub fn new(name: &str, settings: &RateLimit) -> Self {
        let by = match settings.by.as_str() {
            "caller" => By::Caller,
            other => match other.strip_prefix("claim:") {
                Some(claim) => By::Claim(claim.to_owned()),
                None => By::Address,
            },
        };
        let burst = NonZeroU32::new(settings.burst).unwrap_or(NonZeroU32::MIN);
        let each = settings.per / settings.requests.max(1);
        let each = each.max(Duration::from_nanos(1));
        let quota = Quota::with_period(each).unwrap_or(Quota::per_second(NonZeroU32::MIN));
        let cells = RateLimiter::dashmap(quota.allow_burst(burst));
        Self {
            name: name.to_owned(),
            by,
            burst: settings.burst,
            per_s: settings.per.as_secs(),
            requests: settings.requests,
            remembered: settings.remembered,
            cells: cells.with_middleware(),
            clock: DefaultClock::default(),
            seen: AtomicU64::new(0),
            crowded: AtomicBool::new(false),
            hasher: RandomState::new(),
        }
    }

    /// What the manifest calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it needs to know who asks, or the address alone.
    pub fn counts_callers(&self) -> bool {
        self.by != By::Address
    }

    /// Counts a request of `caller` from `address`.
    pub fn count(&self, address: Option<IpAddr>, caller: &Caller) -> Count {
        let counted = self.place(self.counted(address, caller));
        match self.cells.check_key(&counted) {
            Ok(snapshot) => {
                let remaining = snapshot.remaining_burst_capacity();
                let used = u64::from(self.burst.saturating_sub(remaining));
                let reset_s =
                    used.saturating_mul(self.per_s).div_ceil(u64::from(self.requests.max(1)));
                Count { allowed: true, remaining, reset_s }
            }
            Err(until) => Count { allowed: false, remaining: 0, reset_s: self.wait_s(&until) },
        }
    }

    fn wait_s<P: Reference>(&self, until: &NotUntil<P>) -> u64
    where
        DefaultClock: Clock<Instant = P>,
    {
        let wait = until.wait_time_from(self.clock.now());
        wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
    }

    fn counted(&self, address: Option<IpAddr>, caller: &Caller) -> Counted {
        let named = match &self.by {
            By::Address => None,
            By::Caller => caller.account(),
            By::Claim(name) => {
                caller.claims().and_then(|it| it.find(name)).map(ToString::to_string)
            }
        };
        match (named, address.map(|address| address.to_canonical())) {
            (Some(named), _) => Counted::Named(named.into()),
            (None, Some(IpAddr::V4(address))) => Counted::V4(address.to_bits()),
            (None, Some(IpAddr::V6(address))) => {
                Counted::V6(u64::try_from(address.to_bits() >> 64).unwrap_or_default())
            }
            (None, None) => Counted::Nowhere,
        }
    }

    /// Where the count of a caller is kept: their own place, or a shared one while it is crowded.
    fn place(&self, counted: Counted) -> Counted {
        if self.seen.fetch_add(1, Ordering::Relaxed).is_multiple_of(LOOK_EVERY) {
            self.look();
        }
        if self.crowded.load(Ordering::Relaxed) {
            return Counted::Shared(self.hasher.hash_one(&counted) % SHARED_PLACES);
        }
        counted
    }

    /// Forgets those who may do all again, when there are many; and sees whether that helped.
    fn look(&self) {
        if self.cells.len() > self.remembered {
            self.cells.retain_recent();
        }
        self.crowded.store(self.cells.len() > self.remembered, Ordering::Relaxed);
    }

    /// The member of `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10 §3).
    pub fn policy(&self) -> String {
        format!("\"{}\";q={};w={}", self.name, self.requests, self.per_s)
    }

    /// The member of `RateLimit` (§4 of the same).
    pub fn state(&self, count: Count) -> String {
        format!("\"{}\";r={};t={}", self.name, count.remaining, count.reset_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{ApiKey, Claims};
    use std::sync::Arc;

    fn limiter(requests: u32, by: &str, remembered: usize) -> Limiter {
        let per = Duration::from_hours(1);
        let settings = RateLimit {
            requests,
            per,
            burst: requests,
            by: by.into(),
            everywhere: true,
            remembered,
        };
        Limiter::new("default", &settings)
    }

    fn at(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn requests_are_counted_and_refused() {
        let limiter = limiter(3, "address", 1000);
        let mut left = Vec::new();
        for _ in 0..5 {
            let count = limiter.count(Some(at("192.0.2.1")), &Caller::Anonymous);
            left.push((count.allowed, count.remaining));
        }
        assert_eq!(left, [(true, 2), (true, 1), (true, 0), (false, 0), (false, 0)]);
        let refused = limiter.count(Some(at("192.0.2.1")), &Caller::Anonymous);
        assert!((1195..=1200).contains(&refused.reset_s), "{refused:?}");
        assert!(limiter.count(Some(at("192.0.2.2")), &Caller::Anonymous).allowed);
        assert_eq!(limiter.policy(), "\"default\";q=3;w=3600");
    }

    #[test]
    fn an_ipv6_network_is_one_caller() {
        let limiter = limiter(2, "address", 1000);
        assert!(limiter.count(Some(at("2001:db8::1")), &Caller::Anonymous).allowed);
        assert!(limiter.count(Some(at("2001:db8::ffff:2")), &Caller::Anonymous).allowed);
        assert!(!limiter.count(Some(at("2001:db8::3")), &Caller::Anonymous).allowed);
        assert!(limiter.count(Some(at("2001:db8:0:1::3")), &Caller::Anonymous).allowed);
        assert!(limiter.count(Some(at("::ffff:192.0.2.1")), &Caller::Anonymous).allowed);
        assert_eq!(limiter.count(Some(at("192.0.2.1")), &Caller::Anonymous).remaining, 0);
    }

    #[test]
    fn callers_and_claims_are_counted_wherever_they_are() {
        let holder = |name: &str, tenant: &str| {
            let claims = serde_json::json!({ "tenant": tenant });
            Caller::Key(Arc::new(ApiKey {
                name: name.into(),
                scopes: Vec::new(),
                not_before: None,
                expires: None,
                claims: Claims::from(claims.as_object().unwrap().clone()),
                role: None,
            }))
        };
        let by_caller = limiter(1, "caller", 1000);
        assert!(by_caller.count(Some(at("1.1.1.1")), &holder("a", "t")).allowed);
        assert!(!by_caller.count(Some(at("2.2.2.2")), &holder("a", "t")).allowed);
        assert!(by_caller.count(Some(at("1.1.1.1")), &holder("b", "t")).allowed);
        assert!(by_caller.count(Some(at("1.1.1.1")), &Caller::Anonymous).allowed);
        assert!(!by_caller.count(Some(at("1.1.1.1")), &Caller::Anonymous).allowed);
        let by_claim = limiter(1, "claim:tenant", 1000);
        assert!(by_claim.count(Some(at("1.1.1.1")), &holder("a", "t")).allowed);
        assert!(!by_claim.count(Some(at("1.1.1.1")), &holder("b", "t")).allowed);
        assert!(by_claim.count(Some(at("1.1.1.1")), &holder("b", "u")).allowed);
    }

    #[test]
    fn a_flood_of_addresses_does_not_grow_it_for_ever() {
        let limiter = limiter(10, "address", 100);
        for number in 0..50_000_u32 {
            limiter.count(Some(IpAddr::V4(number.into())), &Caller::Anonymous);
        }
        let bound = 100 + usize::try_from(LOOK_EVERY + SHARED_PLACES).unwrap();
        assert!(limiter.cells.len() <= bound, "{}", limiter.cells.len());
    }

    #[test]
    fn threads_share_the_count() {
        let limiter = limiter(100, "address", 1000);
        let allowed: u32 = std::thread::scope(|scope| {
            let count = || {
                (0..50)
                    .filter(|_| limiter.count(Some(at("1.1.1.1")), &Caller::Anonymous).allowed)
                    .count()
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(count)).collect();
            threads.into_iter().map(|it| u32::try_from(it.join().unwrap()).unwrap()).sum()
        });
        assert_eq!(allowed, 100);
    }
}
