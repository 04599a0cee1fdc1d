//! A server of somebody's published API on this machine, and what may go wrong on the way to it.
//!
//! The API itself is a value that answers; this owns the socket, the faults and what was asked.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming, header::HeaderMap, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{
    collections::{BTreeMap, VecDeque},
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::oneshot,
};
use tokio_rustls::TlsAcceptor;

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    SignIn,
    Read,
    Write,
}

/// A request, whole.
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// What is answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(status: u16, body: &serde_json::Value) -> Self {
        Self { status, body: body.to_string() }
    }
}

/// An API, with what it holds.
pub(crate) trait Api: Clone + Send + 'static {
    fn kind(asked: &Asked) -> Kind;
    fn answer(&mut self, asked: &Asked) -> Answer;
}

/// What goes wrong with one request.
#[derive(Clone)]
pub(crate) enum Fault<A> {
    /// It is not looked at, and answered with this.
    Status(u16, &'static str),
    /// It is answered so, and asked to come again after so many seconds.
    Busy(u16, u64),
    /// It is answered with this other address.
    Moved(String),
    /// The connection ends before it is looked at.
    CutBefore,
    /// What is asked is done, and the connection ends without an answer.
    CutAfter,
    /// What is asked is done, and the answer comes so much later.
    Late(Duration),
    /// What is answered was so before the last write.
    Stale,
    /// Somebody else acts just before.
    Meddle(fn(&mut A)),
}

struct World<A> {
    api: A,
    before: A,
    faults: VecDeque<(Kind, Fault<A>)>,
    asked: Vec<Kind>,
    is_down: bool,
}

/// The server; it ends with its value.
pub(crate) struct Server<A> {
    pub(crate) address: SocketAddr,
    world: Arc<Mutex<World<A>>>,
    _stop: oneshot::Sender<()>,
}

impl<A: Api> Server<A> {
    pub(crate) fn start(api: A, tls: Option<TlsAcceptor>) -> Self {
        let world = World {
            before: api.clone(),
            api,
            faults: VecDeque::new(),
            asked: Vec::new(),
            is_down: false,
        };
        let world = Arc::new(Mutex::new(world));
        let (stop, stopped) = oneshot::channel();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::clone(&world);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    () = accept(&listener, &shared, tls.as_ref()) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { address, world, _stop: stop }
    }

    /// Looks at what it holds, or changes it.
    pub(crate) fn api<R>(&self, act: impl FnOnce(&mut A) -> R) -> R {
        act(&mut self.world.lock().unwrap().api)
    }

    /// The next request of this kind fails so; several faults strike one after the other.
    pub(crate) fn fail(&self, kind: Kind, fault: Fault<A>) {
        self.world.lock().unwrap().faults.push_back((kind, fault));
    }

    /// It answers 503 to everything, or goes back to its work.
    pub(crate) fn down(&self, is_down: bool) {
        self.world.lock().unwrap().is_down = is_down;
    }

    /// How many faults have not struck.
    pub(crate) fn waiting(&self) -> usize {
        self.world.lock().unwrap().faults.len()
    }

    /// How often it was asked for this.
    pub(crate) fn asked(&self, kind: Kind) -> usize {
        self.world.lock().unwrap().asked.iter().filter(|it| **it == kind).count()
    }

    /// Forgets faults and what was asked.
    pub(crate) fn calm(&self) {
        let mut world = self.world.lock().unwrap();
        world.faults.clear();
        world.asked.clear();
    }

    /// Its address as a manifest has it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

async fn accept<A: Api>(
    listener: &TcpListener,
    world: &Arc<Mutex<World<A>>>,
    tls: Option<&TlsAcceptor>,
) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (world, tls) = (Arc::clone(world), tls.cloned());
        tokio::spawn(async move {
            match tls {
                None => serve(stream, world).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, world).await;
                    }
                }
            }
        });
    }
}

async fn serve<A: Api>(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    world: Arc<Mutex<World<A>>>,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let world = Arc::clone(&world);
        async move {
            let asked = whole(request).await?;
            let (answer, pause) = World::answer(&mut world.lock().unwrap(), &asked);
            tokio::time::sleep(pause).await;
            // An error of a service ends the connection.
            answer.ok_or_else(|| io::Error::other("cut"))
        }
    });
    let server = hyper::server::conn::http1::Builder::new();
    drop(server.serve_connection(TokioIo::new(stream), service).await);
}

async fn whole(request: Request<Incoming>) -> io::Result<Asked> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let query = head.uri.query().unwrap_or_default();
    let query = reqwest::Url::parse(&format!("http://a/?{query}")).unwrap();
    Ok(Asked {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: query.query_pairs().into_owned().collect(),
        headers: head.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    })
}

type Reply = (Option<Response<Full<Bytes>>>, Duration);

impl<A: Api> World<A> {
    fn answer(&mut self, asked: &Asked) -> Reply {
        let kind = A::kind(asked);
        self.asked.push(kind);
        let strikes = self.faults.front().is_some_and(|(of, _)| *of == kind);
        let fault = if strikes { self.faults.pop_front().map(|(_, it)| it) } else { None };
        let fault = if self.is_down { Some(Fault::Status(503, "{}")) } else { fault };
        let plain = |status, body: &str| (Some(response(status, &[], body)), Duration::ZERO);
        match fault {
            None => (Some(self.done(asked, kind)), Duration::ZERO),
            Some(Fault::Status(status, body)) => plain(status, body),
            Some(Fault::Busy(status, seconds)) => {
                let fields = [("retry-after", seconds.to_string())];
                (Some(response(status, &fields, "{}")), Duration::ZERO)
            }
            Some(Fault::Moved(to)) => {
                (Some(response(307, &[("location", to)], "")), Duration::ZERO)
            }
            Some(Fault::CutBefore) => (None, Duration::ZERO),
            Some(Fault::CutAfter) => {
                self.done(asked, kind);
                (None, Duration::ZERO)
            }
            Some(Fault::Late(pause)) => (Some(self.done(asked, kind)), pause),
            Some(Fault::Stale) => {
                let Answer { status, body } = self.before.clone().answer(asked);
                plain(status, &body)
            }
            Some(Fault::Meddle(act)) => {
                act(&mut self.api);
                (Some(self.done(asked, kind)), Duration::ZERO)
            }
        }
    }

    fn done(&mut self, asked: &Asked, kind: Kind) -> Response<Full<Bytes>> {
        if kind == Kind::Write {
            self.before = self.api.clone();
        }
        let Answer { status, body } = self.api.answer(asked);
        response(status, &[], &body)
    }
}

fn response(status: u16, fields: &[(&str, String)], body: &str) -> Response<Full<Bytes>> {
    let mut builder = Response::builder().status(status);
    for (name, value) in fields {
        builder = builder.header(*name, value);
    }
    builder.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).unwrap()
}
