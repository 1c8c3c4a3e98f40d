//! A server in the wrong hands: it stands between a person's client and the real one, and changes
//! what is answered.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use countersign_record::json::{self, Limits, Value, canonical};

/// What is answered about the first call, made of the honest answers about it and about the second.
pub(crate) type Lie = fn(Value, Value) -> Value;

/// It listens until the test's process ends.
pub(crate) struct Liar {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

/// What it is told to do.
struct Orders {
    honest: String,
    calls: [String; 2],
    /// The end of the paths that are lied about.
    about: &'static str,
    lie: Lie,
}

impl Liar {
    /// Stands before the honest server, and lies about the first of two calls.
    pub(crate) fn before(honest: &str, calls: [&str; 2], about: &'static str, lie: Lie) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let orders = Orders {
            honest: honest.strip_prefix("http://").unwrap().to_owned(),
            calls: calls.map(str::to_owned),
            about,
            lie,
        };
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                orders.answer(client.unwrap(), &seen);
            }
        });
        Self {
            url: format!("http://127.0.0.1:{port}"),
            asked,
        }
    }

    /// Whether a request's path ended so.
    pub(crate) fn was_asked(&self, end: &str) -> bool {
        let asked = self.asked.lock().unwrap();
        asked.iter().any(|path| path.ends_with(end))
    }
}

impl Orders {
    /// One request of one connection; the answer closes it.
    fn answer(&self, mut client: TcpStream, seen: &Mutex<Vec<String>>) {
        let Some(request) = message(&mut client) else {
            return;
        };
        let path = request.0[0].split(' ').nth(1).unwrap().to_owned();
        let (mut head, mut body) = self.ask(&request, &path);
        if path.ends_with(self.about) {
            let [mine, other] = &self.calls;
            let (_, second) = self.ask(&request, &path.replace(mine, other));
            body = canonical(&(self.lie)(read(&body), read(&second)));
        }
        seen.lock().unwrap().push(path);
        head.retain(|line| !line.to_ascii_lowercase().starts_with("content-length:"));
        head.push(format!("content-length: {}", body.len()));
        send(&mut client, &head, &body);
    }

    /// The honest answer to the request at this path.
    fn ask(&self, (head, body): &Message, path: &str) -> Message {
        let mut head = head.clone();
        let method = head[0].split(' ').next().unwrap();
        head[0] = format!("{method} {path} HTTP/1.1");
        head.retain(|line| !line.to_ascii_lowercase().starts_with("connection:"));
        head.push("connection: close".into());
        let mut server = TcpStream::connect(&self.honest).unwrap();
        send(&mut server, &head, body);
        message(&mut server).unwrap()
    }
}

fn read(body: &[u8]) -> Value {
    json::read(body, &Limits::DOCUMENT).unwrap()
}

/// Head and body.
type Message = (Vec<String>, Vec<u8>);

fn message(stream: &mut TcpStream) -> Option<Message> {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    let length = head.iter().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let length = name.eq_ignore_ascii_case("content-length");
        length.then(|| value.trim().parse().unwrap())
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}

fn send(stream: &mut TcpStream, head: &[String], body: &[u8]) {
    stream.write_all(head.join("\r\n").as_bytes()).unwrap();
    stream.write_all(b"\r\n\r\n").unwrap();
    stream.write_all(body).unwrap();
}
