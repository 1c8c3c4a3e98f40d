//! When enough people have approved: every rule's seats filled by distinct persons.
//! Across rules one person may sit in each.

use alloc::vec;
use alloc::vec::Vec;

use countersign_record::id::PersonId;
use countersign_record::name::GroupName;

use crate::requirement::Slot;

/// A person with the groups that the person counts for.
pub type Member = (PersonId, Vec<GroupName>);

/// How far a confirmation is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Progress {
    /// `need` less the most seats that any one rule still lacks.
    pub have: u32,
    /// The most persons that one rule asks for.
    pub need: u32,
    /// Whether every rule is satisfied: `have == need`.
    pub met: bool,
    /// Who sits where, slot by slot in the order given.
    pub filled: Vec<Vec<PersonId>>,
}

/// Seats the approvals, earlier ones first; whoever is named twice counts once, as first named.
pub fn progress(slots: &[Slot], approvals: &[Member]) -> Progress {
    let mut progress = Progress {
        have: 0,
        need: 0,
        met: true,
        filled: vec![Vec::new(); slots.len()],
    };
    let mut most_lacking = 0;
    for (place, slot) in slots.iter().enumerate() {
        let first_of_its_rule = slots[..place]
            .iter()
            .all(|earlier| earlier.rule != slot.rule);
        if !first_of_its_rule {
            continue;
        }
        let table = Table::seat(slots, slot, approvals);
        for seat in &table.seats {
            if let Some(person) = seat.holder {
                progress.filled[seat.slot].push(approvals[person].0);
            }
        }
        let taken = table
            .seats
            .iter()
            .filter(|seat| seat.holder.is_some())
            .count();
        let lacking = table.asked.saturating_sub(count(taken));
        progress.need = progress.need.max(table.asked);
        most_lacking = most_lacking.max(lacking);
    }
    progress.have = progress.need.saturating_sub(most_lacking);
    progress.met = most_lacking == 0;
    progress
}

/// Whether the quorum is met, or still can be if all of `remaining` approve.
pub fn reachable(slots: &[Slot], approvals: &[Member], remaining: &[Member]) -> bool {
    let everybody: Vec<Member> = approvals.iter().chain(remaining).cloned().collect();
    progress(slots, &everybody).met
}

fn count(seats: usize) -> u32 {
    u32::try_from(seats).unwrap_or(u32::MAX)
}

/// The seats of one rule.
struct Table<'a> {
    /// How many seats the rule has; those that nobody present could fill are not set out.
    asked: u32,
    seats: Vec<Seat<'a>>,
    people: &'a [Member],
}

struct Seat<'a> {
    slot: usize,
    groups: &'a [GroupName],
    holder: Option<usize>,
}

impl<'a> Table<'a> {
    fn seat(slots: &'a [Slot], of: &Slot, people: &'a [Member]) -> Self {
        let mut seats = Vec::new();
        let mut asked = 0_u32;
        for (place, slot) in slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| slot.rule == of.rule)
        {
            let seat = |_| Seat {
                slot: place,
                groups: &slot.groups,
                holder: None,
            };
            asked = asked.saturating_add(slot.need);
            seats.extend((0..slot.need.min(count(people.len()))).map(seat));
        }
        let mut table = Self {
            asked,
            seats,
            people,
        };
        for (place, (person, _)) in people.iter().enumerate() {
            let again = people[..place].iter().any(|(earlier, _)| earlier == person);
            if !again {
                let mut asked = vec![false; table.seats.len()];
                table.place(place, &mut asked);
            }
        }
        table
    }

    /// Gives the person a seat: a free one, or one whose holder can move on to another. Nobody loses
    /// a seat (an augmenting path of bipartite matching).
    fn place(&mut self, person: usize, asked: &mut [bool]) -> bool {
        let groups = &self.people[person].1;
        let suits = |seat: &Seat<'_>| groups.iter().any(|group| seat.groups.contains(group));
        let suitable: Vec<usize> = (0..self.seats.len())
            .filter(|place| suits(&self.seats[*place]))
            .collect();
        let free = suitable
            .iter()
            .copied()
            .find(|place| self.seats[*place].holder.is_none());
        let seat = free.or_else(|| {
            suitable
                .into_iter()
                .find(|place| self.vacate(*place, asked))
        });
        if let Some(place) = seat {
            self.seats[place].holder = Some(person);
        }
        seat.is_some()
    }

    fn vacate(&mut self, place: usize, asked: &mut [bool]) -> bool {
        if core::mem::replace(&mut asked[place], true) {
            return false;
        }
        match self.seats[place].holder {
            Some(holder) => self.place(holder, asked),
            None => true,
        }
    }
}
