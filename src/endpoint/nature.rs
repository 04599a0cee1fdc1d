//! Whether calls of an endpoint may share an execution, and how one execution answers many.
//!
//! Owns which statements that is right for: where it could change what a caller gets, or is not known
//! to be cheap, a statement runs by itself.

use crate::{
    definition::file::{self, ResultShape},
    postgres::{
        batch::{self, Batch, INT8},
        describe::{self, Described, Plan},
        session::Session,
        statement::Prepared,
    },
};
use std::{collections::BTreeSet, sync::Arc};

/// What the planner may think that a call costs that goes with others, in its own unit: an index scan
/// of one row is 8. Those of a batch wait for each other, so each must be small.
const CHEAP: f64 = 60.0;
/// For how many calls the planner plans a batch whose size it does not know (PostgreSQL's
/// `estimate_array_length`).
const PLANNED: f64 = 10.0;
/// By how much a batch may seem dearer than its calls by themselves: sorting and the like.
const TOLERANCE: f64 = 1.5;
/// What taking the arrays apart may cost on top.
const UNNEST: f64 = 5.0;

/// Whether the statement gives the same rows however often it is asked at one moment: it writes and
/// locks nothing, and calls nothing that is `VOLATILE`.
pub(super) fn is_repeatable(plan: Option<&Plan>, volatile: &BTreeSet<String>) -> bool {
    plan.is_some_and(|plan| {
        !plan.writes && !plan.samples && !plan.functions.iter().any(|it| volatile.contains(it))
    })
}

/// The form of a repeatable statement that answers many calls at once. `None` where there is none, or
/// the server does not take it, or plans it so that it costs more than the calls by themselves.
///
/// Only results of one row have it: of several, a caller would have to get them in the order that the
/// statement gives, and the order of a join is nobody's promise.
pub(super) async fn batch(
    session: &Session,
    definition: &file::Endpoint,
    described: &Described,
    plan: &Plan,
    single: &Prepared,
) -> Option<Arc<Batch>> {
    let one_row = matches!(definition.result, ResultShape::Row | ResultShape::Value);
    if !definition.batch || !one_row || described.parameters.is_empty() || plan.cost > CHEAP {
        return None;
    }
    let arrays = describe::array_types(session, &described.parameters).await.ok()??;
    let names: Vec<_> = described.parameters.iter().map(|it| it.server_name.clone()).collect();
    let sql = batch::sql(&definition.statement, &names);
    let form = describe::describe(session, &sql, &[]).await.ok()?;
    let columns: Vec<u32> = form.columns.iter().map(|it| it.described.oid).collect();
    let parameters: Vec<u32> = form.parameters.iter().map(|it| it.oid).collect();
    let expected = [&[INT8], single.columns.as_slice()].concat();
    if columns != expected || parameters != arrays {
        return None;
    }
    let together = describe::plan(session, &sql, &form.parameters).await.ok()??;
    if together.writes
        || together.samples
        || together.cost > plan.cost * PLANNED * TOLERANCE + UNNEST
    {
        return None;
    }
    let statement = Arc::new(Prepared {
        label: single.label.clone(),
        sql,
        parameters,
        columns,
        plan: single.plan,
        ..Prepared::default()
    });
    Some(Arc::new(Batch { statement, elements: single.parameters.clone() }))
}
