//! `countersign lift`

use clap::Args;
use countersign_record::id::{CallId, FreezeId};
use countersign_record::json::Object;

use super::change::ask;
use super::place::ServiceArgs;
use super::remote::{RemoteLog, state_of};
use crate::exit;
use crate::output::{Failure, Output};

/// Ask to lift a freeze, or to let what was denied be asked again
///
/// Through the audit plane, with an operator's or a responder's token. It is a call that people confirm,
/// by default two of the owners: nothing is lifted before.
#[derive(Args, Debug)]
pub(crate) struct LiftArgs {
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    service: ServiceArgs,
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct What {
    /// This freeze
    #[arg(long, value_name = "ID")]
    freeze: Option<FreezeId>,
    /// The denial of this call
    #[arg(long, value_name = "CALL")]
    denial: Option<CallId>,
}

impl LiftArgs {
    pub(super) fn run(self, output: &mut Output) -> Result<u8, Failure> {
        let (tool, member, id) = match self.what {
            What {
                freeze: Some(id), ..
            } => ("countersign.freeze.lift", "freeze", id.to_string()),
            What {
                denial: Some(call), ..
            } => ("countersign.denial.lift", "call", call.to_string()),
            _ => return Err(Failure::say(exit::USAGE, "name what to lift")),
        };
        let connection = self.service.connect()?;
        let state = state_of(&RemoteLog::read(&connection)?)?;
        let arguments = Object::new().with(member, id.as_str());
        let asked = ask(&connection, &state, tool, arguments)?;
        asked.tell(output, Object::new().with("lifts", id));
        Ok(exit::GOOD)
    }
}
