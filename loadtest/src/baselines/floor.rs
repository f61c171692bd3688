//! The floor: hyper on a tokio runtime of two worker threads, that reads the body and answers a constant 120 bytes. What landrush reaches
//! is given as a share of it, measured beside it on the same machine. It is a usual server without work, and not the least that can be
//! done: one on a single thread, which moves no task between cores, or one without hyper may be faster.

use std::convert::Infallible;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::Command;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

/// Threads that serve, as many as the reference machine has cores.
const WORKERS: usize = 2;
/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;
/// The answer, as long as a short JSON document.
const ANSWER: &[u8; 120] = b"{\"ok\":true,\"note\":\"the same hundred and twenty bytes for everybody, whoever asks and whatever for\",\"from\":\"the floor.\"}\n";

/// Serves on `listen` until the process is ended; says on standard output where. With `pipelined`, answers to requests that came
/// together are written together.
///
/// # Errors
/// When the address cannot be had or the runtime cannot start.
pub(crate) fn serve(listen: SocketAddr, pipelined: bool) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_io().build()?;
    runtime.block_on(async {
        let listener = bind(listen)?;
        writeln!(io::stdout(), "listening on http://{}", listener.local_addr()?)?;
        // Spawned, so that accepting is a worker's task as well and not that of the thread that blocks here.
        tokio::spawn(accept(listener, pipelined)).await.map_err(io::Error::other)?
    })
}

fn bind(listen: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(listen), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&listen.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

async fn accept(listener: TcpListener, pipelined: bool) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            // A client that goes away is no concern of the floor's.
            let mut http = http1::Builder::new();
            let _ = http.pipeline_flush(pipelined).serve_connection(TokioIo::new(stream), service_fn(answer)).await;
        });
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let mut response = Response::new(Full::new(Bytes::from_static(ANSWER)));
    if !body.starts_with(b"{") {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    }
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// The command that serves on a free port, for requests of which a connection carries up to `pipeline`.
pub(crate) fn command(pipeline: u16) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["floor", "--listen", "127.0.0.1:0"]);
    if pipeline > 1 {
        command.arg("--pipelined");
    }
    Ok(command)
}
