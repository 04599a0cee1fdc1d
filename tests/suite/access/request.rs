//! Requests and decisions: what is refused, and that the audit trail has it.

use super::{House, asking, code};
use howdah::{
    approval::store::{self, Ask},
    problem::Code,
};
use std::time::Duration;

#[tokio::test]
async fn a_request_is_approved_by_enough_other_people() {
    let house = House::new().await;
    let request = house.ask("ann", &asking()).await.unwrap();
    assert_eq!(house.state(&request).await, "pending");
    assert_eq!(house.activate(&request).await.err(), Some(Code::NotApproved));
    house.decide("bob", &request, true).await.unwrap();
    assert_eq!(house.state(&request).await, "pending");
    assert_eq!(house.decide("bob", &request, true).await, Err(Code::AlreadyDecided));
    house.decide("cyd", &request, true).await.unwrap();
    assert_eq!(house.state(&request).await, "approved");
    assert_eq!(house.decide("dan", &request, false).await, Err(Code::WrongState));
    let told = house.told().await;
    let of_request: Vec<_> = told.iter().filter(|it| !it.starts_with("principal")).collect();
    assert_eq!(
        of_request,
        [
            "policy.changed done",
            "request.made done",
            "grant.activating refused not-approved",
            "request.approve done",
            "request.approve refused already-decided",
            "request.approve done",
            "request.deny refused wrong-state",
        ]
    );
}

#[tokio::test]
async fn each_bad_request_is_refused_with_its_own_code_and_told() {
    let house = House::new().await;
    let gone = house.policy();
    let gone = howdah::approval::policy::Policy {
        name: "gone".to_owned(),
        profile: "no_such_role".to_owned(),
        ..gone
    };
    let strong = howdah::approval::policy::Policy {
        name: "strong".to_owned(),
        profile: "postgres".to_owned(),
        break_glass: None,
        ..gone.clone()
    };
    house.set(&[house.policy(), gone, strong]).await;
    let named = |policy: &str| Ask { policy: policy.to_owned(), ..asking() };
    let long = Ask { ttl: Duration::from_hours(5), ..asking() };
    let nothing = Ask { ttl: Duration::ZERO, ..asking() };
    let emergency = Ask { break_glass: true, ..asking() };
    let bad = [
        ("ann", named("nobody-wrote-it"), Code::PolicyUnknown),
        ("ann", named("gone"), Code::RoleUnknown),
        ("ann", named("strong"), Code::RoleTooPowerful),
        ("eve", asking(), Code::NotEligible),
        ("ann", long, Code::DurationTooLong),
        ("ann", nothing, Code::DurationTooLong),
        ("ann", emergency, Code::DurationTooLong),
        ("ann", Ask { break_glass: true, ..named("strong") }, Code::NoBreakGlass),
    ];
    for (name, ask, code) in bad {
        assert_eq!(house.ask(name, &ask).await, Err(code), "{ask:?}");
        assert_eq!(
            house.told().await.last().unwrap(),
            &format!("request.{} refused {}", "made", code.slug())
        );
    }
    house.ask("ann", &asking()).await.unwrap();
    let request = house.ask("ann", &asking()).await.unwrap();
    assert_eq!(house.ask("ann", &asking()).await, Err(Code::TooManyPending));
    // Others have their own count; and one's own requests are for others.
    let bobs = house.ask("bob", &asking()).await.unwrap();
    assert_eq!(house.decide("bob", &bobs, true).await, Err(Code::SelfApproval));
    assert_eq!(house.decide("bob", &bobs, false).await, Err(Code::SelfApproval));
    assert_eq!(house.decide("eve", &request, true).await, Err(Code::NotAnApprover));
    assert_eq!(house.decide_on("bob", &request, true, &[7; 32]).await, Err(Code::RequestEdited));
    let withdrawn = store::withdraw(&house.desk, house.who("bob"), &request).await;
    assert_eq!(code(withdrawn), Err(Code::NotYours));
    let unknown = "00000000-0000-0000-0000-000000000000";
    assert_eq!(house.decide_on("bob", unknown, true, &[7; 32]).await, Err(Code::RequestUnknown));
    assert_eq!(house.told().await.last().unwrap(), "request.approve refused request-unknown");
}

#[tokio::test]
async fn an_edit_voids_what_was_decided() {
    let house = House::new().await;
    let request = house.approved(Duration::from_hours(1)).await;
    let before = house.digest(&request).await;
    let edit = store::edit(
        &house.desk,
        house.who("ann"),
        &request,
        Duration::from_hours(2),
        "two hours, rather",
    );
    code(edit.await).unwrap();
    assert_eq!(house.state(&request).await, "pending");
    assert_eq!(house.show(&request).await["approvals"], 0);
    assert_eq!(house.activate(&request).await.err(), Some(Code::NotApproved));
    // Who read it before has not read it now.
    let stale = house.decide_on("bob", &request, true, &before).await;
    assert_eq!(stale, Err(Code::RequestEdited));
    house.decide("bob", &request, true).await.unwrap();
    house.decide("dan", &request, true).await.unwrap();
    assert_eq!(house.state(&request).await, "approved");
    let edit = store::edit(&house.desk, house.who("bob"), &request, Duration::from_hours(1), "x");
    assert_eq!(code(edit.await), Err(Code::NotYours));
}

#[tokio::test]
async fn one_denial_is_enough_and_a_request_can_be_withdrawn() {
    let house = House::new().await;
    let request = house.ask("ann", &asking()).await.unwrap();
    house.decide("bob", &request, false).await.unwrap();
    assert_eq!(house.state(&request).await, "denied");
    assert_eq!(house.decide("cyd", &request, true).await, Err(Code::WrongState));
    let request = house.approved(Duration::from_hours(1)).await;
    code(store::withdraw(&house.desk, house.who("ann"), &request).await).unwrap();
    assert_eq!(house.activate(&request).await.err(), Some(Code::WrongState));
}

#[tokio::test]
async fn a_request_lapses() {
    let house = House::new().await;
    let short = Duration::from_millis(400);
    house.set(&[howdah::approval::policy::Policy { lapse_after: short, ..house.policy() }]).await;
    let pending = house.ask("ann", &asking()).await.unwrap();
    let approved = house.approved(Duration::from_hours(1)).await;
    tokio::time::sleep(Duration::from_millis(450)).await;
    assert_eq!(house.decide("bob", &pending, true).await, Err(Code::RequestLapsed));
    assert_eq!(house.activate(&approved).await.err(), Some(Code::RequestLapsed));
    assert_eq!(house.state(&pending).await, "lapsed");
    assert_eq!(house.state(&approved).await, "lapsed");
    let told = house.told().await;
    assert_eq!(told.iter().filter(|it| *it == "request.lapsed done").count(), 2);
    // What has lapsed does not count among the open ones.
    house.ask("ann", &asking()).await.unwrap();
    house.ask("ann", &asking()).await.unwrap();
}

#[tokio::test]
async fn eligibility_is_checked_again_when_the_login_is_made() {
    let house = House::new().await;
    let request = house.approved(Duration::from_hours(1)).await;
    let groups = ["intern".to_owned()];
    store::enter(&house.desk, "local", "cyd", &groups).await.unwrap();
    assert_eq!(house.activate(&request).await.err(), Some(Code::ApproverNotEligible));
    store::enter(&house.desk, "local", "cyd", &["dba".to_owned()]).await.unwrap();
    store::enter(&house.desk, "local", "ann", &groups).await.unwrap();
    assert_eq!(house.activate(&request).await.err(), Some(Code::NotEligible));
    store::enter(&house.desk, "local", "ann", &["dev".to_owned()]).await.unwrap();
    // Under a policy that has changed nothing is made that was approved under the one before.
    house.set(&[howdah::approval::policy::Policy { approvals: 1, ..house.policy() }]).await;
    assert_eq!(house.activate(&request).await.err(), Some(Code::PolicyChanged));
}

#[tokio::test]
async fn policies_have_versions() {
    let house = House::new().await;
    assert_eq!(house.set(&[house.policy()]).await, 0);
    let other = howdah::approval::policy::Policy { max_pending: 9, ..house.policy() };
    assert_eq!(house.set(std::slice::from_ref(&other)).await, 1);
    assert_eq!(house.set(&[other]).await, 0);
    assert_eq!(house.set(&[]).await, 1);
    assert_eq!(house.ask("ann", &asking()).await, Err(Code::PolicyUnknown));
    assert_eq!(house.set(&[house.policy()]).await, 1);
    house.ask("ann", &asking()).await.unwrap();
}

#[tokio::test]
async fn an_emergency_begins_at_once_and_must_be_reviewed_by_two() {
    let house = House::new().await;
    let quick = Ask { ttl: Duration::from_mins(10), break_glass: true, ..asking() };
    let request = house.ask("ann", &quick).await.unwrap();
    let login = house.activate(&request).await.unwrap();
    assert_eq!(login.profile, house.profile);
    assert!(house.told().await.contains(&"request.break-glass done".to_owned()));
    assert_eq!(house.ask("ann", &asking()).await, Err(Code::ReviewDue));
    assert_eq!(house.ask("ann", &quick).await, Err(Code::ReviewDue));
    let review = async |name: &str| {
        code(store::review(&house.desk, house.who(name), &request).await).map(drop)
    };
    assert_eq!(review("ann").await, Err(Code::SelfApproval));
    assert_eq!(review("eve").await, Err(Code::NotAnApprover));
    review("bob").await.unwrap();
    assert_eq!(review("bob").await, Err(Code::AlreadyDecided));
    assert_eq!(house.ask("ann", &asking()).await, Err(Code::ReviewDue));
    review("dan").await.unwrap();
    house.ask("ann", &asking()).await.unwrap();
}

#[tokio::test]
async fn tokens_are_known_by_their_hash_until_they_end() {
    let house = House::new().await;
    let token = store::new_token().unwrap();
    let groups = ["dba".to_owned()];
    let hour = Duration::from_hours(1);
    assert!(store::make_token(&house.keeper, &token, "fay", &groups, hour).await.unwrap());
    let known = code(store::use_token(&house.desk, &token).await).unwrap();
    assert_eq!((known.subject.as_str(), &known.groups[..]), ("fay", &groups[..]));
    let forged = howdah::secret::Secret::new(format!("{}x", token.expose()));
    assert_eq!(code(store::use_token(&house.desk, &forged).await), Err(Code::TokenInvalid));
    assert_eq!(store::revoke_tokens(&house.keeper, "fay").await.unwrap(), 1);
    assert_eq!(code(store::use_token(&house.desk, &token).await), Err(Code::TokenEnded));
    let short = store::new_token().unwrap();
    let moment = Duration::from_millis(1);
    store::make_token(&house.keeper, &short, "fay", &groups, moment).await.unwrap();
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(code(store::use_token(&house.desk, &short).await), Err(Code::TokenEnded));
    let dump = house.database.psql("SELECT * FROM howdah.access_token, howdah.audit_inbox");
    let everything = format!("{dump:?}");
    assert!(!everything.contains(token.expose()) && !everything.contains(short.expose()));
    assert!(house.told().await.contains(&"sign-in refused token-ended".to_owned()));
}
