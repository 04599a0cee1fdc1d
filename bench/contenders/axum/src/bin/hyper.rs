//! The smallest answer that hyper can give, one runtime with as many threads as processors.

use http_body_util::Full;
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    header::CONTENT_TYPE,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;

#[tokio::main]
async fn main() {
    let port: u16 = std::env::args().nth(1).expect("a port").parse().expect("a port");
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.expect("the port");
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        tokio::spawn(async move {
            let service = service_fn(|_: Request<Incoming>| async {
                let body = Full::new(Bytes::from_static(br#"{"message":"Hello world!"}"#));
                let response = Response::builder().header(CONTENT_TYPE, "application/json").body(body);
                Ok::<_, Infallible>(response.expect("a response of constants"))
            });
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
