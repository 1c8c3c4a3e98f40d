//! Logging in by signature. A session reads; it decides nothing.

use std::path::PathBuf;

use base64ct::{Base64, Encoding as _};
use clap::Args;
use countersign_attest::Context;
use countersign_attest::statement::Login;
use countersign_gate::{Answer, CallView, Connection};
use countersign_record::id::{CallId, KeyId, PersonId};
use countersign_record::json::{Object, Value};

use crate::exit;
use crate::full::place::{PinArgs, refused};
use crate::full::sign::Device;
use crate::output::Failure;

/// An approver plane, and the key of the person at this terminal.
#[derive(Args, Clone, Debug)]
pub(in crate::full) struct ApproverArgs {
    /// The approver plane's URL, as `countersign serve` prints it
    #[arg(
        long,
        value_name = "URL",
        env = "COUNTERSIGN_APPROVER_URL",
        hide_env_values = true
    )]
    url: String,
    /// Your enrolled key: an OpenSSH key file, or its .pub file to sign through ssh-agent or a token
    #[arg(
        long,
        value_name = "KEYFILE",
        env = "COUNTERSIGN_KEY",
        hide_env_values = true
    )]
    key: PathBuf,
    #[command(flatten)]
    pin: PinArgs,
}

/// A person at a terminal, known to the service.
pub(in crate::full) struct Session {
    connection: Connection,
    device: Device,
    login: Login,
}

impl ApproverArgs {
    /// Logs in with a signature in the login's own namespace.
    pub(in crate::full) fn login(&self) -> Result<Session, Failure> {
        let connection = self.pin.connect(&self.url)?;
        let device = Device::open(&self.key)?;
        let begin = "/v1/login:begin";
        let public_key = Base64::encode_string(&device.public().to_ssh_wire());
        let asked = connection
            .post(begin, Object::new().with("public_key", public_key))
            .map_err(|error| refused(&error))?;
        let bytes = base64(&connection, begin, &asked, "statement")?;
        let login = Login::read(&bytes).map_err(|error| {
            let fault = format!("what it asks to sign is no login: {error}");
            refused(&connection.not_ours(begin, &fault))
        })?;
        let signature = device.sign(Context::Login, &bytes)?;
        let body = Object::new()
            .with("statement", Base64::encode_string(&bytes))
            .with("signature", Base64::encode_string(&signature));
        let path = "/v1/login";
        let answer = connection
            .post(path, body)
            .map_err(|error| refused(&error))?;
        let token = answer.body.member("session").and_then(Value::as_str);
        let token = token
            .ok_or_else(|| refused(&connection.not_ours(path, "no session")))?
            .to_owned();
        Ok(Session {
            connection: connection.with_token(token),
            device,
            login,
        })
    }
}

impl Session {
    /// Who is logged in.
    pub(in crate::full) fn person(&self) -> PersonId {
        self.login.person
    }

    /// By which key.
    pub(in crate::full) fn key(&self) -> KeyId {
        self.login.key
    }

    /// The ledger's origin.
    pub(super) fn log(&self) -> &str {
        &self.login.log
    }

    /// The key.
    pub(in crate::full) fn device(&self) -> &Device {
        &self.device
    }

    pub(super) fn get(&self, path: &str) -> Result<Answer, Failure> {
        self.connection.get(path).map_err(|error| refused(&error))
    }

    pub(super) fn post(&self, path: &str, body: Object) -> Result<Answer, Failure> {
        self.connection
            .post(path, body)
            .map_err(|error| refused(&error))
    }

    /// The answer does not have the form of the spec.
    pub(super) fn malformed(&self, path: &str, fault: &str) -> Failure {
        refused(&self.connection.not_ours(path, fault))
    }

    /// A call in an answer.
    pub(super) fn view(&self, path: &str, value: Option<&Value>) -> Result<CallView, Failure> {
        let view = CallView::read(value.unwrap_or(&Value::Null));
        view.map_err(|error| self.malformed(path, &error.to_string()))
    }

    /// The call that was named, or the only one that waits.
    pub(super) fn which(&self, named: Option<CallId>) -> Result<CallId, Failure> {
        if let Some(call) = named {
            return Ok(call);
        }
        let path = "/v1/inbox";
        let answer = self.get(path)?;
        let items = answer
            .body
            .member("items")
            .and_then(Value::as_array)
            .unwrap_or_default();
        let waiting = items.iter().filter(|item| item.member("voted").is_none());
        let calls: Result<Vec<CallView>, Failure> =
            waiting.map(|item| self.view(path, Some(item))).collect();
        match calls?.as_slice() {
            [only] => Ok(only.call),
            [] => Err(Failure::say(exit::USAGE, "nothing waits for you")),
            several => {
                let ids: Vec<String> = several.iter().map(|view| view.call.to_string()).collect();
                Err(
                    Failure::say(exit::USAGE, "several calls wait for you: name one")
                        .hint(ids.join(", ")),
                )
            }
        }
    }
}

fn base64(
    connection: &Connection,
    path: &str,
    answer: &Answer,
    member: &str,
) -> Result<Vec<u8>, Failure> {
    let text = answer.body.member(member).and_then(Value::as_str);
    let bytes = text.and_then(|text| Base64::decode_vec(text).ok());
    bytes.ok_or_else(|| refused(&connection.not_ours(path, &format!("no bytes in {member}"))))
}
