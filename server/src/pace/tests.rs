use std::time::Duration;

use super::*;

fn pace(per_second: u32, burst: u32, at_once: u32) -> Pace {
    let limits = Limits {
        requests_per_second: per_second,
        request_burst: burst,
        requests_at_once: at_once,
        ..Limits::default()
    };
    Pace::new(&limits)
}

const ONE: Asker = Asker::Token([1; 32]);
const OTHER: Asker = Asker::Token([2; 32]);

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

#[test]
fn invented_tokens_do_not_fill_the_memory() {
    let (pace, now) = (pace(1, 2, 1), Instant::now());
    for number in 0..(2 * ASKERS_MAX) {
        let mut token = [0; 32];
        token[..8].copy_from_slice(&u64::try_from(number).unwrap().to_be_bytes());
        drop(pace.take(Asker::Token(token), now));
    }
    assert!(pace.buckets.lock().unwrap().len() <= ASKERS_MAX);
}
