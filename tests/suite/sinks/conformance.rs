//! What every sink promises, whatever it is; and what every sink on another machine promises when
//! the way there, or the other machine, fails.

use super::server::{Api, Fault, Kind, Server};
use howdah::{
    credential::Credential,
    rotation::sink::{Failure, Sink},
    secret::Secret,
};
use std::time::Duration;

/// A place that a sink publishes to.
pub(crate) trait Place {
    type Api: Api;
    /// A new sink there, as a keeper that has just begun has it.
    fn sink(&self) -> Box<dyn Sink>;
    /// The credential's text as it lies there.
    fn holds(&self) -> Option<String>;
    /// Puts a text there past every sink.
    fn put(&self, text: &str);
    /// Its server, when it is on another machine.
    fn server(&self) -> Option<&Server<Self::Api>>;
}

const PASSWORD: &str = "hunter2-and-more";

/// A credential of this generation.
pub(crate) fn credential(generation: u64) -> Credential {
    let user = if generation % 2 == 1 { "rates_a" } else { "rates_b" }.to_owned();
    Credential { generation, user, password: Secret::new(format!("{PASSWORD}-{generation}")) }
}

fn held(place: &impl Place) -> Option<Credential> {
    place.holds().map(|text| Credential::parse(text.as_bytes()).expect("a credential, whole"))
}

fn is(place: &impl Place, generation: u64) {
    assert!(held(place) == Some(credential(generation)), "it holds generation {generation}");
}

/// Publishes, and makes sure that no failure says what was published.
pub(crate) async fn publish(sink: &dyn Sink, generation: u64) -> Result<(), Failure> {
    let outcome = sink.publish(&credential(generation)).await;
    if let Err(failure) = &outcome {
        let said = format!("{failure} {failure:?} {}", sink.name());
        assert!(!said.contains(PASSWORD), "{said}");
    }
    outcome
}

fn generation(read: Result<Option<Credential>, Failure>) -> Option<u64> {
    read.unwrap().map(|it| it.generation)
}

/// Every sink, with nothing in the way.
pub(crate) async fn promises<P: Place>(new: impl Fn() -> P) {
    takes_the_higher(&new()).await;
    of_two_writers_one_wins(&new()).await;
    readers_see_one_or_the_other(&new()).await;
    what_is_no_credential_stays(&new()).await;
}

async fn takes_the_higher(place: &impl Place) {
    let sink = place.sink();
    assert_eq!(generation(sink.read().await), None);
    assert_eq!(publish(&*sink, 1).await, Ok(()));
    is(place, 1);
    assert!(sink.read().await == Ok(Some(credential(1))));
    assert_eq!(publish(&*sink, 3).await, Ok(()));
    // Another keeper finds it, and has nothing to do.
    let next = place.sink();
    assert_eq!(publish(&*next, 3).await, Ok(()));
    assert_eq!(publish(&*next, 2).await, Err(Failure::Overtaken(3)));
    let mut other = credential(3);
    other.password = Secret::new("another".to_owned());
    assert_eq!(next.publish(&other).await, Err(Failure::Overtaken(3)));
    is(place, 3);
    assert_eq!(publish(&*sink, 4).await, Ok(()));
    is(place, 4);
}

async fn of_two_writers_one_wins(place: &impl Place) {
    for round in 0..8 {
        let (low, high) = (2 * round + 1, 2 * round + 2);
        let (one, two) = (place.sink(), place.sink());
        let (first, second) = tokio::join!(publish(&*one, high), publish(&*two, low));
        assert_eq!(first, Ok(()), "round {round}");
        assert!(matches!(second, Ok(()) | Err(Failure::Overtaken(_))), "round {round}: {second:?}");
        is(place, high);
    }
}

async fn readers_see_one_or_the_other(place: &impl Place) {
    let (writer, reader) = (place.sink(), place.sink());
    publish(&*writer, 1).await.unwrap();
    let write = async {
        for generation in 2..=12 {
            publish(&*writer, generation).await.unwrap();
        }
    };
    let read = async {
        let mut last = 0;
        while last < 12 {
            let seen = generation(reader.read().await).unwrap();
            assert!(seen >= last, "{seen} after {last}");
            last = seen;
        }
    };
    tokio::join!(write, read);
}

async fn what_is_no_credential_stays(place: &impl Place) {
    place.put(&serde_json::json!({ "user": "rates", "password": PASSWORD }).to_string());
    let (sink, before) = (place.sink(), place.holds());
    let Err(Failure::Refused(why)) = publish(&*sink, 5).await else { panic!("not refused") };
    assert!(why.contains("no credential"), "{why}");
    assert!(matches!(sink.read().await, Err(Failure::Refused(why)) if !why.contains(PASSWORD)));
    assert_eq!(place.holds(), before);
}

/// Every sink on another machine, with something in the way.
pub(crate) async fn promises_when_it_fails<P: Place>(new: impl Fn() -> P) {
    passing_trouble_passes(&new()).await;
    what_is_refused_did_not_happen(&new()).await;
    what_was_taken_is_found(&new()).await;
    what_never_gets_clear_is_unsure(&new()).await;
    old_news_is_not_believed(&new()).await;
}

async fn passing_trouble_passes<P: Place>(place: &P) {
    let (sink, server) = (place.sink(), place.server().unwrap());
    for (step, fault) in [
        Fault::Busy(429, 1),
        Fault::Status(500, "{}"),
        Fault::Status(503, "not JSON"),
        Fault::CutBefore,
    ]
    .into_iter()
    .enumerate()
    {
        let fault: Fault<P::Api> = fault;
        let generation = step as u64 + 1;
        server.fail(Kind::Read, fault.clone());
        server.fail(Kind::Write, fault);
        assert_eq!(publish(&*sink, generation).await, Ok(()), "step {step}");
        assert_eq!(server.waiting(), 0);
        is(place, generation);
    }
}

async fn what_is_refused_did_not_happen(place: &impl Place) {
    let (sink, server) = (place.sink(), place.server().unwrap());
    publish(&*sink, 1).await.unwrap();
    let elsewhere = place.server().unwrap().url();
    for (fault, said) in [
        (Fault::Status(403, "{}"), "403"),
        (Fault::Status(422, "{}"), "422"),
        (Fault::Moved(format!("{elsewhere}/other")), "leads"),
    ] {
        server.calm();
        server.fail(Kind::Write, fault);
        let outcome = publish(&*sink, 2).await;
        assert!(
            matches!(&outcome, Err(Failure::Refused(why)) if why.contains(said)),
            "{outcome:?}"
        );
        assert_eq!((server.waiting(), server.asked(Kind::Write)), (0, 1), "it is asked once");
        is(place, 1);
    }
    // Too busy, each time.
    for _ in 0..20 {
        server.fail(Kind::Write, Fault::Busy(429, 0));
    }
    let outcome = publish(&*sink, 2).await;
    assert!(matches!(&outcome, Err(Failure::Refused(why)) if why.contains("429")), "{outcome:?}");
    server.calm();
    // It cannot even be looked at, so that nothing was written.
    for _ in 0..20 {
        server.fail(Kind::Read, Fault::Status(503, "{}"));
    }
    assert!(matches!(publish(&*sink, 2).await, Err(Failure::Refused(_))));
    server.calm();
    is(place, 1);
    assert_eq!(publish(&*sink, 2).await, Ok(()));
}

async fn what_was_taken_is_found(place: &impl Place) {
    let (sink, server) = (place.sink(), place.server().unwrap());
    publish(&*sink, 1).await.unwrap();
    server.calm();
    // Written, yet unacknowledged: it is looked for, and not written twice.
    server.fail(Kind::Write, Fault::CutAfter);
    assert_eq!(publish(&*sink, 2).await, Ok(()));
    assert_eq!(server.asked(Kind::Write), 1);
    is(place, 2);
    server.calm();
    // Longer than anybody waits.
    server.fail(Kind::Write, Fault::Late(Duration::from_secs(7)));
    assert_eq!(publish(&*sink, 3).await, Ok(()));
    assert_eq!(server.asked(Kind::Write), 1);
    is(place, 3);
}

async fn what_never_gets_clear_is_unsure(place: &impl Place) {
    let (sink, server) = (place.sink(), place.server().unwrap());
    publish(&*sink, 1).await.unwrap();
    // It was taken, and then nobody answers.
    server.fail(Kind::Write, Fault::CutAfter);
    for _ in 0..20 {
        server.fail(Kind::Read, Fault::CutBefore);
    }
    // The first look is before the write.
    let outcome = publish(&*sink, 2).await;
    assert!(matches!(outcome, Err(Failure::Unsure(_))), "{outcome:?}");
    server.calm();
    assert_eq!(publish(&*sink, 2).await, Ok(()));
    for _ in 0..20 {
        server.fail(Kind::Write, Fault::Status(502, "{}"));
    }
    let outcome = publish(&*sink, 3).await;
    assert!(matches!(outcome, Err(Failure::Unsure(_))), "{outcome:?}");
    server.calm();
    is(place, 2);
}

async fn old_news_is_not_believed(place: &impl Place) {
    let (sink, server) = (place.sink(), place.server().unwrap());
    publish(&*sink, 1).await.unwrap();
    publish(&*sink, 2).await.unwrap();
    server.calm();
    // A replica that lags answers the look before the write.
    server.fail(Kind::Read, Fault::Stale);
    assert_eq!(publish(&*sink, 3).await, Ok(()));
    is(place, 3);
}
