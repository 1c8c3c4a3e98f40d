//! The checks of the files themselves, as lines of the verifier's report.

use countersign_evidence::{Fault, Inspection, Looked};
use countersign_record::json::Object;
use countersign_verify::{Finding, Report, Severity, Status, Verdict};

use crate::output::number;

/// Adds what was found about the files to what was found about the entries.
pub(super) fn merge(report: &mut Report, inspected: &[Inspection]) {
    for inspection in inspected {
        match &inspection.looked {
            Looked::Good | Looked::Remark(_) => {}
            Looked::Unfinished(fault) => {
                report.doubts.push(sentence(fault));
                if report.verdict != Verdict::Broken {
                    report.verdict = Verdict::Inconclusive;
                }
            }
            Looked::Bad(faults) => {
                report.verdict = Verdict::Broken;
                let findings = faults.iter().map(|fault| finding(inspection.name, fault));
                report.findings.splice(0..0, findings);
            }
        }
    }
}

/// `[PASS] files-unchanged  44 files`
pub(super) fn line(inspection: &Inspection) -> String {
    let Inspection { name, count, .. } = inspection;
    let told = told(inspection);
    let told = if told.is_empty() {
        told
    } else {
        format!("; {told}")
    };
    format!(
        "[{}] {name:<16} {count} {}{told}",
        status(inspection).as_str(),
        inspection.unit
    )
}

pub(super) fn document(inspection: &Inspection) -> Object {
    Object::new()
        .with("id", inspection.name)
        .with("status", status(inspection).as_str())
        .with("checked", number(inspection.count))
        .with("sentence", told(inspection))
}

fn status(inspection: &Inspection) -> Status {
    match inspection.looked {
        Looked::Good => Status::Pass,
        Looked::Remark(_) | Looked::Unfinished(_) => Status::Warn,
        Looked::Bad(_) => Status::Fail,
    }
}

fn told(inspection: &Inspection) -> String {
    match &inspection.looked {
        Looked::Good => String::new(),
        Looked::Remark(remark) => remark.clone(),
        Looked::Unfinished(fault) => sentence(fault),
        Looked::Bad(faults) if faults.len() == 1 => "1 fault".into(),
        Looked::Bad(faults) => format!("{} faults", faults.len()),
    }
}

fn finding(id: &'static str, fault: &Fault) -> Finding {
    let (severity, seq) = (Severity::Integrity, fault.seq);
    Finding {
        id,
        severity,
        seq,
        call: None,
        sentence: sentence(fault),
    }
}

pub(super) fn sentence(fault: &Fault) -> String {
    format!("{}: {}", fault.place, fault.sentence)
}
