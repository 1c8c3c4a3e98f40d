//! Work on all cores whose results come in the order of the jobs, few at a time.

use std::collections::VecDeque;
use std::num::NonZero;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// More threads than this wait for the one that takes the results.
const THREADS_MAX: usize = 32;

/// Jobs in work or done and not taken, for each thread: enough that none waits, few enough that the
/// memory does not depend on how many jobs there are.
const AHEAD: usize = 3;

type Job<J, R> = (J, SyncSender<R>);

/// Does every job, each by one of some workers that `hire` makes, and hands on the results in order.
pub(super) fn in_order<J: Send, R: Send, W: FnMut(J) -> R>(
    jobs: impl Iterator<Item = J>,
    hire: impl Fn() -> W + Sync,
    mut take: impl FnMut(R),
) {
    let threads = thread::available_parallelism()
        .map_or(1, NonZero::get)
        .min(THREADS_MAX);
    let (give, given) = sync_channel(threads * AHEAD);
    let given = Mutex::new(given);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| work(&given, hire()));
        }
        let mut waiting = VecDeque::new();
        // Where a worker panicked its answer never comes; the scope then panics when it ends.
        let mut answer = |reply: Receiver<R>| {
            reply.recv().is_ok_and(|result| {
                take(result);
                true
            })
        };
        for job in jobs {
            let (answer_to, reply) = sync_channel(1);
            if give.send((job, answer_to)).is_err() {
                break;
            }
            waiting.push_back(reply);
            let next = (waiting.len() >= threads * AHEAD)
                .then(|| waiting.pop_front())
                .flatten();
            if !next.is_none_or(&mut answer) {
                break;
            }
        }
        drop(give);
        waiting.into_iter().all(answer);
    });
}

fn work<J, R>(given: &Mutex<Receiver<Job<J, R>>>, mut worker: impl FnMut(J) -> R) {
    loop {
        let next = given.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((job, answer_to)) = next else { return };
        if answer_to.send(worker(job)).is_err() {
            return; // nobody takes results any more
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_jobs_and_every_job_is_done_once() {
        let mut results = Vec::new();
        let slow_first = |number: u64| {
            (0..(1000 - number)).for_each(|it| {
                std::hint::black_box(it);
            });
            number * 2
        };
        in_order(0..1000, || slow_first, |result| results.push(result));
        assert_eq!(results, (0..1000).map(|it| it * 2).collect::<Vec<_>>());
    }

    #[test]
    #[should_panic(expected = "a scoped thread panicked")]
    fn a_worker_that_panics_is_no_silent_end() {
        in_order(0..1000, || |number: u64| assert!(number != 7), |()| {});
    }

    #[test]
    fn nothing_to_do_is_done_at_once() {
        in_order(0..0, || |number: u64| number, |_| unreachable!());
    }
}
