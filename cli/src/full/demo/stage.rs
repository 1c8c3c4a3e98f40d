//! What the demo plays on: a directory with a ledger, people with keys, credentials, and a file that
//! nobody should delete lightly.

use std::fs;
use std::fs::{DirBuilder, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use countersign_attest::statement::{Enrolment, Head, Nonce};
use countersign_attest::{Context, PublicKey};
use countersign_flow::State;
use countersign_record::term::{Client, Enforcement, Role};
use countersign_service::Setup;
use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::{LineEnding, PrivateKey};

use crate::exit;
use crate::full::change::{Change, Made};
use crate::full::entropy::random;
use crate::full::init;
use crate::full::people::person;
use crate::full::place::{Place, log_dir};
use crate::full::sign::Device;
use crate::full::token::Token;
use crate::output::{Failure, Output};

/// The policy, as it stands in fixtures/policies/demo.toml.
const POLICY: &str = include_str!("../../../../fixtures/policies/demo.toml");

/// Who decides: handle, name, groups.
const PEOPLE: [(&str, &str, &[&str]); 3] = [
    ("ada", "Ada Okafor", &["owners", "treasury"]),
    ("ben", "Ben Lindqvist", &["owners", "treasury"]),
    ("cleo", "Cleo Marchetti", &["owners", "ops"]),
];

/// For whom the agent asks.
const PRINCIPAL: (&str, &str) = ("dora", "Dora Novak");

/// The files that the agent would like to delete.
pub(super) const REPORT: &str = "report-2019.csv";
pub(super) const CUSTOMERS: &str = "customers.csv";

/// The demo's directory.
pub(in crate::full) struct Stage {
    root: PathBuf,
    pub(in crate::full) agent: Token,
    pub(in crate::full) files: Token,
    pub(in crate::full) bank: Token,
}

impl Stage {
    /// Makes it; never over something that is there.
    pub(in crate::full) fn set(output: &mut Output, dir: &Path) -> Result<Self, Failure> {
        match fs::symlink_metadata(dir) {
            Ok(_) => {
                let sentence = format!(
                    "{} exists already; the demo never overwrites",
                    dir.display()
                );
                return Err(Failure::say(exit::USAGE, sentence).hint(format!(
                    "remove it (rm -r {}) or name another place with --dir",
                    dir.display()
                )));
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(cause) => return Err(unwritable(dir, &cause)),
        }
        make_dir(dir)?;
        let root = fs::canonicalize(dir).map_err(|cause| unwritable(dir, &cause))?;
        ["keys", "work"]
            .iter()
            .try_for_each(|name| make_dir(&root.join(name)))?;
        let stage = Self {
            root,
            agent: Token::make()?,
            files: Token::make()?,
            bank: Token::make()?,
        };
        stage.write(&format!("work/{REPORT}"), "year,total\n2019,1240331.07\n")?;
        stage.write(&format!("work/{CUSTOMERS}"), "id,name\n1,Example Ltd\n")?;
        stage.ledger(output)?;
        Ok(stage)
    }

    /// A path below the demo's directory.
    pub(super) fn path(&self, name: &str) -> String {
        self.root.join(name).display().to_string()
    }

    /// A person's key file.
    pub(in crate::full) fn key(&self, handle: &str) -> String {
        self.path(&format!("keys/{handle}"))
    }

    fn ledger(&self, output: &mut Output) -> Result<(), Failure> {
        let name = "main"
            .parse()
            .map_err(|error| Failure::new(exit::USAGE, &error))?;
        let setup = Setup {
            name,
            origin: "demo.invalid/countersign".into(),
            policy_toml: POLICY.into(),
            solo: false,
            head_lock: None,
            segment_bytes: None,
        };
        let data = self.root.join("data");
        let created = init::make(&data, &setup)?;
        self.write("trusted.vkey", &format!("{}\n", created.vkey))?;
        output.line(&format!("A ledger in {}", data.display()));
        output.line(&format!("  its key: {}", created.vkey));
        let place = Place::Data {
            log: log_dir(&data, None)?,
            data,
        };
        for (handle, name, groups) in PEOPLE {
            add_person(&place, handle, name, groups)?;
            self.add_key(&place, handle)?;
            output.line(&format!(
                "  {name} ({handle}) of {}, with the key {}",
                groups.join(" and "),
                self.key(handle)
            ));
        }
        add_person(&place, PRINCIPAL.0, PRINCIPAL.1, &[])?;
        self.add_programs(&place)?;
        output.line(&format!(
            "  the agent bookkeeper, which asks on behalf of {}",
            PRINCIPAL.1
        ));
        output.line("  the executors files and bank, which run what was approved");
        Ok(())
    }

    fn add_key(&self, place: &Place, handle: &str) -> Result<(), Failure> {
        let failed = |error: ssh_key::Error| Failure::new(exit::USAGE, &error);
        let pair = KeypairData::Ed25519(Ed25519Keypair::from_seed(&random()?));
        let key =
            PrivateKey::new(pair, format!("{handle} of the countersign demo")).map_err(failed)?;
        let text = key.to_openssh(LineEnding::LF).map_err(failed)?;
        self.write(&format!("keys/{handle}"), &text)?;
        let device = Device::open(Path::new(&self.key(handle)))?;
        self.write(
            &format!("keys/{handle}.pub"),
            &format!("{}\n", device.public().to_openssh_line()),
        )?;
        change(place, |state| {
            let enrolment = enrolment(state, handle, device.public())?;
            let statement = enrolment
                .to_bytes()
                .map_err(|error| Failure::new(exit::USAGE, &error))?;
            let signature = device.sign(Context::Enrolment, &statement)?;
            Ok(Change::Key {
                enrolment: Box::new(enrolment),
                statement,
                signature,
                endorsement: None,
            })
        })
    }

    fn add_programs(&self, place: &Place) -> Result<(), Failure> {
        change(place, |state| {
            Ok(Change::Agent {
                name: "bookkeeper".into(),
                principal: person(state, PRINCIPAL.0)?,
                enforcement: Enforcement::ToolVerified,
                token: self.agent.digest(),
            })
        })?;
        self.keep("agent", &self.agent)?;
        for (name, token) in [("files", &self.files), ("bank", &self.bank)] {
            let executor = name
                .parse()
                .map_err(|error| Failure::new(exit::USAGE, &error))?;
            change(place, |_| {
                Ok(Change::Executor {
                    name: executor,
                    token: token.digest(),
                })
            })?;
            self.keep(name, token)?;
        }
        for role in Role::ALL {
            let token = Token::make()?;
            let name = format!("the demo's {role}");
            change(place, |_| {
                Ok(Change::Credential {
                    name,
                    role: *role,
                    token: token.digest(),
                })
            })?;
            self.keep(role.as_str(), &token)?;
        }
        Ok(())
    }

    fn keep(&self, name: &str, token: &Token) -> Result<(), Failure> {
        self.write(
            &format!("keys/{name}.token"),
            &format!("{}\n", token.as_str()),
        )
    }

    fn write(&self, name: &str, text: &str) -> Result<(), Failure> {
        let path = self.root.join(name);
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|cause| unwritable(&path, &cause))
    }
}

fn add_person(place: &Place, handle: &str, name: &str, groups: &[&str]) -> Result<(), Failure> {
    let groups = groups.iter().map(|group| group.parse());
    let groups = groups
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::new(exit::USAGE, &error))?;
    change(place, |_| {
        Ok(Change::Person {
            handle: handle.into(),
            name: name.into(),
            email: format!("{handle}@demo.invalid"),
            groups,
        })
    })
}

fn enrolment(state: &State, handle: &str, public_key: &PublicKey) -> Result<Enrolment, Failure> {
    let head = state.head.as_ref().map(|head| Head {
        seq: head.seq,
        hash: head.hash,
    });
    Ok(Enrolment {
        log: state.origin().to_owned(),
        person: person(state, handle)?,
        public_key: public_key.clone(),
        usage: Client::Cli,
        nonce: Nonce(random()?),
        head: head.ok_or_else(|| Failure::say(exit::USAGE, "the log is empty"))?,
    })
}

fn change(
    place: &Place,
    plan: impl FnOnce(&State) -> Result<Change, Failure>,
) -> Result<(), Failure> {
    match place.change(plan)? {
        Made::Done(_) => Ok(()),
        Made::Asked(_) => Err(Failure::say(exit::USAGE, "the demo's log is armed already")),
    }
}

fn make_dir(path: &Path) -> Result<(), Failure> {
    DirBuilder::new()
        .mode(0o700)
        .create(path)
        .map_err(|cause| unwritable(path, &cause))
}

fn unwritable(path: &Path, cause: &std::io::Error) -> Failure {
    Failure::say(
        exit::USAGE,
        format!("cannot make {}: {cause}", path.display()),
    )
    .hint("name a place that you may write to with --dir")
}
