//! The few calls besides claims: a blocking client over one keep-alive connection, for management and look-ups.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;

use crate::answer::Code;
use crate::response;

/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// The longest answer taken, in bytes.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A server's management interface.
#[derive(Debug)]
pub(crate) struct Api {
    target: SocketAddr,
    admin_key: String,
    stream: Option<TcpStream>,
}

#[derive(Deserialize)]
struct Availability {
    coupon_types: Vec<TypeAvailability>,
}

#[derive(Deserialize)]
struct TypeAvailability {
    id: String,
    remaining: u64,
}

impl Api {
    /// Speaks to `target` with `admin_key`; connects at the first call.
    pub(crate) fn new(target: SocketAddr, admin_key: &str) -> Self {
        Self { target, admin_key: admin_key.to_owned(), stream: None }
    }

    /// Whom it speaks to.
    pub(crate) fn target(&self) -> SocketAddr {
        self.target
    }

    /// Whether the server says that it is ready; a server that cannot be reached is not.
    pub(crate) fn ready(&mut self) -> bool {
        self.call("GET", "/readyz", None).is_ok_and(|(status, _)| status == 200)
    }

    /// Creates a campaign, or finds it created with the same body.
    ///
    /// # Errors
    /// When the server refuses it or cannot be reached.
    pub(crate) fn create_campaign(&mut self, campaign: &Value) -> Result<()> {
        let (status, body) = self.call("POST", "/v1/campaigns", Some(campaign))?;
        if status != 201 && status != 200 {
            bail!("creating the campaign was answered {status}: {}", String::from_utf8_lossy(&body));
        }
        Ok(())
    }

    /// A campaign as an operator sees it.
    ///
    /// # Errors
    /// When the server does not answer with JSON.
    pub(crate) fn campaign(&mut self, campaign: &str) -> Result<Value> {
        let (status, body) = self.call("GET", &format!("/v1/campaigns/{campaign}"), None)?;
        if status != 200 {
            bail!("campaign {campaign} was answered {status}: {}", String::from_utf8_lossy(&body));
        }
        serde_json::from_slice(&body).context("a campaign is not JSON")
    }

    /// What anybody is shown of a campaign.
    ///
    /// # Errors
    /// When the server does not answer with JSON.
    pub(crate) fn availability(&mut self, campaign: &str) -> Result<Value> {
        let (status, body) = self.call("GET", &format!("/v1/campaigns/{campaign}/availability"), None)?;
        if status != 200 {
            bail!("availability of {campaign} was answered {status}: {}", String::from_utf8_lossy(&body));
        }
        serde_json::from_slice(&body).context("availability is not JSON")
    }

    /// What anybody is shown of a campaign's waiting room.
    ///
    /// # Errors
    /// When the server does not answer with JSON.
    pub(crate) fn waiting_room(&mut self, campaign: &str) -> Result<Value> {
        let (status, body) = self.call("GET", &format!("/v1/campaigns/{campaign}/waiting-room"), None)?;
        if status != 200 {
            bail!("the waiting room of {campaign} was answered {status}: {}", String::from_utf8_lossy(&body));
        }
        serde_json::from_slice(&body).context("a waiting room is not JSON")
    }

    /// How a campaign's waiting rooms were shuffled, as anybody may know it.
    ///
    /// # Errors
    /// When the server does not answer with JSON.
    pub(crate) fn waiting_room_audit(&mut self, campaign: &str) -> Result<Value> {
        let (status, body) = self.call("GET", &format!("/v1/campaigns/{campaign}/waiting-room/audit"), None)?;
        if status != 200 {
            bail!("the audit of {campaign} was answered {status}: {}", String::from_utf8_lossy(&body));
        }
        serde_json::from_slice(&body).context("an audit is not JSON")
    }

    /// What is left of each coupon type, in the order of `coupon_types`.
    ///
    /// # Errors
    /// When the server does not answer with a count for each of them.
    pub(crate) fn remaining(&mut self, campaign: &str, coupon_types: &[String]) -> Result<Vec<u64>> {
        let (status, body) = self.call("GET", &format!("/v1/campaigns/{campaign}/availability"), None)?;
        if status != 200 {
            bail!("availability of {campaign} was answered {status}: {}", String::from_utf8_lossy(&body));
        }
        let availability: Availability = serde_json::from_slice(&body).context("availability is not as agreed")?;
        let of = |id: &String| availability.coupon_types.iter().find(|found| found.id == *id);
        coupon_types.iter().map(|id| Ok(of(id).with_context(|| format!("no count for {id}"))?.remaining)).collect()
    }

    /// The coupon codes that `claims/by-user` shows for a user.
    ///
    /// # Errors
    /// When the server does not answer with a list of claims.
    pub(crate) fn codes_of(&mut self, campaign: &str, user_id: &str) -> Result<Vec<String>> {
        let (status, body) = self.call("GET", &format!("/v1/campaigns/{campaign}/claims/by-user/{user_id}"), None)?;
        if status != 200 {
            bail!("claims of {user_id} were answered {status}: {}", String::from_utf8_lossy(&body));
        }
        let claims: Value = serde_json::from_slice(&body).context("the claims of a user are not JSON")?;
        let items = claims["items"].as_array().context("the claims of a user have no items")?;
        let code = |item: &Value| item["coupon"]["code"].as_str().map(str::to_owned).context("a claim without a code");
        items.iter().map(code).collect()
    }

    /// What a coupon is: `issued`, `redeemed` and so on.
    ///
    /// # Errors
    /// When the server cannot be reached, or does not know it.
    pub(crate) fn coupon_state(&mut self, code: Code) -> Result<String> {
        let (status, body) = self.call("GET", &format!("/v1/coupons/{code}"), None)?;
        if status != 200 {
            bail!("the coupon {code} was answered {status}: {}", String::from_utf8_lossy(&body));
        }
        let coupon: Value = serde_json::from_slice(&body).context("a coupon is not JSON")?;
        coupon["state"].as_str().map(str::to_owned).context("a coupon without a state")
    }

    /// The value of the metric `name`, which has no labels and counts something.
    ///
    /// # Errors
    /// When the server does not have it.
    pub(crate) fn metric(&mut self, name: &str) -> Result<u64> {
        let (status, body) = self.call("GET", "/metrics", None)?;
        let page = String::from_utf8(body)?;
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(line.with_context(|| format!("no {name} among the metrics (status {status})"))?.trim().parse()?)
    }

    fn call(&mut self, method: &str, path: &str, body: Option<&Value>) -> Result<(u16, Vec<u8>)> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.target,
            self.admin_key,
            body.len()
        );
        // A kept connection may have been idle for longer than the server allows; every call here may be repeated.
        if let Some(stream) = self.stream.take()
            && let Ok(answer) = self.exchange(stream, &request)
        {
            return Ok(answer);
        }
        self.exchange(connect(self.target)?, &request).with_context(|| format!("{method} {path}"))
    }

    /// Sends one request, takes its answer, and keeps the connection if both sides may go on.
    fn exchange(&mut self, mut stream: TcpStream, request: &str) -> Result<(u16, Vec<u8>)> {
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        loop {
            if let Some(reply) = response::parse(&answer)? {
                let (status, body, closes) = (reply.status, reply.body.to_vec(), reply.closes);
                self.stream = (!closes).then_some(stream);
                return Ok((status, body));
            }
            let mut chunk = [0; 4096];
            let count = stream.read(&mut chunk)?;
            if count == 0 || answer.len() > ANSWER_BYTES_MAX {
                bail!("the connection ended before the answer did");
            }
            answer.extend_from_slice(&chunk[..count]);
        }
    }
}

fn connect(target: SocketAddr) -> Result<TcpStream> {
    let stream =
        TcpStream::connect_timeout(&target, ANSWER_WITHIN).with_context(|| format!("no server at {target}"))?;
    if stream.local_addr()? == target {
        bail!("nobody listens on {target}");
    }
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    stream.set_write_timeout(Some(ANSWER_WITHIN))?;
    Ok(stream)
}
