//! Bodies get salts and roots while a command is judged, and are sealed when it was admitted.

use countersign_attest::Verified;
use countersign_flow::Commit;
use countersign_record::body::Body;
use countersign_record::digest::BodyRoot;
use countersign_record::json::Value;

use crate::entropy::{Entropy, EntropyError, draw};

/// Commits to bodies with fresh salts and keeps them.
pub(crate) struct Sealer<'a> {
    entropy: &'a mut dyn Entropy,
    proof: Option<&'a Verified>,
    bodies: Vec<(usize, &'static str, Body)>,
    fault: Option<Fault>,
}

/// Why a body could not be committed to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// A body's value was withheld, or is larger than a document may be.
    Value,
    /// No randomness.
    Entropy(EntropyError),
}

impl<'a> Sealer<'a> {
    pub(crate) fn new(entropy: &'a mut dyn Entropy, proof: Option<&'a Verified>) -> Self {
        Self {
            entropy,
            proof,
            bodies: Vec::new(),
            fault: None,
        }
    }

    /// The bodies, unless one could not be made.
    pub(crate) fn finish(self) -> Result<Vec<(usize, &'static str, Body)>, Fault> {
        self.fault.map_or(Ok(self.bodies), Err)
    }

    fn body(&mut self, value: Option<&Value>) -> Result<Body, Fault> {
        let value = value.ok_or(Fault::Value)?;
        let entropy = &mut *self.entropy;
        let salt = draw(entropy).map_err(Fault::Entropy)?;
        let mut fault = None;
        let body = Body::commit(value, salt, || {
            draw(entropy).unwrap_or_else(|error| {
                fault = Some(Fault::Entropy(error));
                [0; 16]
            })
        });
        fault.map_or(Ok(()), Err)?;
        body.map_err(|_| Fault::Value)
    }
}

impl Commit for Sealer<'_> {
    fn commit(&mut self, draft: usize, name: &'static str, value: Option<&Value>) -> BodyRoot {
        match self.body(value) {
            Ok(body) => {
                let root = body.root();
                self.bodies.push((draft, name, body));
                root
            }
            Err(fault) => {
                self.fault = Some(fault);
                BodyRoot([0; 32])
            }
        }
    }

    fn proof(&self) -> Option<&Verified> {
        self.proof
    }
}
