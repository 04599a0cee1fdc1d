//! The sequencer's life: taking over, looking into the inbox, signing in time.

use super::{Failure, Published, Sequencer};
use crate::{
    audit::{
        note::Signer,
        place::{FilePlace, Witness},
    },
    postgres::session::Session,
};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How often the inbox is looked into.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_secs(1);
/// How long to wait after one that somebody must look into.
const LONG_PAUSE: Duration = Duration::from_secs(30);

/// What a sequencer works with.
#[derive(Clone)]
pub struct Settings {
    /// The key that signs.
    pub signer: Signer,
    /// The files that checkpoints are appended to.
    pub files: Vec<FilePlace>,
    /// The witness that is asked.
    pub witness: Option<Witness>,
    /// How soon after new leaves a checkpoint is signed: ten seconds at most.
    pub every: Duration,
    /// How soon one is signed when there are none, as a sign of life.
    pub heartbeat: Duration,
}

/// What a sequencer tells.
#[derive(Debug)]
pub enum Happening<'a> {
    /// It has taken the trail over, of so many leaves.
    TakenOver(u64),
    /// A checkpoint was signed.
    Signed(&'a Published),
    /// It failed, and begins anew.
    Failed(&'a Failure),
}

/// Sequences and signs until it is dropped, on connections that `connect` opens. `renew` gives another
/// one when that in use is to be replaced. After any failure it begins anew from what stands in the
/// database and the places.
pub async fn run<E>(
    connect: &impl AsyncFn() -> Result<Session, E>,
    renew: &impl AsyncFn() -> Option<Session>,
    settings: &Settings,
    tell: &dyn Fn(Happening<'_>),
) {
    loop {
        let pause = match connect().await {
            Ok(session) => {
                let Err(failure) = live(session, renew, settings, tell).await;
                tell(Happening::Failed(&failure));
                match failure {
                    Failure::Database(_) | Failure::Place(_) => PAUSE,
                    Failure::Fenced | Failure::Tampered(_) => LONG_PAUSE,
                }
            }
            // The keeper says itself that its database is away.
            Err(_) => PAUSE,
        };
        tokio::time::sleep(pause).await;
    }
}

async fn live(
    mut session: Session,
    renew: &impl AsyncFn() -> Option<Session>,
    settings: &Settings,
    tell: &dyn Fn(Happening<'_>),
) -> Result<std::convert::Infallible, Failure> {
    let Settings { signer, files, witness, .. } = settings.clone();
    let mut sequencer = Sequencer::take_over(&session, signer, files, witness).await?;
    tell(Happening::TakenOver(sequencer.size()));
    let mut signed_at = None::<Instant>;
    let mut signed_size = None;
    loop {
        sequencer.sequence(&session).await?;
        let age = signed_at.map(|at| at.elapsed());
        let is_due = |limit: Duration| age.is_none_or(|age| age >= limit);
        let has_new = signed_size != Some(sequencer.size());
        if (has_new && is_due(settings.every)) || is_due(settings.heartbeat) {
            signed_at = Some(Instant::now());
            let published = sequencer.checkpoint(&session, now_s()).await?;
            signed_size = Some(published.size);
            tell(Happening::Signed(&published));
        }
        tokio::time::sleep(LOOK_EVERY.min(settings.every)).await;
        if let Some(other) = renew().await {
            session = other;
        }
    }
}

/// Seconds since 1970.
pub(crate) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_secs())
}
