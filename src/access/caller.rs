//! Who asks.

use super::{Identity, InvalidIdentity};
use serde_json::{Map, Value};
use std::{
    sync::{Arc, OnceLock},
    time::SystemTime,
};

/// Who sent a request, as far as it could be proved.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Caller {
    /// Nobody said.
    #[default]
    Anonymous,
    /// The holder of an API key.
    Key(Arc<ApiKey>),
    /// The subject of a token that a configured issuer signed.
    Token(Arc<Token>),
    /// The holder of a certificate that the connection showed.
    Certificate(Arc<Client>),
}

/// The holder of a certificate, as the manifest names them.
#[derive(Clone, Debug, PartialEq)]
pub struct Client {
    /// The name in the manifest.
    pub name: String,
    /// What the holder may do.
    pub scopes: Vec<String>,
    /// What is said of the holder.
    pub claims: Claims,
    /// The role of PostgreSQL that the holder's requests have.
    pub role: Option<String>,
}

/// An API key, known by its digest.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiKey {
    /// The name it was given; several keys may have the same while one replaces the other.
    pub name: String,
    /// What its holder may do.
    pub scopes: Vec<String>,
    /// Not valid before.
    pub not_before: Option<SystemTime>,
    /// Not valid from then on.
    pub expires: Option<SystemTime>,
    /// What is said of its holder.
    pub claims: Claims,
    /// The role of PostgreSQL that its requests have.
    pub role: Option<String>,
}

/// A token whose signature and claims were checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    /// The claim `iss`.
    pub issuer: String,
    /// The claim `sub`, when there is one.
    pub subject: Option<String>,
    /// What its subject may do.
    pub scopes: Vec<String>,
    /// When it ends, the tolerance for clocks included.
    pub expires: SystemTime,
    /// Everything that the issuer says.
    pub claims: Claims,
    /// The role of PostgreSQL that its requests have.
    pub role: Option<String>,
}

/// What is said of a caller, by name.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    members: Map<String, Value>,
    identity: OnceLock<Result<Arc<Identity>, InvalidIdentity>>,
}

impl PartialEq for Claims {
    fn eq(&self, other: &Self) -> bool {
        self.members == other.members
    }
}

impl From<Map<String, Value>> for Claims {
    fn from(members: Map<String, Value>) -> Self {
        Self { members, identity: OnceLock::new() }
    }
}

impl Claims {
    /// The claim of that name, or, where there is none, the one that its dots lead to:
    /// `realm_access.roles`. A null is no claim.
    pub fn find(&self, name: &str) -> Option<&Value> {
        let found = self.members.get(name).or_else(|| {
            let (first, rest) = name.split_once('.')?;
            let first = self.members.get(first)?;
            rest.split('.').try_fold(first, |value, step| value.as_object()?.get(step))
        });
        found.filter(|value| !value.is_null())
    }

    /// All of them as one JSON object.
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.members).unwrap_or_else(|_| "{}".to_owned())
    }

    /// As whom PostgreSQL runs what their holder asks, made once.
    fn identity(&self, role: Option<&str>) -> Result<Arc<Identity>, InvalidIdentity> {
        let make = || Identity::new(role, &self.to_json()).map(Arc::new);
        self.identity.get_or_init(make).clone()
    }
}

impl Caller {
    /// Whether anybody said who they are.
    pub fn is_anonymous(&self) -> bool {
        matches!(self, Self::Anonymous)
    }

    /// What the caller may do.
    pub fn scopes(&self) -> &[String] {
        match self {
            Self::Anonymous => &[],
            Self::Key(key) => &key.scopes,
            Self::Token(token) => &token.scopes,
            Self::Certificate(client) => &client.scopes,
        }
    }

    /// What is said of the caller; nothing of nobody.
    pub fn claims(&self) -> Option<&Claims> {
        match self {
            Self::Anonymous => None,
            Self::Key(key) => Some(&key.claims),
            Self::Token(token) => Some(&token.claims),
            Self::Certificate(client) => Some(&client.claims),
        }
    }

    /// The role of PostgreSQL that the caller's requests have, when it is not the service's own.
    pub fn role(&self) -> Option<&str> {
        match self {
            Self::Anonymous => None,
            Self::Key(key) => key.role.as_deref(),
            Self::Token(token) => token.role.as_deref(),
            Self::Certificate(client) => client.role.as_deref(),
        }
    }

    /// As whom PostgreSQL runs what the caller asks; nothing for nobody.
    ///
    /// # Errors
    /// When the claims cannot be told to PostgreSQL.
    pub fn identity(&self) -> Result<Option<Arc<Identity>>, InvalidIdentity> {
        self.claims().map(|claims| claims.identity(self.role())).transpose()
    }

    /// Who it is for the count of requests: the same for each key of a name, and for each token of
    /// a subject.
    pub fn account(&self) -> Option<String> {
        match self {
            Self::Anonymous => None,
            Self::Key(key) => Some(format!("key {}", key.name)),
            Self::Token(token) => {
                let subject = token.subject.as_deref().unwrap_or_default();
                Some(format!("token {} {subject}", token.issuer))
            }
            Self::Certificate(client) => Some(format!("certificate {}", client.name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn claims_are_found_by_name_and_by_path() {
        let json = json!({
            "tenant": "a", "gone": null, "x.y": 1, "x": { "y": 2, "z": { "w": [3] } }, "list": [1],
        });
        let claims = Claims::from(json.as_object().unwrap().clone());
        assert_eq!(claims.find("tenant"), Some(&json!("a")));
        assert_eq!(claims.find("x.y"), Some(&json!(1)), "a name goes before a path");
        assert_eq!(claims.find("x.z.w"), Some(&json!([3])));
        for none in ["gone", "x.q", "tenant.a", "list.0", "", ".", "x.", "x..y"] {
            assert_eq!(claims.find(none), None, "{none}");
        }
        assert_eq!(serde_json::from_str::<Value>(&claims.to_json()).unwrap(), json);
        let identity = claims.identity(Some("reader")).unwrap();
        assert_eq!((identity.role(), identity.claims()), ("reader", claims.to_json().as_str()));
    }
}
