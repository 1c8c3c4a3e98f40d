//! What happens: an agent asks, people decide, executors run.

use std::fs;
use std::path::Path;
use std::sync::mpsc;
use std::thread;

use countersign_gate::{
    CallState, CallView, Claim, Connection, ExecutorClient, Gate, GateError, NewCall, Report,
};
use countersign_record::json::{Object, Value};
use countersign_record::object;

use super::Held;
use super::server::{Server, me, run_me};
use super::stage::{CUSTOMERS, REPORT, Stage};
use crate::exit;
use crate::full::entropy::random;
use crate::full::request::gate_failure;
use crate::output::{Failure, Output};

/// Everything that a scene needs.
pub(super) struct Scene<'a> {
    pub(super) output: &'a mut Output,
    pub(super) held: &'a mut Held,
    pub(super) stage: &'a Stage,
    pub(super) server: &'a Server,
    pub(super) yes: bool,
}

/// What later checks need to know.
pub(super) struct Played {
    pub(super) deletion: String,
    /// The deletion was approved and redeemed, and redeemed again in vain.
    pub(super) redeemed: bool,
    pub(super) transfer: String,
}

/// What a scripted device does: the command, and whose key.
type Script = &'static [(&'static str, &'static str)];

impl Scene<'_> {
    /// Plays all scenes.
    pub(super) fn play(&mut self) -> Result<Played, Failure> {
        let (deletion, redeemed) = self.delete_report()?;
        let transfer = self.transfer()?;
        if self.yes {
            self.denied()?;
            self.expired()?;
        }
        Ok(Played {
            deletion,
            redeemed,
            transfer,
        })
    }

    fn delete_report(&mut self) -> Result<(String, bool), Failure> {
        let path = self.stage.path(&format!("work/{REPORT}"));
        let call = new_call(
            "delete-1",
            "delete_file",
            object! { "path": path.as_str() },
            "The report is older than five years.",
        );
        let asked = self.ask(
            "The agent asks to delete a file",
            &call,
            &[("approve", "cleo")],
            &["cleo"],
        )?;
        let there = Path::new(&path).exists();
        self.held.check(
            self.output,
            there,
            "while people are asked, the file is still there",
        );
        let view = self.wait(asked, &[("approve", "cleo")])?;
        if !view.state.is_redeemable() {
            let there = Path::new(&path).exists();
            self.held.check(
                self.output,
                there,
                "the call was not approved, and the file is still there",
            );
            return Ok((view.call.to_string(), false));
        }
        let executor = ExecutorClient::new(self.connect(self.stage.files.as_str())?);
        let claim = claim(&view, &call)?;
        self.claimed(&executor, &claim)?;
        let deleted = fs::remove_file(&path);
        self.held.check(
            self.output,
            deleted.is_ok() && !Path::new(&path).exists(),
            "the approved deletion really happened",
        );
        self.report(&executor, &view, deleted.is_ok())?;
        let again = Claim {
            nonce: random()?,
            ..claim
        };
        let code = match executor.redeem_seen(&again, &view) {
            Err(GateError::Request(error)) => error.problem().map(|problem| problem.code.clone()),
            Ok(_) | Err(_) => None,
        };
        let refused = code.as_deref() == Some("already-redeemed");
        self.held
            .check(self.output, refused, "a second redemption was refused");
        Ok((view.call.to_string(), true))
    }

    fn transfer(&mut self) -> Result<String, Failure> {
        let beneficiary = object! { "name": "Example Ltd", "account": "DE89370400440532013000" };
        let arguments = object! {
            "amount": "24000.00",
            "currency": "EUR",
            "beneficiary": beneficiary,
            "reference": "INV-2031",
        };
        let call = new_call(
            "wire-1",
            "bank.wire",
            arguments,
            "Invoice INV-2031 is due today.",
        );
        let script: Script = &[("approve", "ada"), ("approve", "ben")];
        let asked = self.ask(
            "The agent asks to send EUR 24,000",
            &call,
            script,
            &["ada", "ben"],
        )?;
        let view = self.wait(asked, script)?;
        let id = view.call.to_string();
        let payments = self.stage.path("work/payments.csv");
        if view.state.is_redeemable() {
            let executor = ExecutorClient::new(self.connect(self.stage.bank.as_str())?);
            self.claimed(&executor, &claim(&view, &call)?)?;
            let sent = fs::write(&payments, "24000.00,EUR,DE89370400440532013000,INV-2031\n");
            self.held.check(
                self.output,
                sent.is_ok(),
                "two of Treasury agreed, and the bank's executor sent it once",
            );
            self.report(&executor, &view, sent.is_ok())?;
        } else {
            let nothing = !Path::new(&payments).exists();
            self.held.check(
                self.output,
                nothing,
                "the transfer was not approved, and nothing was sent",
            );
        }
        Ok(id)
    }

    fn denied(&mut self) -> Result<(), Failure> {
        let path = self.stage.path(&format!("work/{CUSTOMERS}"));
        let call = new_call(
            "delete-2",
            "delete_file",
            object! { "path": path.as_str() },
            "Cleaning up.",
        );
        let script: Script = &[("deny", "cleo")];
        let asked = self.ask(
            "The agent asks to delete the customers",
            &call,
            script,
            &["cleo"],
        )?;
        let view = self.wait(asked, script)?;
        let held = view.state == CallState::Denied && Path::new(&path).exists();
        self.held.check(
            self.output,
            held,
            "a person refused, and the file is still there",
        );
        Ok(())
    }

    fn expired(&mut self) -> Result<(), Failure> {
        let call = new_call(
            "restart-1",
            "restart_machine",
            object! { "machine": "web-1" },
            "It feels slow.",
        );
        let asked = self.ask(
            "The agent asks to restart a machine, and nobody answers",
            &call,
            &[],
            &["cleo"],
        )?;
        let view = self.wait(asked, &[])?;
        self.held.check(
            self.output,
            view.state == CallState::Expired,
            "silence was a cancel",
        );
        Ok(())
    }

    fn connect(&self, token: &str) -> Result<Connection, Failure> {
        let connection = Connection::new(&self.server.agent, None);
        let connection = connection.map_err(|error| Failure::new(exit::USAGE, &error))?;
        Ok(connection.with_token(token))
    }

    /// The agent submits; what it sees, and what people could type.
    fn ask(
        &mut self,
        title: &str,
        call: &NewCall,
        script: Script,
        people: &[&str],
    ) -> Result<CallView, Failure> {
        self.output.line(&format!("\n{title}"));
        let gate = Gate::new(self.connect(self.stage.agent.as_str())?);
        let view = gate.submit(call).map_err(|error| gate_failure(&error))?;
        self.output
            .line(&format!("  the agent sees: {}", view.message));
        self.held.check(
            self.output,
            view.state.is_pending(),
            "people are asked first",
        );
        if !self.yes && !script.is_empty() {
            self.output
                .line("  in another terminal, as one of those who are asked:");
            let url = &self.server.approver;
            for handle in people {
                let key = self.stage.key(handle);
                self.output
                    .line(&format!("    {} inbox --url {url} --key {key}", me()));
                self.output.line(&format!(
                    "    {} approve {} --url {url} --key {key}",
                    me(),
                    view.call
                ));
            }
        }
        Ok(view)
    }

    /// The agent waits in a thread of its own while people decide.
    fn wait(&mut self, asked: CallView, script: Script) -> Result<CallView, Failure> {
        let gate = Gate::new(self.connect(self.stage.agent.as_str())?);
        let (call, pending) = (asked.call.to_string(), asked.state.is_pending());
        let (told, heard) = mpsc::channel();
        let waiter = thread::spawn(move || {
            // Whoever no longer listens has failed already, and says so itself.
            gate.decided(asked, |view| drop(told.send(view.message.clone())))
        });
        let script = if self.yes && pending { script } else { &[] };
        for (decision, handle) in script {
            self.decide(decision, handle, &call)?;
        }
        for message in heard {
            self.output.line(&format!("  the agent sees: {message}"));
        }
        match waiter.join() {
            Ok(view) => view.map_err(|error| gate_failure(&error)),
            Err(_) => Err(Failure::say(
                exit::USAGE,
                "the agent's side ended in disorder",
            )),
        }
    }

    /// A scripted device: the same command that a person types, without the question.
    fn decide(&mut self, decision: &str, handle: &str, call: &str) -> Result<(), Failure> {
        let (url, key) = (&self.server.approver, self.stage.key(handle));
        let command = [
            decision,
            call,
            "--url",
            url,
            "--key",
            &key,
            "--yes-i-am-a-test-device",
        ];
        let done = run_me(&command.map(str::to_owned))?;
        if done.code != exit::GOOD {
            self.output.hint(done.stderr.trim_end());
        }
        let words = done
            .stdout
            .lines()
            .find(|line| line.starts_with("Check words"));
        if let Some(words) = words {
            self.output.line(&format!("  {handle}'s screen:  {words}"));
        }
        self.held.check(
            self.output,
            done.code == exit::GOOD,
            format!("{handle}'s device signed: {decision}"),
        );
        Ok(())
    }

    fn claimed(&mut self, executor: &ExecutorClient, claim: &Claim<'_>) -> Result<(), Failure> {
        let redeemed = executor
            .redeem(claim)
            .map_err(|error| gate_failure(&error))?;
        self.output.line(&format!(
            "  the executor redeemed it as entry {}",
            redeemed.seq
        ));
        Ok(())
    }

    fn report(
        &mut self,
        executor: &ExecutorClient,
        view: &CallView,
        ran: bool,
    ) -> Result<(), Failure> {
        let status = if ran { "succeeded" } else { "failed" };
        let report = Report {
            call: view.call,
            status,
            detail: None,
        };
        let reported = executor
            .report(&report)
            .map_err(|error| gate_failure(&error))?;
        self.output.line(&format!(
            "  the executor reported {} as entry {}",
            reported.status, reported.seq
        ));
        Ok(())
    }
}

fn new_call(id: &str, tool: &str, arguments: Object, reason: &str) -> NewCall {
    NewCall {
        tool_call_id: id.into(),
        tool: tool.into(),
        arguments: Value::Object(arguments),
        reason: Some(reason.into()),
        session: Some("demo".into()),
    }
}

fn claim<'a>(view: &CallView, call: &'a NewCall) -> Result<Claim<'a>, Failure> {
    Ok(Claim {
        call: view.call,
        tool: &call.tool,
        arguments: &call.arguments,
        nonce: random()?,
    })
}
