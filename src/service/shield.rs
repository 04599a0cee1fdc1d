//! What every answer says to browsers: the header fields that keep them careful, and which pages of
//! other origins may read it (CORS, <https://fetch.spec.whatwg.org/#http-cors-protocol>).

use crate::config::{self, Config};
use ::http::{HeaderMap, HeaderName, HeaderValue, header};

type Field = (HeaderName, HeaderValue);

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The header fields of a service's answers, ready to be sent.
pub struct Shield {
    always: Vec<Field>,
    pages: Vec<Field>,
    nosniff: bool,
    no_store: bool,
    cors: Option<Cors>,
}

struct Cors {
    origins: Vec<HeaderValue>,
    anybody: bool,
    credentials: bool,
    expose: Option<HeaderValue>,
    methods: HeaderValue,
    headers: Option<HeaderValue>,
    max_age: HeaderValue,
}

impl Shield {
    /// The fields that a manifest describes.
    pub fn of(config: &Config) -> Self {
        let headers = &config.headers;
        let field = |name: HeaderName, value: &Option<String>| {
            value.as_deref().and_then(|it| HeaderValue::from_str(it).ok()).map(|it| (name, it))
        };
        let always = [
            field(RESOURCE_POLICY, &headers.cross_origin_resource_policy),
            field(header::STRICT_TRANSPORT_SECURITY, &strict_transport_security(config)),
        ];
        let pages = [
            field(header::CONTENT_SECURITY_POLICY, &headers.content_security_policy),
            field(header::REFERRER_POLICY, &headers.referrer_policy),
        ];
        Self {
            always: always.into_iter().flatten().collect(),
            pages: pages.into_iter().flatten().collect(),
            nosniff: headers.nosniff,
            no_store: headers.no_store,
            cors: config.cors.as_ref().map(Cors::of),
        }
    }

    /// What the answer to a browser's question before a request of another origin says besides;
    /// nothing when it is no such question, or that origin may not ask.
    pub fn preflight(&self, request: &HeaderMap) -> Vec<Field> {
        let asks = request.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        let Some(cors) = self.cors.as_ref().filter(|cors| asks && cors.admits(request).is_some())
        else {
            return Vec::new();
        };
        let mut fields = vec![
            (header::ACCESS_CONTROL_ALLOW_METHODS, cors.methods.clone()),
            (header::ACCESS_CONTROL_MAX_AGE, cors.max_age.clone()),
        ];
        let headers = cors.headers.clone();
        fields.extend(headers.map(|it| (header::ACCESS_CONTROL_ALLOW_HEADERS, it)));
        fields
    }

    /// Adds the fields of every answer. `signed_in` says that the answer may be for one caller alone.
    pub fn cover(&self, request: &HeaderMap, response: &mut HeaderMap, signed_in: bool) {
        if !self.nosniff {
            response.remove(header::X_CONTENT_TYPE_OPTIONS);
        }
        for (name, value) in &self.always {
            response.insert(name.clone(), value.clone());
        }
        let content_type = response.get(header::CONTENT_TYPE);
        if content_type.is_some_and(|it| it.as_bytes().starts_with(b"text/html")) {
            for (name, value) in &self.pages {
                response.insert(name.clone(), value.clone());
            }
        }
        if signed_in && self.no_store && !response.contains_key(header::CACHE_CONTROL) {
            response.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        if let Some(cors) = &self.cors {
            cors.cover(request, response);
        }
    }
}

/// Two years, which browsers' lists ask for (<https://hstspreload.org>), where the service speaks TLS
/// itself and nothing else is said.
fn strict_transport_security(config: &Config) -> Option<String> {
    match config.headers.strict_transport_security.as_deref() {
        Some("auto") => config.tls.as_ref().map(|_| "max-age=63072000".to_owned()),
        other => other.map(str::to_owned),
    }
}

impl Cors {
    fn of(config: &config::Cors) -> Self {
        let value = |text: String| HeaderValue::from_str(&text).ok();
        let list =
            |items: &[String]| Some(items.join(", ")).filter(|it| !it.is_empty()).and_then(value);
        Self {
            origins: config.origins.iter().cloned().filter_map(value).collect(),
            anybody: config.origins.iter().any(|origin| origin == "*"),
            credentials: config.credentials,
            expose: list(&config.expose),
            methods: list(&config.methods).unwrap_or(HeaderValue::from_static("GET")),
            headers: list(&config.headers),
            max_age: config.max_age.as_secs().into(),
        }
    }

    /// What to say to the request's origin: nothing when it may not ask, or there is none.
    fn admits(&self, request: &HeaderMap) -> Option<HeaderValue> {
        let mut origins = request.get_all(header::ORIGIN).iter();
        let (Some(origin), None) = (origins.next(), origins.next()) else { return None };
        if self.anybody {
            return Some(HeaderValue::from_static("*"));
        }
        self.origins.contains(origin).then(|| origin.clone())
    }

    fn cover(&self, request: &HeaderMap, response: &mut HeaderMap) {
        if !self.anybody {
            response.append(header::VARY, HeaderValue::from_static("Origin"));
        }
        let Some(origin) = self.admits(request) else { return };
        response.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if self.credentials {
            let yes = HeaderValue::from_static("true");
            response.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
        }
        if let Some(expose) = &self.expose {
            response.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, expose.clone());
        }
    }
}
