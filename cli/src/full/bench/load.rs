//! What clients do while the clock runs.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use base64ct::{Base64, Encoding as _};
use countersign_attest::Context;
use countersign_record::digest::hex;

use super::client::{Answer, Client};
use super::table::Measured;
use crate::full::entropy::random;
use crate::full::sign::Device;

/// Which calls are submitted.
#[derive(Clone, Copy)]
pub(super) enum Wanted {
    /// The policy says no: one entry, and the call has ended.
    Denied,
    /// The policy says yes: a grant is signed, and withdrawn with the next request, so that there is
    /// room for more.
    Allowed,
}

impl Wanted {
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Denied => "durable calls, denied by policy",
            Self::Allowed => "durable requests: allowed, withdrawn",
        }
    }
}

/// Where the planes are, and with what clients come in.
pub(super) struct Target {
    pub(super) agent: SocketAddr,
    pub(super) approver: SocketAddr,
    pub(super) agent_token: String,
    pub(super) executor_token: String,
    /// Two who decide.
    pub(super) people: Vec<(Device, String)>,
    /// Numbers for what must be different each time.
    pub(super) next: AtomicU64,
}

impl Target {
    fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }
}

/// Submits calls until `end`; how long each request took.
pub(super) async fn calls(
    mut client: Client,
    target: Arc<Target>,
    wanted: Wanted,
    end: Instant,
) -> io::Result<Vec<Duration>> {
    let mut took = Vec::new();
    while Instant::now() < end {
        let number = target.number();
        let key = format!("toolu_{number:012}");
        let (body, status) = match wanted {
            Wanted::Denied => (
                format!(
                    r#"{{"tool":"format_disk","arguments":{{"disk":"sd{number}"}},"reason":"to make room","session":"bench"}}"#
                ),
                403,
            ),
            Wanted::Allowed => (
                format!(
                    r#"{{"tool":"list_files","arguments":{{"path":"/srv/reports/{number}"}},"reason":"to look for it","session":"bench"}}"#
                ),
                200,
            ),
        };
        let begun = Instant::now();
        let answer = client.post("/v1/calls", &key, &body).await?;
        took.push(begun.elapsed());
        let answer = expect(answer, status)?;
        if matches!(wanted, Wanted::Allowed) {
            let path = format!("/v1/calls/{}/withdraw", answer.text("/call"));
            let begun = Instant::now();
            let withdrawn = client.post(&path, "", "{}").await?;
            took.push(begun.elapsed());
            expect(withdrawn, 200)?;
        }
    }
    Ok(took)
}

/// Everybody whom the life of a call needs.
pub(super) struct Crew {
    agent: Client,
    executor: Client,
    /// Who opens, and who signs, for each person.
    people: Vec<(Client, Client)>,
}

impl Crew {
    pub(super) async fn connect(target: &Target) -> io::Result<Self> {
        let mut people = Vec::new();
        for (_, session) in &target.people {
            let opener = Client::connect(target.approver, session).await?;
            people.push((opener, Client::connect(target.approver, "").await?));
        }
        Ok(Self {
            agent: Client::connect(target.agent, &target.agent_token).await?,
            executor: Client::connect(target.agent, &target.executor_token).await?,
            people,
        })
    }
}

/// Whole lives of calls until `end`: submitted, opened and approved by two, redeemed, reported.
pub(super) async fn cycles(
    crew: Crew,
    target: Arc<Target>,
    end: Instant,
) -> io::Result<Vec<Duration>> {
    let Crew {
        mut agent,
        mut executor,
        mut people,
    } = crew;
    let mut took = Vec::new();
    while Instant::now() < end {
        let begun = Instant::now();
        let number = target.number();
        let key = format!("toolu_{number:012}");
        let body = format!(
            r#"{{"tool":"bank.wire","arguments":{{"amount":"24000.00","currency":"EUR","beneficiary":{{"name":"Example Ltd","account":"DE89370400440532013000"}},"reference":"INV-{number}"}},"reason":"the invoice is due","session":"bench"}}"#
        );
        let mut view = expect(agent.post("/v1/calls", &key, &body).await?, 202)?;
        let call = view.text("/call").to_owned();
        let mut statements = Vec::new();
        for (opener, _) in &mut people {
            let path = format!("/v1/calls/{call}/openings");
            let opened = opener.post(&path, "", r#"{"client":"cli"}"#).await?;
            statements.push(approval(&expect(opened, 200)?)?);
        }
        let signers = target.people.iter().zip(&mut people);
        for (((device, _), (_, signer)), statement) in signers.zip(&statements) {
            let signed = signed(device, Context::Approval, statement)?;
            let path = format!("/v1/calls/{call}/decisions");
            view = expect(signer.post(&path, "", &signed).await?, 200)?;
        }
        let path = format!("/v1/grants/{}/redeem", view.text("/call/grant/jti"));
        let nonce = hex(&nonce()?);
        let action = view.text("/call/action_digest");
        let redeem = format!(r#"{{"nonce":"{nonce}","action_digest":"{action}"}}"#);
        expect(executor.post(&path, "", &redeem).await?, 200)?;
        let path = format!("/v1/calls/{call}/outcome");
        let report = r#"{"status":"succeeded","detail":"receipt 7"}"#;
        expect(executor.post(&path, "", report).await?, 200)?;
        took.push(begun.elapsed());
    }
    Ok(took)
}

/// Posts records to a server that only appends them.
pub(super) async fn plain(mut client: Client, end: Instant) -> io::Result<Vec<Duration>> {
    let body = format!(r#"{{"record":"{}"}}"#, "x".repeat(limits_body()));
    let mut took = Vec::new();
    while Instant::now() < end {
        let begun = Instant::now();
        expect(client.post("/", "", &body).await?, 200)?;
        took.push(begun.elapsed());
    }
    Ok(took)
}

fn limits_body() -> usize {
    super::limits::RECORD_BYTES - 13
}

/// Opens a session for a person.
pub(super) async fn session(approver: SocketAddr, device: &Device) -> io::Result<String> {
    let mut client = Client::connect(approver, "").await?;
    let key = Base64::encode_string(&device.public().to_ssh_wire());
    let begin = format!(r#"{{"public_key":"{key}"}}"#);
    let asked = expect(client.post("/v1/login:begin", "", &begin).await?, 200)?;
    let signed = signed(device, Context::Login, asked.text("/statement"))?;
    let login = expect(client.post("/v1/login", "", &signed).await?, 200)?;
    Ok(login.text("/session").to_owned())
}

/// The statement that approves, of those that were offered.
fn approval(opened: &Answer) -> io::Result<String> {
    let offered = opened
        .body
        .member("statements")
        .and_then(|it| it.as_array());
    let approves = |it: &&countersign_record::json::Value| {
        it.member("decision").and_then(|it| it.as_str()) == Some("approve")
    };
    let statement = offered.and_then(|it| it.iter().find(approves));
    let statement = statement.and_then(|it| it.member("statement")?.as_str());
    let missing = || io::Error::other("no statement to sign was offered");
    statement.map(str::to_owned).ok_or_else(missing)
}

fn signed(device: &Device, context: Context, statement: &str) -> io::Result<String> {
    let bytes = Base64::decode_vec(statement).map_err(io::Error::other)?;
    let signature = device.sign(context, &bytes);
    let signature = signature.map_err(|failure| io::Error::other(failure.sentence))?;
    let signature = Base64::encode_string(&signature);
    Ok(format!(
        r#"{{"statement":"{statement}","signature":"{signature}"}}"#
    ))
}

fn nonce() -> io::Result<[u8; 32]> {
    random().map_err(|failure| io::Error::other(failure.sentence))
}

fn expect(answer: Answer, status: u16) -> io::Result<Answer> {
    if answer.status == status {
        return Ok(answer);
    }
    let (code, detail) = (answer.text("/code"), answer.text("/detail"));
    let found = answer.status;
    Err(io::Error::other(format!(
        "{found} {code}: {detail}; expected {status}"
    )))
}

/// Five times: `clients` of them at once for `each`, counted from when all are connected; what came
/// of it.
pub(super) fn measured<C, F>(
    runtime: &tokio::runtime::Runtime,
    clients: u16,
    each: Duration,
    connect: impl AsyncFn() -> io::Result<C>,
    load: impl Fn(C, Instant) -> F,
) -> io::Result<Measured>
where
    F: Future<Output = io::Result<Vec<Duration>>> + Send + 'static,
{
    let mut measured = Measured::default();
    for _ in 0..super::table::RUNS {
        let mut connected = Vec::new();
        for _ in 0..clients {
            connected.push(runtime.block_on(connect())?);
        }
        let begun = Instant::now();
        let end = begun + each;
        let took = runtime.block_on(async {
            let loads = connected.into_iter().map(|it| tokio::spawn(load(it, end)));
            let tasks: Vec<_> = loads.collect();
            let mut took = Vec::new();
            for task in tasks {
                took.extend(task.await.map_err(io::Error::other)??);
            }
            Ok::<_, io::Error>(took)
        })?;
        measured.run(took, begun.elapsed());
    }
    Ok(measured)
}
