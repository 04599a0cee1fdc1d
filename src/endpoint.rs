//! An endpoint: a definition that PostgreSQL has typed.
//!
//! Owns what joins an endpoint file to the server's answer: parameters with types, columns with
//! their layout, and every diagnostic that the two together give. Does not own the file format
//! (`definition`), nor running (`lane`).

mod audit;
pub mod bulk;
mod nature;
mod need;
pub mod page;
mod repeat;
mod sink;
mod stream;
mod typing;

pub use sink::AnswerSink;
pub use stream::{Limits as StreamLimits, RowStream};
pub use typing::prepare;

use crate::{
    definition::{
        file::{self, ResultShape},
        parameter::Typed,
        route::Method,
    },
    encode::Layouts,
    name::Identifier,
    postgres::{describe::Column, statement::Prepared},
    value::Argument,
};
use std::sync::Arc;

/// An endpoint that can run.
pub struct Endpoint {
    /// Its file.
    pub definition: Arc<file::Endpoint>,
    /// Its statement, as connections prepare it.
    pub statement: Arc<Prepared>,
    /// Its parameters, in the order they are declared.
    pub parameters: Vec<Typed>,
    /// For `$1`, `$2`, …: the index of the parameter.
    pub order: Vec<usize>,
    /// The columns of its result.
    pub columns: Vec<Column>,
    /// How its rows are written, in each medium.
    pub layouts: Layouts,
    /// The lane it runs on.
    pub lane: Identifier,
    /// How its rows are given page by page, when they are.
    pub paging: Option<page::Paging>,
}

impl Endpoint {
    /// The arguments of `$1`, `$2`, … from those of the parameters in their declared order.
    pub fn bind(&self, arguments: &[Argument]) -> Vec<Argument> {
        self.order.iter().map(|index| arguments[*index].clone()).collect()
    }

    /// Its statements, which have no places yet.
    pub fn statements(&mut self) -> impl Iterator<Item = &mut Arc<Prepared>> {
        let after = self.paging.as_mut().map(|paging| &mut paging.after);
        std::iter::once(&mut self.statement).chain(after)
    }

    /// The most rows that its answer may have; 1 where it answers with one thing.
    pub fn max_rows(&self) -> u64 {
        match self.definition.result {
            ResultShape::Rows => u64::from(self.definition.max_rows),
            ResultShape::Row | ResultShape::Value => 1,
            ResultShape::None => u64::MAX,
        }
    }

    /// Whether its rows are streamed: when its file says so, or else when it may give more rows than
    /// an endpoint does that says nothing. Of an audited one they never are.
    pub fn streams(&self) -> bool {
        let may =
            self.definition.method == Method::Get && self.definition.result == ResultShape::Rows;
        let many = self.definition.max_rows > file::DEFAULT_MAX_ROWS;
        may && !self.is_audited() && self.definition.delivery.stream.unwrap_or(many)
    }

    /// Whether its answers are given when their record is in the audit trail.
    pub fn is_audited(&self) -> bool {
        self.definition.audit.is_some()
    }

    /// Whether its answer has no body.
    pub fn answers_nothing(&self) -> bool {
        self.definition.result == ResultShape::None
    }

    /// Whether no row means that there is no such thing.
    pub fn wants_a_row(&self) -> bool {
        matches!(self.definition.result, ResultShape::Row | ResultShape::Value)
    }
}
