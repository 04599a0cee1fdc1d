//! Who may pass which route, and how often: what a file says and what holds when it says nothing.

use crate::{
    access::{Policy, limit::Limiter},
    config::Config,
    definition::{
        guard::{Admission, Guard},
        parameter::{Origin, Parameter, Presence},
    },
    diagnostic::{Code, Diagnostic, Diagnostics, SourceFile},
    name,
};
use std::sync::Arc;

/// What the manifest says of all routes.
pub(super) struct Doors<'d> {
    pub(super) config: &'d Config,
    pub(super) limiters: &'d [Arc<Limiter>],
}

impl Doors<'_> {
    /// Whether anybody can sign in.
    fn has_callers(&self) -> bool {
        self.config.auth.keys_file.is_some()
            || !self.config.issuers.is_empty()
            || !self.config.clients.is_empty()
    }

    /// The policy and the limits of a route whose file says `guard`.
    pub(super) fn of(
        &self,
        guard: &Guard,
        source: &Arc<SourceFile>,
        found: &mut Diagnostics,
    ) -> (Policy, Vec<Arc<Limiter>>) {
        let policy = match (&guard.admission, self.has_callers()) {
            (Admission::Public, _) | (Admission::Unsaid, false) => Policy::Public,
            (Admission::Unsaid, true) => Policy::Caller(Vec::new()),
            (Admission::Caller(scopes), true) => Policy::Caller(scopes.clone()),
            (Admission::Caller(scopes), false) => {
                found.push(
                    Diagnostic::error(
                        Code::Conflict,
                        "`auth` wants a caller who has signed in, and nobody can sign in",
                    )
                    .at(source, guard.admission_span.clone())
                    .help(
                        "name a file of API keys under `[auth]` of the manifest, an issuer under \
                         `[auth.issuers.NAME]`, or a certificate under `[auth.clients.NAME]`",
                    ),
                );
                Policy::Caller(scopes.clone())
            }
        };
        (policy, self.limits(guard, source, found))
    }

    fn limits(
        &self,
        guard: &Guard,
        source: &Arc<SourceFile>,
        found: &mut Diagnostics,
    ) -> Vec<Arc<Limiter>> {
        let settings = |limiter: &Limiter| self.config.rate_limits.get(limiter.name());
        let everywhere =
            |limiter: &&Arc<Limiter>| settings(limiter).is_some_and(|it| it.everywhere);
        let mut limits: Vec<_> = self.limiters.iter().filter(everywhere).cloned().collect();
        for (name, span) in &guard.rate_limits {
            let Some(limiter) = self.limiters.iter().find(|it| it.name() == name) else {
                let mut diagnostic = Diagnostic::error(
                    Code::InvalidValue,
                    format!("there is no rate limit `{}`", name.escape_debug()),
                )
                .at(source, span.clone());
                let known = self.limiters.iter().map(|it| it.name());
                diagnostic = match name::nearest(name, known) {
                    Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                    None => diagnostic.help("define it in the manifest: `[rate_limits.NAME]`"),
                };
                found.push(diagnostic);
                continue;
            };
            if !limits.iter().any(|it| Arc::ptr_eq(it, limiter)) {
                limits.push(Arc::clone(limiter));
            }
        }
        limits
    }

    /// A claim is what a caller has proved: where nobody proves anything, nobody has one.
    pub(super) fn check_claims(
        &self,
        parameters: &[Parameter],
        policy: &Policy,
        source: &Arc<SourceFile>,
        found: &mut Diagnostics,
    ) {
        for parameter in parameters {
            let Origin::Claim(claim) = &parameter.origin else { continue };
            let name = &parameter.name;
            let (message, help) = if !self.has_callers() {
                (
                    format!("`{name}` wants the claim `{claim}`, and nobody can sign in"),
                    "configure `[auth]`, or take it from the query, the body or a header field",
                )
            } else if policy.is_public() && parameter.presence == Presence::Required {
                (
                    format!(
                        "`{name}` wants the claim `{claim}` of everybody, and `auth` is public"
                    ),
                    "leave `auth` out, or write `required = false` or a `default`",
                )
            } else {
                continue;
            };
            found.push(
                Diagnostic::error(Code::InvalidValue, message)
                    .at(source, parameter.place("from"))
                    .help(help),
            );
        }
    }
}
