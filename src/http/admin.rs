//! The operators' listener: `/live`, `/ready`, `/metrics`, and the pages that others hang on it. Never
//! the public one.

use super::{
    listener::Listener,
    plain,
    request_id::RequestId,
    response::{Answer, Body, JSON, problem},
    server::Server,
};
use crate::{
    metrics::{Format, Gauges, Metrics},
    problem::{Code, Problem},
};
use http::{Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use serde_json::json;
use std::{
    cell::RefCell,
    collections::BTreeMap,
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// A page of the admin listener: it is made anew for each request, on the main thread.
pub type Page = Box<dyn Fn() -> LocalBoxFuture<Answer>>;

/// A future of the main thread.
pub type LocalBoxFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// What the admin listener tells.
pub struct Admin {
    /// The threads that are asked.
    pub server: Rc<Server>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Whether the service has a database.
    pub has_database: bool,
    /// Callers' connections that may be open.
    pub connections_limit: usize,
    /// Whether the process is ending.
    pub stopping: AtomicBool,
    /// Further pages, by their paths.
    pub pages: RefCell<BTreeMap<&'static str, Page>>,
}

/// Serves the operators until it is dropped. Runs on the main thread's `LocalSet`.
pub async fn serve(listener: &Listener, admin: Rc<Admin>) {
    plain::serve(listener, move |request| {
        let admin = Rc::clone(&admin);
        async move { answer(&admin, &request).await }
    })
    .await;
}

async fn answer(admin: &Admin, request: &Request<Incoming>) -> Response<Body> {
    let id = RequestId::of(request.headers());
    let path = request.uri().path();
    let page = admin.pages.borrow().get(path).map(|page| page());
    let known = page.is_some() || matches!(path, "/live" | "/ready" | "/metrics");
    let refusal = if !known {
        Some(Problem::new(Code::NotFound))
    } else if !matches!(*request.method(), Method::GET | Method::HEAD) {
        Some(Problem::new(Code::MethodNotAllowed).allow("GET, HEAD"))
    } else {
        None
    };
    if let Some(refusal) = refusal {
        return problem(&refusal, &id, request.headers());
    }
    let answer = match (page, path) {
        (Some(page), _) => page.await,
        (None, "/live") => Answer::ok(JSON, json!({ "live": true }).to_string()),
        (None, "/metrics") => {
            let accept = request.headers().get(header::ACCEPT).and_then(|it| it.to_str().ok());
            metrics(admin, Format::asked_for(accept)).await
        }
        _ => readiness(admin).await,
    };
    answer.into_response(&id)
}

/// Everything that is counted, and how it stands now.
async fn metrics(admin: &Admin, format: Format) -> Answer {
    let up = admin.has_database.then_some(admin.server.missing().await.is_empty());
    let gauges = Gauges {
        database_up: up,
        lanes: admin.server.lane_states().await,
        connections: admin.server.open_connections(),
        connections_limit: admin.connections_limit,
    };
    Answer::ok(format.media_type(), admin.metrics.render(&gauges, format))
}

/// Ready when every thread has a connection for each lane that it uses, and the process is not
/// about to end.
async fn readiness(admin: &Admin) -> Answer {
    let mut missing = admin.server.missing().await;
    if admin.stopping.load(Ordering::Acquire) {
        missing.push("nothing: the process is stopping".to_owned());
    }
    let ready = missing.is_empty();
    let body = if ready {
        json!({ "ready": true })
    } else {
        json!({ "ready": false, "waits_for": missing })
    };
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Answer { status, ..Answer::ok(JSON, body.to_string()) }
}
