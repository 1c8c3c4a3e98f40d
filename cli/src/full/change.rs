//! Changes of the control: made directly before arming, asked for as calls afterwards.

use base64ct::{Base64, Encoding as _};
use countersign_attest::statement::Enrolment;
use countersign_flow::{Bootstrap, Command, State, key_enrolled};
use countersign_gate::{CallView, Connection};
use countersign_policy::{Facts, Question, Verdict, evaluate};
use countersign_record::action::policy_digest;
use countersign_record::digest::TokenDigest;
use countersign_record::entry::{
    AgentEnrolled, Blob, Change as Membership, CredentialEnrolled, Endorsement, ExecutorEnrolled,
    Fact, GroupChanged, KeyEnrolled, PersonEnrolled, PersonLeft, PolicyAdopted, Refs,
};
use countersign_record::id::{AgentId, CredentialId, ExecutorId, KeyId, PersonId, PolicyId};
use countersign_record::json::{Object, Value};
use countersign_record::name::{ExecutorName, GroupName};
use countersign_record::term::{Enforcement, Role};

use super::entropy::random;
use super::place::{Place, open_here, refused, start_failure};
use super::remote::{RemoteLog, state_of};
use crate::exit;
use crate::output::{Failure, Output, number};

/// A change of who there is and what holds.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Person {
        handle: String,
        name: String,
        email: String,
        groups: Vec<GroupName>,
    },
    Leave {
        person: PersonId,
    },
    Group {
        group: GroupName,
        person: PersonId,
        change: Membership,
    },
    Key {
        enrolment: Box<Enrolment>,
        statement: Vec<u8>,
        signature: Vec<u8>,
        endorsement: Option<Endorsement>,
    },
    Agent {
        name: String,
        principal: PersonId,
        enforcement: Enforcement,
        token: TokenDigest,
    },
    Executor {
        name: ExecutorName,
        token: TokenDigest,
    },
    Credential {
        name: String,
        role: Role,
        token: TokenDigest,
    },
    Policy {
        toml: String,
    },
}

/// What came of a change.
#[derive(Debug)]
pub(super) enum Made {
    /// It was made; the id of what is new.
    Done(String),
    /// People must agree first.
    Asked(Box<Asked>),
}

/// A control call that was asked for.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) view: CallView,
    /// Who must agree, in words.
    pub(super) needs: String,
}

impl Place {
    /// Makes the change that `plan` derives from the log's state, or asks for it.
    pub(super) fn change(
        &self,
        plan: impl FnOnce(&State) -> Result<Change, Failure>,
    ) -> Result<Made, Failure> {
        match self {
            Self::Data { data, log } => {
                let mut core = open_here(log)?;
                if core.state().armed {
                    return Err(armed(&data.display().to_string()));
                }
                let (id, changes) = plan(core.state())?.bootstraps()?;
                for change in changes {
                    core.direct("the change was refused", &Command::Bootstrap(change))
                        .map_err(|error| start_failure(&error))?;
                }
                core.settled("recording the change")
                    .map_err(|error| start_failure(&error))?;
                Ok(Made::Done(id))
            }
            Self::Url(connection) => {
                let state = state_of(&RemoteLog::read(connection)?)?;
                if !state.armed {
                    return Err(Failure::say(
                        exit::USAGE,
                        "the service is not armed: there is nobody to confirm a change yet",
                    )
                    .hint("stop it, make the change with --data D, and start it again"));
                }
                let change = plan(&state)?;
                let asked = ask(connection, &state, change.tool(), change.arguments())?;
                Ok(Made::Asked(Box::new(asked)))
            }
        }
    }
}

fn armed(data: &str) -> Failure {
    Failure::say(exit::USAGE, format!("the log in {data} is armed: use --url")).hint(
        "changes of the control are calls that people confirm: --url URL --token-file FILE of an operator",
    )
}

/// Asks for a control call.
pub(super) fn ask(
    connection: &Connection,
    state: &State,
    tool: &str,
    arguments: Object,
) -> Result<Asked, Failure> {
    let arguments = Value::Object(arguments);
    let path = "/v1/control-calls";
    let body = Object::new()
        .with("tool", tool)
        .with("arguments", arguments.clone());
    let key = countersign_record::digest::hex(&random::<16>()?);
    let answer = connection
        .post_keyed(path, Some(&key), body)
        .map_err(|error| refused(&error))?;
    let view = CallView::read(&answer.body)
        .map_err(|error| refused(&connection.not_ours(path, &error.to_string())))?;
    Ok(Asked {
        view,
        needs: needs(state, tool, &arguments),
    })
}

/// Whom the policy in force asks, as far as it is disclosed here.
fn needs(state: &State, tool: &str, arguments: &Value) -> String {
    let question = Question {
        tool,
        arguments,
        reason: None,
    };
    let verdict = state
        .document()
        .map(|policy| evaluate(policy, &question, &Facts::default()).verdict);
    let Some(Verdict::Confirm(requirement)) = verdict else {
        return "whom the policy names".into();
    };
    let slot = |slot: &countersign_policy::Slot| {
        let groups: Vec<&str> = slot.groups.iter().map(GroupName::as_str).collect();
        format!("{} of {}", slot.need, groups.join(" or "))
    };
    requirement
        .slots
        .iter()
        .map(slot)
        .collect::<Vec<_>>()
        .join(" and ")
}

impl Asked {
    pub(super) fn tell(&self, output: &mut Output, document: Object) {
        let view = &self.view;
        output.line(&format!("asked    {}", view.call));
        output.line(&format!("state    {}", view.state));
        output.line(&format!("needs    {}", self.needs));
        if let Some(words) = &view.check_words {
            output.line(&format!("words    {words}"));
        }
        output.hint(&format!(
            "nothing has changed yet; approvers: countersign approve {} --url URL --key KEYFILE",
            view.call
        ));
        let document = document
            .with("call", view.call.to_string())
            .with("state", view.state.as_str())
            .with("have", number(view.have))
            .with("need", number(view.need))
            .with("needs", self.needs.as_str())
            .with("message", view.message.as_str());
        output.document(document);
    }
}

impl Change {
    /// The reserved tool that makes this change.
    fn tool(&self) -> &'static str {
        match self {
            Self::Person { .. } => "countersign.person.add",
            Self::Leave { .. } => "countersign.person.leave",
            Self::Group { .. } => "countersign.group.change",
            Self::Key { .. } => "countersign.key.enroll",
            Self::Agent { .. } => "countersign.agent.add",
            Self::Executor { .. } => "countersign.executor.add",
            Self::Credential { .. } => "countersign.credential.add",
            Self::Policy { .. } => "countersign.policy.adopt",
        }
    }

    /// Its arguments, as people are shown them.
    fn arguments(&self) -> Object {
        let text = |members: &[(&str, &str)]| {
            members.iter().fold(Object::new(), |object, (name, text)| {
                object.with(*name, *text)
            })
        };
        match self {
            Self::Person {
                handle,
                name,
                email,
                groups,
            } => {
                let groups: Vec<&str> = groups.iter().map(GroupName::as_str).collect();
                text(&[("handle", handle), ("name", name), ("email", email)]).with("groups", groups)
            }
            Self::Leave { person } => text(&[("person", &person.to_string())]),
            Self::Group {
                group,
                person,
                change,
            } => text(&[
                ("group", group.as_str()),
                ("person", &person.to_string()),
                ("change", change.as_str()),
            ]),
            Self::Key {
                statement,
                signature,
                endorsement,
                ..
            } => {
                let arguments = text(&[
                    ("statement", &Base64::encode_string(statement)),
                    ("signature", &Base64::encode_string(signature)),
                ]);
                match endorsement {
                    None => arguments,
                    Some(word) => {
                        let word = text(&[
                            ("key", &word.key.to_string()),
                            ("statement", &Base64::encode_string(&word.statement.0)),
                            ("signature", &Base64::encode_string(&word.signature.0)),
                        ]);
                        arguments.with("endorsement", word)
                    }
                }
            }
            Self::Agent {
                name,
                principal,
                enforcement,
                token,
            } => text(&[
                ("name", name),
                ("principal", &principal.to_string()),
                ("enforcement", enforcement.as_str()),
                ("token_digest", &token.to_string()),
            ]),
            Self::Executor { name, token } => text(&[
                ("name", name.as_str()),
                ("token_digest", &token.to_string()),
            ]),
            Self::Credential { name, role, token } => text(&[
                ("name", name),
                ("role", role.as_str()),
                ("token_digest", &token.to_string()),
            ]),
            Self::Policy { toml } => text(&[("toml", toml)]),
        }
    }

    /// The same as the operator makes it before arming: the id of what is new, and the entries.
    fn bootstraps(self) -> Result<(String, Vec<Bootstrap>), Failure> {
        let (id, change) = match self {
            Self::Person {
                handle,
                name,
                email,
                groups,
            } => {
                let body = named(name).with("handle", handle).with("email", email);
                return person(body, groups);
            }
            Self::Leave { person } => (
                person.to_string(),
                one(of(person), PersonLeft { bootstrap: true }, None),
            ),
            Self::Group {
                group,
                person,
                change,
            } => (person.to_string(), member(person, group, change)),
            Self::Key {
                enrolment,
                statement,
                signature,
                endorsement,
            } => key(
                &enrolment,
                key_enrolled(&enrolment, Blob(statement), Blob(signature), endorsement),
            )?,
            Self::Agent {
                name,
                principal,
                enforcement,
                token,
            } => {
                let fact = AgentEnrolled {
                    token,
                    enforcement,
                    bootstrap: true,
                };
                agent(principal, fact, named(name))?
            }
            Self::Executor { name, token } => executor(ExecutorEnrolled {
                name,
                token,
                bootstrap: true,
            })?,
            Self::Credential { name, role, token } => credential(
                CredentialEnrolled {
                    role,
                    token,
                    bootstrap: true,
                },
                named(name),
            )?,
            Self::Policy { toml } => policy(toml)?,
        };
        Ok((id, vec![change]))
    }
}

fn key(enrolment: &Enrolment, mut key: KeyEnrolled) -> Result<(String, Bootstrap), Failure> {
    let id = KeyId::new(random()?);
    key.bootstrap = true;
    Ok((
        id.to_string(),
        one(
            Refs {
                key: Some(id),
                ..of(enrolment.person)
            },
            key,
            None,
        ),
    ))
}

fn agent(
    principal: PersonId,
    fact: AgentEnrolled,
    body: Object,
) -> Result<(String, Bootstrap), Failure> {
    let id = AgentId::new(random()?);
    let refs = Refs {
        agent: Some(id),
        ..of(principal)
    };
    Ok((id.to_string(), one(refs, fact, Some(("agent", body)))))
}

fn executor(fact: ExecutorEnrolled) -> Result<(String, Bootstrap), Failure> {
    let id = ExecutorId::new(random()?);
    let refs = Refs {
        executor: Some(id),
        ..Refs::default()
    };
    Ok((id.to_string(), one(refs, fact, None)))
}

fn credential(fact: CredentialEnrolled, body: Object) -> Result<(String, Bootstrap), Failure> {
    let id = CredentialId::new(random()?);
    let refs = Refs {
        credential: Some(id),
        ..Refs::default()
    };
    Ok((id.to_string(), one(refs, fact, Some(("credential", body)))))
}

/// A person, and the groups that they join.
fn person(body: Object, groups: Vec<GroupName>) -> Result<(String, Vec<Bootstrap>), Failure> {
    let id = PersonId::new(random()?);
    let person = one(
        of(id),
        PersonEnrolled { bootstrap: true },
        Some(("person", body)),
    );
    let joins = groups
        .into_iter()
        .map(|group| member(id, group, Membership::Add));
    Ok((id.to_string(), [person].into_iter().chain(joins).collect()))
}

fn policy(toml: String) -> Result<(String, Bootstrap), Failure> {
    let id = PolicyId::new(random()?);
    let refs = Refs {
        policy: Some(id),
        ..Refs::default()
    };
    let adopted = PolicyAdopted {
        digest: policy_digest(toml.as_bytes()),
        bootstrap: true,
    };
    Ok((
        id.to_string(),
        one(
            refs,
            adopted,
            Some(("policy", Object::new().with("toml", toml))),
        ),
    ))
}

fn member(person: PersonId, group: GroupName, change: Membership) -> Bootstrap {
    one(
        of(person),
        GroupChanged {
            group,
            change,
            bootstrap: true,
        },
        None,
    )
}

fn of(person: PersonId) -> Refs {
    Refs {
        person: Some(person),
        ..Refs::default()
    }
}

fn named(name: String) -> Object {
    Object::new().with("name", name)
}

fn one(refs: Refs, fact: impl Into<Fact>, body: Option<(&'static str, Object)>) -> Bootstrap {
    let bodies = body
        .into_iter()
        .map(|(name, body)| (name, Some(Value::Object(body))))
        .collect();
    Bootstrap {
        refs,
        fact: fact.into(),
        bodies,
    }
}
