//! The key of front matter that says how the server plans a statement.

use crate::{diagnostic::Code, name, table::Item};

/// How the server plans a prepared statement: PostgreSQL's `plan_cache_mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlanMode {
    /// As role and database are set, most often as it likes: a plan for any arguments or one for each request, by
    /// estimated costs.
    #[default]
    Auto,
    /// Once, for any arguments.
    Generic,
    /// For each request, with its arguments.
    Custom,
}

impl PlanMode {
    /// Every mode, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Generic, Self::Custom];

    /// The mode as front matter writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Generic => "generic",
            Self::Custom => "custom",
        }
    }

    /// The statement that has the session plan so from then on.
    pub fn set(self) -> &'static str {
        match self {
            Self::Auto => "SET plan_cache_mode = DEFAULT",
            Self::Generic => "SET plan_cache_mode = force_generic_plan",
            Self::Custom => "SET plan_cache_mode = force_custom_plan",
        }
    }
}

/// What the key says.
pub(super) fn read(item: &Item<'_, '_>) -> Option<PlanMode> {
    let written = item.string()?;
    let mode = PlanMode::ALL.into_iter().find(|mode| mode.as_str() == written);
    if mode.is_none() {
        let help = match name::nearest(&written, PlanMode::ALL.map(PlanMode::as_str)) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => "it is one of \"auto\", \"generic\" and \"custom\"".to_owned(),
        };
        let why = format!("is \"{written}\", which is no way to plan a statement");
        item.refuse(Code::InvalidValue, &why, Some(&help));
    }
    mode
}

/// Refuses the key beside what is planned for each request anyway.
pub(super) fn refuse_streamed(item: &Item<'_, '_>) {
    let why = "is for answers that are whole, and this one is streamed";
    item.refuse(Code::Conflict, why, Some("leave it out: each stream is planned for itself"));
}
