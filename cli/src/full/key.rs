//! `countersign key`

use std::fs;
use std::path::{Path, PathBuf};

use base64ct::{Base64, Encoding as _};
use clap::{Args, Subcommand};
use countersign_attest::statement::{AttestKey, Enrolment, Head, Nonce};
use countersign_attest::{Context, sshsig, verify};
use countersign_flow::{Command, RevokeKey, State, escape};
use countersign_record::digest::{StatementDigest, sha256};
use countersign_record::entry::{Blob, Endorsement, Entry, Fact, RevocationCause};
use countersign_record::id::{KeyId, PersonId};
use countersign_record::json::{self, Limits, Object, Value};
use countersign_record::term::Client;
use countersign_verify::Source;

use super::approver::ApproverArgs;
use super::change::{Change, Made};
use super::credential::revoke;
use super::entropy::random;
use super::people::person;
use super::place::{Place, PlaceArgs};
use super::remote::{RemoteLog, state_of};
use super::sign::{Device, read_public};
use crate::exit;
use crate::output::{Failure, Output, number};

/// Enrol device keys of people, revoke them, or list what happened to them
#[derive(Args, Debug)]
pub(crate) struct KeyArgs {
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Write the enrolment statement of a key: the exact bytes that its holder signs
    ///
    /// Sign them with: ssh-keygen -Y sign -n countersign.enrolment.v1 -f KEY enrol.json
    Request(KeyRequest),
    /// Vouch for the new key of somebody else whom you know
    Endorse(KeyEndorse),
    /// Enrol a key whose holder has signed its enrolment statement
    Enroll(KeyEnroll),
    /// Revoke a key at once; it can never be enrolled again
    Revoke(KeyRevoke),
    /// List when keys were enrolled and revoked, by their place in the ledger
    History(KeyHistory),
}

#[derive(Args, Debug)]
struct KeyRequest {
    /// Handle or id of the person whose key it is
    person: String,
    /// The public key: a .pub file
    #[arg(long, value_name = "FILE")]
    ssh_public_key: PathBuf,
    /// Where to write the statement
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// With which client it will sign: cli or external
    #[arg(long, default_value = "cli")]
    client: Client,
    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Args, Debug)]
struct KeyEndorse {
    /// The enrolment statement
    #[arg(long, value_name = "FILE")]
    statement: PathBuf,
    /// Where to write your word
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    approver: ApproverArgs,
}

#[derive(Args, Debug)]
struct KeyEnroll {
    /// The enrolment statement, as `key request` wrote it
    #[arg(long, value_name = "FILE")]
    statement: PathBuf,
    /// The signature over it, as `ssh-keygen -Y sign` wrote it
    #[arg(long, value_name = "FILE", required_unless_present = "key")]
    proof: Option<PathBuf>,
    /// Instead of --proof: sign the statement here with this key
    #[arg(long, value_name = "KEYFILE", conflicts_with = "proof")]
    key: Option<PathBuf>,
    /// Another person's word for it, as `key endorse` wrote it; a further key needs one
    #[arg(long, value_name = "FILE")]
    endorsement: Option<PathBuf>,
    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Args, Debug)]
struct KeyRevoke {
    /// The key's id
    id: KeyId,
    /// Why: lost, compromised, left or replaced
    #[arg(long)]
    cause: RevocationCause,
    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Args, Debug)]
struct KeyHistory {
    /// A person (handle or id) or a key; without one, every key
    of: Option<String>,
    #[command(flatten)]
    place: PlaceArgs,
}

impl KeyArgs {
    pub(super) fn run(self, output: &mut Output) -> Result<u8, Failure> {
        match self.command {
            KeyCommand::Request(args) => request(output, &args),
            KeyCommand::Endorse(args) => endorse(output, &args),
            KeyCommand::Enroll(args) => enroll(output, &args),
            KeyCommand::Revoke(KeyRevoke { id, cause, place }) => {
                let command = |by, cause| Command::RevokeKey(RevokeKey { by, key: id, cause });
                revoke(
                    output,
                    &place.place()?,
                    "key",
                    &id.to_string(),
                    cause,
                    command,
                )
            }
            KeyCommand::History(args) => history(output, &args),
        }
    }
}

/// The log to read, live or not, without a lock.
fn source(place: &Place) -> Result<Box<dyn Source>, Failure> {
    Ok(match place {
        Place::Data { log, .. } => Box::new(
            countersign_evidence::open(log.path())
                .map_err(|error| Failure::new(exit::USAGE, &error))?,
        ),
        Place::Url(connection) => Box::new(RemoteLog::read(connection)?),
    })
}

fn request(output: &mut Output, args: &KeyRequest) -> Result<u8, Failure> {
    if args.client == Client::Page {
        return Err(Failure::say(
            exit::USAGE,
            "a key in a file signs through cli or external, never through a page",
        ));
    }
    let public_key = read_public(&args.ssh_public_key)?;
    let state = state_of(&*source(&args.place.place()?)?)?;
    let person = person(&state, &args.person)?;
    let head = state.head.as_ref().map(|head| Head {
        seq: head.seq,
        hash: head.hash,
    });
    let enrolment = Enrolment {
        log: state.origin().to_owned(),
        person,
        public_key,
        usage: args.client,
        nonce: Nonce(random()?),
        head: head.ok_or_else(|| Failure::say(exit::USAGE, "the log is empty"))?,
    };
    let bytes = enrolment
        .to_bytes()
        .map_err(|error| Failure::new(exit::USAGE, &error))?;
    fs::write(&args.out, &bytes).map_err(|cause| {
        Failure::say(
            exit::USAGE,
            format!("cannot write {}: {cause}", args.out.display()),
        )
    })?;
    output.line(&format!("wrote    {}", args.out.display()));
    output.hint(&format!(
        "the holder signs it: ssh-keygen -Y sign -n {} -f KEY {}",
        Context::Enrolment,
        args.out.display()
    ));
    let document = Object::new()
        .with("statement", args.out.display().to_string())
        .with("person", person.to_string())
        .with("fingerprint", enrolment.public_key.fingerprint())
        .with("namespace", Context::Enrolment.as_str());
    output.document(document);
    Ok(exit::GOOD)
}

fn endorse(output: &mut Output, args: &KeyEndorse) -> Result<u8, Failure> {
    let (bytes, enrolment) = statement(&args.statement)?;
    let session = args.approver.login()?;
    output.hint(&format!(
        "you say: {} belongs to {}",
        enrolment.public_key.fingerprint(),
        enrolment.person
    ));
    let word = AttestKey {
        log: enrolment.log,
        enrolment: StatementDigest(sha256(&[&bytes])),
        person: session.person(),
        key: session.key(),
    };
    let word = word
        .to_bytes()
        .map_err(|error| Failure::new(exit::USAGE, &error))?;
    let signature = session.device().sign(Context::AttestKey, &word)?;
    let document = Object::new()
        .with("key", session.key().to_string())
        .with("statement", Base64::encode_string(&word))
        .with("signature", Base64::encode_string(&signature));
    fs::write(&args.out, json::canonical(&Value::Object(document))).map_err(|cause| {
        Failure::say(
            exit::USAGE,
            format!("cannot write {}: {cause}", args.out.display()),
        )
    })?;
    output.line(&format!("wrote    {}", args.out.display()));
    output.document(Object::new().with("endorsement", args.out.display().to_string()));
    Ok(exit::GOOD)
}

fn enroll(output: &mut Output, args: &KeyEnroll) -> Result<u8, Failure> {
    let (bytes, enrolment) = statement(&args.statement)?;
    let signature = match (&args.proof, &args.key) {
        (Some(proof), _) => {
            let text = fs::read_to_string(proof).map_err(|cause| {
                Failure::say(
                    exit::USAGE,
                    format!("cannot read the proof {}: {cause}", proof.display()),
                )
            })?;
            sshsig::unarmour(&text).map_err(|error| Failure::new(exit::USAGE, &error))?
        }
        (None, Some(key)) => Device::open(key)?.sign(Context::Enrolment, &bytes)?,
        (None, None) => {
            return Err(Failure::say(
                exit::USAGE,
                "give --proof FILE or --key KEYFILE",
            ));
        }
    };
    verify(
        Context::Enrolment,
        &enrolment.public_key,
        &bytes,
        &signature,
    )
    .map_err(|error| {
        Failure::new(exit::USAGE, &error).hint(format!(
            "sign exactly this file: ssh-keygen -Y sign -n {} -f KEY {}",
            Context::Enrolment,
            args.statement.display()
        ))
    })?;
    let endorsement = args.endorsement.as_deref().map(endorsement).transpose()?;
    let fingerprint = enrolment.public_key.fingerprint();
    let (person, usage) = (enrolment.person, enrolment.usage);
    let made = args.place.place()?.change(|state| {
        check(state, &enrolment)?;
        Ok(Change::Key {
            enrolment: Box::new(enrolment),
            statement: bytes,
            signature,
            endorsement,
        })
    })?;
    let document = Object::new()
        .with("person", person.to_string())
        .with("fingerprint", fingerprint.as_str())
        .with("client", usage.as_str());
    match made {
        Made::Done(id) => {
            output.line(&format!("key      {id} of {person}, {fingerprint}"));
            output.document(document.with("id", id));
        }
        Made::Asked(asked) => asked.tell(output, document),
    }
    Ok(exit::GOOD)
}

fn check(state: &State, enrolment: &Enrolment) -> Result<(), Failure> {
    if enrolment.log != state.origin() {
        let sentence = format!(
            "the statement is for the log {}, this is {}",
            enrolment.log,
            state.origin()
        );
        return Err(Failure::say(exit::USAGE, sentence).hint("make a new one with `key request`"));
    }
    let wire = enrolment.public_key.to_ssh_wire();
    let known = state
        .roster
        .keys
        .iter()
        .find(|(_, key)| key.enrolled.public_key.0 == wire);
    match known {
        None => Ok(()),
        Some((id, key)) if key.revoked.is_some() => {
            let sentence =
                format!("this key was revoked as {id}: a revoked key is never enrolled again");
            Err(Failure::say(exit::USAGE, sentence))
        }
        Some((id, _)) => Err(Failure::say(
            exit::USAGE,
            format!("this key is enrolled already: {id}"),
        )),
    }
}

fn statement(path: &Path) -> Result<(Vec<u8>, Enrolment), Failure> {
    let bytes = fs::read(path).map_err(|cause| {
        Failure::say(
            exit::USAGE,
            format!("cannot read the statement {}: {cause}", path.display()),
        )
    })?;
    let enrolment = Enrolment::read(&bytes).map_err(|error| {
        let sentence = format!("{} is not an enrolment statement: {error}", path.display());
        Failure::say(exit::USAGE, sentence).hint("`key request` writes one; it must not be edited")
    })?;
    Ok((bytes, enrolment))
}

fn endorsement(path: &Path) -> Result<Endorsement, Failure> {
    let wrong = || {
        let sentence = format!("{} is not what `key endorse` writes", path.display());
        Failure::say(exit::USAGE, sentence)
    };
    let bytes = fs::read(path).map_err(|cause| {
        Failure::say(
            exit::USAGE,
            format!("cannot read the endorsement {}: {cause}", path.display()),
        )
    })?;
    let value = json::read(&bytes, &Limits::REQUEST).map_err(|_| wrong())?;
    let text = |name| value.member(name).and_then(Value::as_str).ok_or_else(wrong);
    let blob = |name| Ok(Blob(Base64::decode_vec(text(name)?).map_err(|_| wrong())?));
    Ok(Endorsement {
        key: text("key")?.parse().map_err(|_| wrong())?,
        statement: blob("statement")?,
        signature: blob("signature")?,
    })
}

fn history(output: &mut Output, args: &KeyHistory) -> Result<u8, Failure> {
    let source = source(&args.place.place()?)?;
    let state = state_of(&*source)?;
    let whose = match &args.of {
        None => Whose::All,
        Some(id) => match id.parse() {
            Ok(key) => Whose::Key(key),
            Err(_) => Whose::Person(person(&state, id)?),
        },
    };
    let mut events = Vec::new();
    for stored in source.records() {
        let stored = stored.map_err(|error| Failure::new(exit::USAGE, &error))?;
        let entry =
            Entry::decode(&stored.entry).map_err(|error| Failure::new(exit::UNPROVEN, &error))?;
        events.extend(event(output, &state, &whose, &entry));
    }
    output.document(Object::new().with("events", events));
    Ok(exit::GOOD)
}

enum Whose {
    All,
    Key(KeyId),
    Person(PersonId),
}

fn event(output: &mut Output, state: &State, whose: &Whose, entry: &Entry) -> Option<Object> {
    let what = match &entry.draft.fact {
        Fact::KeyEnrolled(it) => format!("enrolled {} {} for {}", it.scheme, it.class, it.client),
        Fact::KeyRevoked(it) => format!("revoked ({})", it.cause),
        _ => return None,
    };
    let (key, person) = (entry.draft.refs.key?, entry.draft.refs.person?);
    let asked = match whose {
        Whose::All => true,
        Whose::Key(id) => *id == key,
        Whose::Person(id) => *id == person,
    };
    if !asked {
        return None;
    }
    let handle = state
        .roster
        .people
        .get(&person)
        .and_then(|it| it.handle.as_deref())
        .map_or_else(|| "?".into(), escape);
    output.line(&format!("entry {:>6}  {key}  {handle}  {what}", entry.seq));
    Some(
        Object::new()
            .with("seq", number(entry.seq))
            .with("at_ms", number(entry.at))
            .with("kind", entry.kind())
            .with("key", key.to_string())
            .with("person", person.to_string())
            .with("what", what),
    )
}
