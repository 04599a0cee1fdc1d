//! What must hold in every world that can be reached, and that the checker can tell.

use super::{LAST, Mistake, Phase, Protocol, World};
use stateright::{Checker, HasDiscoveries, Model, Property};

/// Every promise.
pub(super) fn all() -> Vec<Property<Protocol>> {
    vec![
        Property::always("1 the published credential signs in", |_, world: &World| {
            world.restored || mending(world) || world.signs_in(&world.sink)
        }),
        Property::always("1 the service's credential signs in", |_, world: &World| {
            world.restored || mending(world) || world.signs_in(&world.serve)
        }),
        Property::always("2 no generation decreases", |_, world: &World| {
            world.sink.issue.generation == world.sink_highest
                && (world.restored || world.database.state.highest() >= world.sink_highest)
        }),
        Property::always("3 two logins at most, one when idle", |_, world: &World| {
            let idle = world.database.state.phase() == Phase::Idle;
            world.database.enabled.len() <= if idle { 1 } else { 2 }
        }),
        Property::always("4 nothing is retired that is needed", |_, world: &World| {
            let state = &world.database.state;
            state.phase() != Phase::Retired
                || world.sink.issue == *state.current()
                    && world.serve.issue.generation >= state.current().generation
        }),
        Property::always("5 no statement holds a password", |_, world: &World| !world.leaked),
        Property::always("6 each transition has one entry", |_, world: &World| {
            world.database.entries_over == 0
        }),
        Property::always("7 no object belongs to a login", |_, world: &World| !world.login_owns),
        Property::sometimes("a rotation ends", |_, world: &World| {
            world.database.state.phase() == Phase::Idle
                && world.database.state.current().generation == LAST
        }),
        Property::sometimes("a restore is mended", |_, world: &World| {
            world.sink.issue.generation > LAST && world.signs_in(&world.serve)
        }),
    ]
}

/// Whether a generation that mends a restore is on its way: what was published before it cannot
/// sign in until it is published.
fn mending(world: &World) -> bool {
    world.database.state.current().generation > LAST
        || world.sink.issue.generation > world.database.state.current().generation
}

#[test]
fn the_protocol_keeps_its_promises_in_every_interleaving() {
    let checker = Protocol(Mistake::None).checker().threads(2).spawn_bfs().join();
    checker.assert_properties();
    assert!(checker.is_done());
    assert!(checker.unique_state_count() > 10_000, "{}", checker.unique_state_count());
}

#[test]
fn each_seeded_mistake_is_found() {
    for (mistake, breaks) in [
        (Mistake::RetiresUnadopted, "4 nothing is retired that is needed"),
        (Mistake::TakesUnsureForRefused, "1 the published credential signs in"),
        (Mistake::ComparesNothing, "1 the published credential signs in"),
        (Mistake::AbortsTheWayBack, "1 the service's credential signs in"),
        (Mistake::SinkTakesAnything, "2 no generation decreases"),
        (Mistake::RetiresNothing, "3 two logins at most, one when idle"),
        (Mistake::SendsThePassword, "5 no statement holds a password"),
        (Mistake::WritesTheEntryApart, "6 each transition has one entry"),
        (Mistake::ForgetsAnEntry, "6 each transition has one entry"),
        (Mistake::VerifiesTheLoginAlone, "7 no object belongs to a login"),
    ] {
        let checker =
            Protocol(mistake).checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
        let found = checker.discoveries();
        assert!(found.contains_key(breaks), "{mistake:?}: {:?}", found.keys());
    }
}
