use super::*;

fn load(
    file: Option<&str>,
    environment: &[(&str, &str)],
    flags: &[(&'static str, &str)],
) -> Result<Effective, ConfigError> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("countersign.toml");
    if let Some(text) = file {
        std::fs::write(&path, text).unwrap();
    }
    let flags: Vec<(&'static str, String)> = flags
        .iter()
        .map(|(key, value)| (*key, (*value).to_owned()))
        .collect();
    let variable = |name: &str| {
        let found = environment.iter().find(|(other, _)| *other == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    Config::load(Sources {
        file: file.map(|_| path.as_path()),
        environment: &variable,
        flags: &flags,
    })
}

fn source_of(effective: &Effective, key: &str) -> String {
    let (.., source) = effective
        .values
        .iter()
        .find(|(name, ..)| *name == key)
        .unwrap();
    source.to_string()
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let file =
        "data = 'a'\nagent = '127.0.0.1:1'\naudit = '127.0.0.1:2'\n[limits]\nconnections = 7\n";
    let environment = [
        ("COUNTERSIGN_AGENT", "127.0.0.1:3"),
        ("COUNTERSIGN_AUDIT", "127.0.0.1:4"),
    ];
    let effective = load(Some(file), &environment, &[("agent", "127.0.0.1:5")]).unwrap();
    assert_eq!(effective.config.agent, "127.0.0.1:5");
    assert_eq!(effective.config.audit, "127.0.0.1:4");
    assert_eq!(effective.config.limits.connections, 7);
    assert_eq!(source_of(&effective, "agent"), "flag --agent");
    assert_eq!(
        source_of(&effective, "audit"),
        "environment COUNTERSIGN_AUDIT"
    );
    assert!(source_of(&effective, "data").starts_with("file "));
    assert_eq!(source_of(&effective, "approver"), "default");
}

#[test]
fn the_defaults_are_those_of_the_documentation() {
    let effective = load(None, &[("COUNTERSIGN_DATA", "d")], &[]).unwrap();
    assert_eq!(effective.config.limits, Limits::default());
    assert_eq!(effective.config.tls, TlsMode::Off);
    assert_eq!(effective.config.agent, "127.0.0.1:7600");
    assert_eq!(effective.config.approver, "localhost:7601");
    assert_eq!(effective.config.audit, "127.0.0.1:7602");
}

fn fault(file: &str) -> String {
    load(Some(file), &[], &[]).unwrap_err().to_string()
}

#[test]
fn an_unknown_setting_is_named() {
    assert!(
        fault("data = 'd'\n[limits]\nconections = 7\n").contains("no setting limits.conections")
    );
}

#[test]
fn a_wrong_value_is_named_with_its_source_and_what_it_could_be() {
    let fault = fault("data = 'd'\n[start]\narm = 'yes'\n");
    assert!(fault.contains("start.arm = \"yes\" (file "), "{fault}");
    assert!(fault.ends_with("expected true or false"), "{fault}");
}

#[test]
fn a_missing_data_directory_says_how_to_name_it() {
    let fault = load(None, &[], &[]).unwrap_err().to_string();
    assert_eq!(
        fault,
        "data is not set: give --data, COUNTERSIGN_DATA, or data in the file"
    );
}

#[test]
fn limits_have_limits() {
    assert!(fault("data = 'd'\n[limits]\nconnections = 0\n").contains("from 1 to 1000000"));
    assert!(fault("data = 'd'\n[limits]\nheader_seconds = 3601\n").contains("from 1 to 3600"));
}

#[test]
fn a_certificate_without_the_mode_is_a_contradiction() {
    assert!(
        fault("data = 'd'\n[tls]\nkey_file = 'k'\n").contains("only used with tls.mode = files")
    );
    assert!(fault("data = 'd'\n[tls]\nmode = 'files'\n").contains("needs tls.certificate_file"));
}

#[test]
fn what_vouches_for_one_start_is_not_kept_in_a_file_or_environment() {
    assert!(fault("data = 'd'\n[start]\naccept_clock = true\n").contains("an order for one start"));
    let kept = load(
        None,
        &[
            ("COUNTERSIGN_DATA", "d"),
            ("COUNTERSIGN_START_ADOPT_HEAD", "true"),
        ],
        &[],
    );
    assert!(
        kept.unwrap_err()
            .to_string()
            .contains("environment COUNTERSIGN_START_ADOPT_HEAD")
    );
    let ordered = load(
        None,
        &[("COUNTERSIGN_DATA", "d")],
        &[("start.adopt_head", "true")],
    )
    .unwrap();
    assert!(ordered.config.start.adopt_head);
    assert_eq!(source_of(&ordered, "start.adopt_head"), "flag --adopt-head");
}

#[test]
fn the_file_in_the_guide_is_the_defaults() {
    let guide = include_str!("../../../docs/guides/operating.md");
    let (_, file) = guide.split_once("```toml\n").unwrap();
    let (file, _) = file.split_once("```").unwrap();
    let effective = load(Some(file), &[], &[]).unwrap();
    assert_eq!(effective.config.limits, Limits::default());
    for key in ["agent", "approver", "audit", "tls.mode", "start.arm"] {
        let setting = SETTINGS.iter().find(|setting| setting.key == key).unwrap();
        let (_, value, source) = effective
            .values
            .iter()
            .find(|(name, ..)| *name == key)
            .unwrap();
        assert_eq!(Some(value.as_str()), setting.default);
        assert!(matches!(source, Source::File(_)), "the guide shows {key}");
    }
    let file = file
        .replace("# certificate_file", "certificate_file")
        .replace("# key_file", "key_file");
    let file = file
        .replace("mode = \"off\"", "mode = \"files\"")
        .replace("# log", "log");
    let full = load(Some(&file), &[], &[]).unwrap();
    assert!(matches!(full.config.tls, TlsMode::Files(_)));
    assert_eq!(full.config.log.as_deref(), Some("acme"));
}
