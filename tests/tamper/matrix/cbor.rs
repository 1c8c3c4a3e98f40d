//! The same items in other bytes than deterministic CBOR has for them.

use countersign_record::cbor::{Item, encode};

/// What is spelled otherwise.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Spoil {
    /// A head is one size longer than it need be.
    LongHead,
    /// A string, array or map has no length of its own.
    Indefinite,
    /// A pair of a map stands behind the next one.
    KeyOrder,
    /// A pair stands twice.
    Twice,
}

impl Spoil {
    pub(crate) const ALL: [Self; 4] = [
        Self::LongHead,
        Self::Indefinite,
        Self::KeyOrder,
        Self::Twice,
    ];
}

/// The item's bytes, spoiled at one place; nothing when it has fewer such places.
pub(crate) fn spoiled(item: &Item, spoil: Spoil, number: usize) -> Option<Vec<u8>> {
    let mut writer = Writer {
        out: Vec::new(),
        spoil,
        left: Some(number),
    };
    writer.item(item);
    writer.left.is_none().then_some(writer.out)
}

struct Writer {
    out: Vec<u8>,
    spoil: Spoil,
    /// How many such places are left alone; nothing when it is done.
    left: Option<usize>,
}

impl Writer {
    /// Whether it is this place's turn.
    fn turn(&mut self, spoil: Spoil) -> bool {
        if spoil != self.spoil {
            return false;
        }
        let is_now = self.left == Some(0);
        self.left = self.left.and_then(|left| left.checked_sub(1));
        is_now
    }

    fn head(&mut self, major: u8, value: u64) {
        let shortest = match value {
            0..24 => 0,
            24..0x100 => 1,
            0x100..0x1_0000 => 2,
            0x1_0000..0x1_0000_0000 => 4,
            _ => 8,
        };
        let bytes = match shortest {
            8 => 8,
            0 if self.turn(Spoil::LongHead) => 1,
            0 => 0,
            short if self.turn(Spoil::LongHead) => short * 2,
            short => short,
        };
        let low = match bytes {
            0 => u8::try_from(value).unwrap(),
            1 => 24,
            2 => 25,
            4 => 26,
            _ => 27,
        };
        self.out.push(major << 5 | low);
        self.out.extend(&value.to_be_bytes()[8 - bytes..]);
    }

    fn string(&mut self, major: u8, bytes: &[u8]) {
        let is_open = self.turn(Spoil::Indefinite);
        if is_open {
            self.out.push(major << 5 | 31);
        }
        self.head(major, u64::try_from(bytes.len()).unwrap());
        self.out.extend(bytes);
        if is_open {
            self.out.push(0xff);
        }
    }

    fn many(&mut self, major: u8, parts: &[Vec<&Item>], keys: &[&str]) {
        let is_open = self.turn(Spoil::Indefinite);
        let mut order: Vec<usize> = (0..parts.len()).collect();
        if major == 5 {
            for place in 1..parts.len() {
                if self.turn(Spoil::KeyOrder) {
                    order.swap(place - 1, place);
                }
            }
            for place in 0..parts.len() {
                if self.turn(Spoil::Twice) {
                    order.insert(place, place);
                }
            }
        }
        if is_open {
            self.out.push(major << 5 | 31);
        } else {
            self.head(major, u64::try_from(order.len()).unwrap());
        }
        for place in order {
            if let Some(key) = keys.get(place) {
                self.string(3, key.as_bytes());
            }
            for item in &parts[place] {
                self.item(item);
            }
        }
        if is_open {
            self.out.push(0xff);
        }
    }

    fn item(&mut self, item: &Item) {
        match item {
            Item::Uint(number) => self.head(0, *number),
            Item::Negative(number) => self.head(1, *number),
            Item::Bytes(bytes) => self.string(2, bytes),
            Item::Text(text) => self.string(3, text.as_bytes()),
            Item::Array(items) => {
                let parts: Vec<_> = items.iter().map(|item| vec![item]).collect();
                self.many(4, &parts, &[]);
            }
            Item::Map(map) => {
                let parts: Vec<_> = map.iter().map(|(_, item)| vec![item]).collect();
                let keys: Vec<_> = map.iter().map(|(key, _)| key).collect();
                self.many(5, &parts, &keys);
            }
            Item::Bool(_) => self.out.extend(encode(item)),
        }
    }
}

#[test]
fn nothing_spoiled_is_what_the_encoder_writes() {
    let text = Item::Array(vec![Item::Uint(500), Item::Text("a".into())]);
    assert_eq!(spoiled(&text, Spoil::LongHead, 9), None);
    assert_eq!(
        spoiled(&text, Spoil::LongHead, 1).unwrap(),
        [0x82, 0x1a, 0, 0, 1, 0xf4, 0x61, b'a']
    );
    assert_eq!(
        spoiled(&text, Spoil::Indefinite, 0).unwrap(),
        [0x9f, 0x19, 1, 0xf4, 0x61, b'a', 0xff]
    );
}
