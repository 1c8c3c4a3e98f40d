//! Picking each value from the strongest source that has it, and reading it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use super::{ConfigError, Limits, SETTINGS, Setting, Source, Sources, TlsFiles, TlsMode};

/// What the file says, by dotted key.
#[derive(Default)]
pub(super) struct FileValues {
    path: PathBuf,
    values: BTreeMap<String, String>,
}

pub(super) fn file_values(path: &Path) -> Result<FileValues, ConfigError> {
    let path = path.to_owned();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(cause) => return Err(ConfigError::File { path, cause }),
    };
    let table: toml::Table = match text.parse() {
        Ok(table) => table,
        Err(fault) => {
            return Err(ConfigError::Toml {
                path,
                fault: fault.to_string(),
            });
        }
    };
    let mut values = BTreeMap::new();
    if let Err(fault) = flatten("", table, &mut values) {
        return Err(ConfigError::Toml { path, fault });
    }
    let known = |key: &String| SETTINGS.iter().any(|setting| setting.key == key);
    match values.keys().find(|key| !known(key)).cloned() {
        Some(key) => Err(ConfigError::Unknown { path, key }),
        None => Ok(FileValues { path, values }),
    }
}

/// Tables become dotted keys; a key whose value is no setting's is the error.
fn flatten(
    prefix: &str,
    table: toml::Table,
    values: &mut BTreeMap<String, String>,
) -> Result<(), String> {
    for (name, value) in table {
        let key = format!("{prefix}{name}");
        let text = match value {
            toml::Value::Table(table) => {
                flatten(&format!("{key}."), table, values)?;
                continue;
            }
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Boolean(truth) => truth.to_string(),
            toml::Value::Float(_) | toml::Value::Datetime(_) | toml::Value::Array(_) => {
                return Err(format!(
                    "{key}: a setting is a text, a whole number, true or false"
                ));
            }
        };
        values.insert(key, text);
    }
    Ok(())
}

/// Every value with its source.
#[derive(Default)]
pub(super) struct Merged(Vec<(&'static str, String, Source)>);

impl Merged {
    /// Flag over environment over file over default.
    pub(super) fn pick(
        &mut self,
        setting: &Setting,
        sources: &Sources<'_>,
        file: &FileValues,
    ) -> Result<(), ConfigError> {
        let key = setting.key;
        let flag = sources.flags.iter().find(|(name, _)| *name == key);
        let flag = flag.map(|(_, value)| (value.clone(), Source::Flag(flag_name(key))));
        let variable = variable_name(key);
        let environment = (sources.environment)(&variable);
        let environment = environment.map(|value| (value, Source::Environment(variable)));
        let in_file = file.values.get(key);
        let in_file = in_file.map(|value| (value.clone(), Source::File(file.path.clone())));
        let kept = environment.or(in_file);
        if let Some((_, source_of)) = kept.clone().filter(|_| FLAG_ONLY.contains(&key)) {
            return Err(ConfigError::FlagOnly { key, source_of });
        }
        let default = || Some((setting.default?.to_owned(), Source::Default));
        let picked = flag.or(kept).or_else(default);
        self.0
            .extend(picked.map(|(value, source)| (key, value, source)));
        Ok(())
    }

    pub(super) fn into_values(self) -> Vec<(&'static str, String, Source)> {
        self.0
    }

    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.0
            .iter()
            .find(|(name, ..)| *name == key)
            .map(|(_, value, _)| value.clone())
    }

    pub(super) fn required(&self, key: &'static str) -> Result<String, ConfigError> {
        self.text(key).ok_or(ConfigError::Missing { key })
    }

    pub(super) fn parsed<T: FromStr>(
        &self,
        key: &'static str,
        expected: &'static str,
    ) -> Result<T, ConfigError> {
        self.required(key)?
            .parse()
            .map_err(|_| self.wrong(key, expected))
    }

    fn wrong(&self, key: &'static str, expected: &'static str) -> ConfigError {
        let found = self.0.iter().find(|(name, ..)| *name == key);
        let (value, source_of) = found
            .map_or((String::new(), Source::Default), |(_, value, source)| {
                (value.clone(), source.clone())
            });
        ConfigError::Value {
            key,
            value,
            source_of,
            expected,
        }
    }

    pub(super) fn tls(&self) -> Result<TlsMode, ConfigError> {
        let certificate = self.text("tls.certificate_file").map(PathBuf::from);
        let key = self.text("tls.key_file").map(PathBuf::from);
        match (self.required("tls.mode")?.as_str(), certificate, key) {
            ("off", None, None) => Ok(TlsMode::Off),
            ("self-signed", None, None) => Ok(TlsMode::SelfSigned),
            ("files", Some(certificate), Some(key)) => {
                Ok(TlsMode::Files(TlsFiles { certificate, key }))
            }
            ("files", ..) => Err(ConfigError::Contradiction(
                "tls.mode = files needs tls.certificate_file and tls.key_file",
            )),
            ("off" | "self-signed", ..) => Err(ConfigError::Contradiction(
                "tls.certificate_file and tls.key_file are only used with tls.mode = files",
            )),
            _ => Err(self.wrong("tls.mode", "off, self-signed or files")),
        }
    }

    pub(super) fn limits(&self) -> Result<Limits, ConfigError> {
        Ok(Limits {
            requests_per_second: self.count("limits.requests_per_second")?,
            request_burst: self.count("limits.request_burst")?,
            requests_at_once: self.count("limits.requests_at_once")?,
            connections: self.count("limits.connections")?,
            header: self.seconds("limits.header_seconds")?,
            body: self.seconds("limits.body_seconds")?,
            stop: self.seconds("limits.stop_seconds")?,
        })
    }

    fn count(&self, key: &'static str) -> Result<u32, ConfigError> {
        let expected = "a whole number from 1 to 1000000";
        let count = self.parsed(key, expected)?;
        if (1..=1_000_000).contains(&count) {
            Ok(count)
        } else {
            Err(self.wrong(key, expected))
        }
    }

    fn seconds(&self, key: &'static str) -> Result<Duration, ConfigError> {
        let expected = "whole seconds from 1 to 3600";
        let seconds = self.parsed(key, expected)?;
        if (1..=3600).contains(&seconds) {
            Ok(Duration::from_secs(seconds))
        } else {
            Err(self.wrong(key, expected))
        }
    }
}

/// `start.adopt_head` is `COUNTERSIGN_START_ADOPT_HEAD`.
fn variable_name(key: &str) -> String {
    format!("COUNTERSIGN_{}", key.to_uppercase().replace('.', "_"))
}

/// `limits.header_seconds` is `--limits-header-seconds`; `start.arm` is `--arm`, `tls.mode` `--tls`.
fn flag_name(key: &str) -> String {
    let key = key.strip_prefix("start.").unwrap_or(key);
    let key = key.strip_suffix(".mode").unwrap_or(key);
    format!("--{}", key.replace(['.', '_'], "-"))
}

/// Orders that a human gives for one start; kept anywhere, they would be given unseen.
const FLAG_ONLY: [&str; 2] = ["start.adopt_head", "start.accept_clock"];
