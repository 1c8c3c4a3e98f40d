use std::time::Duration;

use super::*;

fn limits(per_second: u32, burst: u32, at_once: u32) -> Limits {
    Limits {
        requests_per_second: per_second,
        request_burst: burst,
        requests_at_once: at_once,
        ..Limits::default()
    }
}

fn pace(per_second: u32, burst: u32, at_once: u32) -> Pace<u64> {
    Pace::new("asker", &limits(per_second, burst, at_once))
}

const ONE: u64 = 1;
const OTHER: u64 = 2;

#[test]
fn a_burst_works_and_one_more_is_refused_until_time_passes() {
    let (pace, now) = (pace(2, 3, 100), Instant::now());
    (0..3).for_each(|_| drop(pace.take(ONE, now).unwrap()));
    assert!(pace.take(ONE, now).is_err());
    assert!(pace.take(ONE, now + Duration::from_millis(500)).is_ok());
    assert!(pace.take(ONE, now + Duration::from_millis(500)).is_err());
}

#[test]
fn a_flood_of_one_is_not_anothers() {
    let (pace, now) = (pace(1, 1, 100), Instant::now());
    drop(pace.take(ONE, now).unwrap());
    assert!(pace.take(ONE, now).is_err());
    assert!(pace.take(OTHER, now).is_ok());
}

#[test]
fn requests_under_way_are_counted_until_they_end() {
    let (pace, now) = (pace(100, 100, 2), Instant::now());
    let (first, second) = (pace.take(ONE, now).unwrap(), pace.take(ONE, now).unwrap());
    assert!(pace.take(ONE, now).is_err());
    drop(first);
    assert!(pace.take(ONE, now).is_ok());
    drop(second);
}

fn crowd() -> std::ops::Range<u64> {
    100..100 + u64::try_from(ASKERS_MAX).unwrap()
}

#[test]
fn when_all_are_busy_a_new_asker_is_refused_and_nobody_starts_anew() {
    let (pace, now) = (pace(1, 1, 1), Instant::now());
    drop(pace.take(ONE, now).unwrap());
    crowd().for_each(|asker| drop(pace.take(asker, now)));
    let refused = pace.take(OTHER, now).expect_err("no room");
    let limit = format!("limit: Some({ASKERS_MAX})");
    assert!(format!("{refused:?}").contains(&limit), "{refused:?}");
    assert!(pace.take(ONE, now).is_err(), "its bucket is still empty");
    assert_eq!(pace.locked().len(), ASKERS_MAX);
}

#[test]
fn who_is_idle_makes_room_and_who_has_requests_under_way_is_not_idle() {
    let (pace, now) = (pace(1, 1, 1), Instant::now());
    let under_way = pace.take(ONE, now).unwrap();
    crowd().for_each(|asker| drop(pace.take(asker, now)));
    let later = now + Duration::from_secs(1);
    assert!(pace.take(OTHER, later).is_ok());
    assert_eq!(pace.locked().len(), 2);
    assert!(pace.take(ONE, later).is_err(), "one at once");
    drop(under_way);
    assert!(pace.take(ONE, later).is_ok());
}

#[test]
fn logins_and_invented_tokens_take_nothing_from_decisions() {
    let (paces, now) = (Paces::new(&limits(1, 1, 1)), Instant::now());
    let network = Network::from(IpAddr::from([192, 0, 2, 1]));
    while paces.logins.take(network, now).is_ok() {}
    while paces.strangers.take(network, now).is_ok() {}
    while paces.open.take(network, now).is_ok() {}
    for _ in 0..GENEROUS {
        drop(paces.signers.take(network, now).unwrap());
        drop(paces.deciders.take(PersonId::new([1; 16]), now).unwrap());
    }
    assert!(paces.signers.take(network, now).is_err());
}

#[test]
fn an_ipv6_host_is_one_asker_however_many_addresses_it_has() {
    let network = |text: &str| Network::from(text.parse::<IpAddr>().unwrap());
    assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:0:0:2"));
    assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
    assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
    assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
}
