//! A sink on another machine: what its store does is tried until it has come to pass, or the time is
//! over.
//!
//! A store reads with the version of what it has, and writes over that version alone. So a write may
//! be tried again whenever nobody knows what became of it: when it had come to pass, the next look
//! finds that, and when another writer was faster, the next look judges what that one has written.

use super::{Failure, Later, Sink, is_news};
use crate::credential::Credential;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often it is tried.
const TRIES: u32 = 5;
/// The first pause between two tries; each is twice the one before.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest pause that a server may ask for and get.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// No try begins later than this.
const LIMIT: Duration = Duration::from_secs(10);

/// What a store holds.
pub(super) struct Held {
    /// The credential, none, or why what is there is none.
    pub(super) credential: Result<Option<Credential>, &'static str>,
    /// Which version of the store that is; nothing when there never was one.
    pub(super) version: Option<String>,
}

/// Why a store did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It holds another version by now.
    Conflict,
    /// It did not happen and may be tried again, after this time at the earliest.
    Passing(String, Option<Duration>),
    /// It did not happen, and trying again would not help.
    Refused(String),
    /// It may have happened: there was no answer, or one that leaves it open.
    Unsure(String),
}

/// Where a credential is kept on another machine.
pub(super) trait Store {
    /// What it is, for messages.
    fn name(&self) -> String;

    /// What it holds now.
    async fn read(&self) -> Result<Held, Trouble>;

    /// Puts `credential` in the place of the version `over`, and of no other.
    async fn write(&self, credential: &Credential, over: Option<&str>) -> Result<(), Trouble>;
}

/// A store as a sink.
pub(super) struct Remote<S>(pub(super) S);

/// Why an attempt has not come to its end.
enum Stop {
    Failure(Failure),
    Trouble(Trouble),
}

impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

impl<S: Store> Remote<S> {
    async fn load(&self) -> Result<Option<Credential>, Failure> {
        let mut tries = Tries::begin();
        loop {
            match self.0.read().await {
                Ok(held) => return judged(held.credential),
                Err(Trouble::Refused(why)) => return Err(Failure::Refused(why)),
                // Of a look it does not matter whether it happened.
                Err(trouble) => tries.pause(trouble).await.map_err(Failure::Refused)?,
            }
        }
    }

    async fn store(&self, credential: &Credential) -> Result<(), Failure> {
        let mut tries = Tries::begin();
        // Whether it may have got there in spite of what is told.
        let mut is_open = false;
        let failure = loop {
            match self.attempt(credential, &mut is_open).await {
                Ok(()) => return Ok(()),
                Err(Stop::Failure(failure)) => break failure,
                Err(Stop::Trouble(Trouble::Refused(why))) => break Failure::Refused(why),
                Err(Stop::Trouble(trouble)) => {
                    if let Err(why) = tries.pause(trouble).await {
                        break Failure::Refused(why);
                    }
                }
            }
        };
        Err(match failure {
            Failure::Refused(why) if is_open => Failure::Unsure(why),
            failure => failure,
        })
    }

    /// Looks, writes, and looks again.
    async fn attempt(&self, credential: &Credential, is_open: &mut bool) -> Result<(), Stop> {
        let Some(over) = self.over(credential).await? else { return Ok(()) };
        let written = self.0.write(credential, over.as_deref()).await;
        *is_open |= matches!(written, Ok(()) | Err(Trouble::Unsure(_)));
        written?;
        match self.over(credential).await? {
            None => Ok(()),
            Some(_) => {
                let why = "it has taken the credential and gives back an earlier one";
                Err(Trouble::Passing(why.to_owned(), None).into())
            }
        }
    }

    /// The version that `credential` is to be written over; nothing when it is there already.
    async fn over(&self, credential: &Credential) -> Result<Option<Option<String>>, Stop> {
        let held = self.0.read().await?;
        let has = judged(held.credential).map_err(Stop::Failure)?;
        let is_news = is_news(has.as_ref(), credential).map_err(Stop::Failure)?;
        Ok(is_news.then_some(held.version))
    }
}

fn judged(held: Result<Option<Credential>, &'static str>) -> Result<Option<Credential>, Failure> {
    held.map_err(|why| Failure::Refused(format!("what is there is no credential: {why}")))
}

impl<S: Store> Sink for Remote<S> {
    fn name(&self) -> String {
        self.0.name()
    }

    fn read(&self) -> Later<'_, Result<Option<Credential>, Failure>> {
        Box::pin(self.load())
    }

    fn publish<'a>(&'a self, credential: &'a Credential) -> Later<'a, Result<(), Failure>> {
        Box::pin(self.store(credential))
    }
}

/// How often it was tried, and since when.
struct Tries {
    begun: Instant,
    count: u32,
}

impl Tries {
    fn begin() -> Self {
        Self { begun: Instant::now(), count: 1 }
    }

    /// Waits before the next try; gives why there is none.
    async fn pause(&mut self, trouble: Trouble) -> Result<(), String> {
        let (why, asked) = match trouble {
            Trouble::Conflict => ("other writers are faster each time".to_owned(), None),
            Trouble::Passing(why, asked) => (why, asked),
            Trouble::Refused(why) | Trouble::Unsure(why) => (why, None),
        };
        // A part of it at random, so that two keepers do not meet each time.
        let pause = (PAUSE * (1 << (self.count - 1))).mul_f64(0.5 + fastrand::f64() / 2.0);
        let pause = pause.max(asked.unwrap_or_default()).min(LONGEST_PAUSE);
        if self.count == TRIES || self.begun.elapsed() + pause > LIMIT {
            return Err(format!("{why} ({} tries)", self.count));
        }
        self.count += 1;
        sleep(pause).await;
        Ok(())
    }
}
