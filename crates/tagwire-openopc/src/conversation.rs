//! One connection: messages in, answers out.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use crate::ask::Arguments;
use crate::face::SHARED;
use crate::items::Asker;
use crate::status::{Raised, exception};
use crate::wire::{self, Dialect, Kind, Message};
use crate::{Face, Literal, list, parse, properties, read, write};

/// Streams that a connection may leave unread.
const MAX_STREAMS: usize = 16;

const DAEMON: &str = "Pyro.Daemon";
const SERVICE: &str = "opc";
const SERVICE_5: &str = "OpenOpcGatewayServer";
const SERVICE_METHODS: &[&str] = &["create_client", "release_client", "get_clients"];
const DAEMON_METHODS: &[&str] = &["get_next_stream_item", "close_stream", "ping", "registered"];
const CLIENT_METHODS: &[&str] = &[
    "read",
    "iread",
    "write",
    "iwrite",
    "list",
    "ilist",
    "properties",
    "iproperties",
    "servers",
    "connect",
    "close",
    "info",
    "ping",
    "groups",
    "remove",
    "GUID",
    "set_trace",
];

/// A connection between its first message and its end.
#[derive(Debug)]
pub struct Conversation {
    face: Arc<Face>,
    asker: Asker,
    /// The address that the client reached.
    local: SocketAddr,
    is_open: bool,
    streams: HashMap<String, VecDeque<Literal>>,
    n_streams: u64,
}

/// What a call gives.
enum Outcome {
    Value(Literal),
    Stream(Vec<Literal>),
}

impl Conversation {
    /// A connection of `peer` to `local`.
    pub fn new(face: Arc<Face>, local: SocketAddr, peer: SocketAddr) -> Self {
        let (policy, principal) = (face.rights)(peer);
        let asker = Asker { policy, principal };
        Self { face, asker, local, is_open: false, streams: HashMap::new(), n_streams: 0 }
    }

    /// Whether the client is to be left, because it did not begin as it must.
    pub const fn is_over(&self, answer: &Option<Message>) -> bool {
        match answer {
            Some(answer) => matches!(answer.kind, Kind::ConnectFail),
            None => !self.is_open,
        }
    }

    /// The answer to a message; `None` where there is none.
    pub async fn handle(&mut self, message: &Message) -> Option<Message> {
        match message.kind {
            Kind::Connect => Some(self.connect(message)),
            Kind::Ping if self.is_open => Some(message.answer(Kind::Ping, 0, message.data.clone())),
            Kind::Invoke if self.is_open => {
                let outcome = self.invoke(message).await;
                if message.flags & wire::ONEWAY != 0 {
                    return None;
                }
                Some(self.answer(message, outcome))
            }
            _ => None,
        }
    }

    fn connect(&mut self, message: &Message) -> Message {
        let refuse = |text: String| message.answer(Kind::ConnectFail, 0, Literal::Text(text).to_payload());
        let asked = match parse(&message.data) {
            Ok(asked) => asked,
            Err(error) => return refuse(error.to_string()),
        };
        let Some(object) = asked.get("object").and_then(Literal::as_text) else {
            return refuse("handshake names no object".to_owned());
        };
        let Some(methods) = self.methods(object) else { return refuse(format!("there is no object {object}")) };
        self.is_open = true;
        let mut entries = vec![("handshake", asked.get("handshake").cloned().unwrap_or(Literal::None))];
        // Pyro5 does not ask, and cannot do without.
        let wants_methods = message.flags & wire::META != 0 || message.dialect == Dialect::Pyro5;
        if wants_methods {
            let names = methods.iter().map(|name| Literal::text(*name)).collect();
            let meta = Literal::dict([
                ("methods", Literal::List(names)),
                ("oneway", Literal::List(Vec::new())),
                ("attrs", Literal::List(Vec::new())),
            ]);
            entries.push(("meta", meta));
        }
        let accepted = Literal::Dict(entries.into_iter().map(|(key, value)| (Literal::text(key), value)).collect());
        let flags = if message.dialect == Dialect::Pyro4 { message.flags & wire::META } else { 0 };
        message.answer(Kind::ConnectOk, flags, accepted.to_payload())
    }

    fn methods(&self, object: &str) -> Option<&'static [&'static str]> {
        match object {
            SERVICE | SERVICE_5 => Some(SERVICE_METHODS),
            DAEMON => Some(DAEMON_METHODS),
            client => self.face.has(client).then_some(CLIENT_METHODS),
        }
    }

    fn answer(&mut self, message: &Message, outcome: Result<Outcome, Raised>) -> Message {
        match outcome {
            Ok(Outcome::Value(value)) => message.answer(Kind::Result, 0, value.to_payload()),
            Ok(Outcome::Stream(rows)) => {
                if self.streams.len() >= MAX_STREAMS {
                    let raised = Raised::opc("too many streams are left unread");
                    return message.answer(Kind::Result, wire::EXCEPTION, exception(&raised, message.dialect));
                }
                self.n_streams += 1;
                let name = format!("s{}", self.n_streams);
                self.streams.insert(name.clone(), rows.into());
                // Clients look at the annotation only.
                let raised = Raised { class: "StopIteration", text: "result is a stream".to_owned() };
                let data = exception(&raised, message.dialect);
                let answer = message.answer(Kind::Result, wire::EXCEPTION | message.dialect.stream_flag(), data);
                Message { stream: Some(name), ..answer }
            }
            Err(raised) => message.answer(Kind::Result, wire::EXCEPTION, exception(&raised, message.dialect)),
        }
    }

    async fn invoke(&mut self, message: &Message) -> Result<Outcome, Raised> {
        if message.flags & wire::BATCH != 0 {
            return Err(Raised::opc("several calls in one message are not taken"));
        }
        let call = parse(&message.data).map_err(|error| Raised::opc(error.to_string()))?;
        let Some([object, method, by_place, by_name]) = call.elements() else {
            return Err(Raised::type_error("a call is an object, a method and its arguments"));
        };
        let (Some(object), Some(method), Some(by_place)) = (object.as_text(), method.as_text(), by_place.elements())
        else {
            return Err(Raised::type_error("a call is an object, a method and its arguments"));
        };
        let by_name: &[(Literal, Literal)] = match by_name {
            Literal::Dict(entries) => entries,
            _ => &[],
        };
        let known = self.methods(object).ok_or_else(|| Raised::opc(format!("{method}: the client was closed")))?;
        if !known.contains(&method) {
            let text = format!("there is no method '{method}'");
            return Err(Raised { class: "AttributeError", text });
        }
        match object {
            DAEMON => self.daemon(method, by_place),
            SERVICE | SERVICE_5 => self.service(method, by_place, message.dialect).map(Outcome::Value),
            client => self.client(client, method, by_place, by_name, message.dialect).await,
        }
    }

    fn daemon(&mut self, method: &str, by_place: &[Literal]) -> Result<Outcome, Raised> {
        let stream = by_place.first().and_then(Literal::as_text).unwrap_or_default();
        match method {
            "get_next_stream_item" => match self.streams.get_mut(stream).and_then(VecDeque::pop_front) {
                Some(row) => Ok(Outcome::Value(row)),
                None => {
                    self.streams.remove(stream);
                    Err(Raised { class: "StopIteration", text: "item stream is over".to_owned() })
                }
            },
            "close_stream" => {
                self.streams.remove(stream);
                Ok(Outcome::Value(Literal::None))
            }
            "registered" => Ok(Outcome::Value(Literal::List([DAEMON, SERVICE].map(Literal::text).to_vec()))),
            _ => Ok(Outcome::Value(Literal::None)),
        }
    }

    fn service(&self, method: &str, by_place: &[Literal], dialect: Dialect) -> Result<Literal, Raised> {
        match method {
            "create_client" => {
                let address = self.address(&self.face.create()?);
                let class = if dialect == Dialect::Pyro4 { "Pyro4.core.Proxy" } else { "Pyro5.client.Proxy" };
                let none = || Literal::Tuple(Vec::new());
                let mut state = vec![Literal::Text(address), none(), none(), none()];
                if dialect == Dialect::Pyro4 {
                    state.push(Literal::Float(0.0));
                }
                state.extend([Literal::None, Literal::text("hello"), Literal::Int(0), Literal::None]);
                if dialect == Dialect::Pyro5 {
                    // Without a time-out, Pyro5 keeps handshake and serializer behind the three sets.
                    state = vec![
                        state.swap_remove(0),
                        none(),
                        none(),
                        none(),
                        Literal::text("hello"),
                        Literal::text("serpent"),
                    ];
                }
                Ok(Literal::dict([("__class__", Literal::text(class)), ("state", Literal::Tuple(state))]))
            }
            "release_client" => {
                if let Some(name) = by_place.first().and_then(object_name) {
                    self.face.release(&name);
                }
                Ok(Literal::None)
            }
            _ => {
                let seconds = |time: tagwire_model::Timestamp| Literal::Float(time.unix_millis() as f64 / 1_000.0);
                let clients = self.face.list_clients().into_iter().map(|(name, made, used)| match dialect {
                    // The name of an object is what opens it, so that a list of clients shows a part only.
                    Dialect::Pyro4 => {
                        Literal::Tuple(vec![Literal::Text(self.address(&name)), seconds(made), seconds(used)])
                    }
                    Dialect::Pyro5 => Literal::dict([
                        ("client_id", Literal::Text(name)),
                        ("tx_time", seconds(used)),
                        ("init_time", seconds(made)),
                    ]),
                });
                Ok(Literal::List(clients.collect()))
            }
        }
    }

    fn address(&self, object: &str) -> String {
        format!("PYRO:{object}@{}", self.local)
    }

    async fn client(
        &self,
        client: &str,
        method: &str,
        by_place: &[Literal],
        by_name: &[(Literal, Literal)],
        dialect: Dialect,
    ) -> Result<Outcome, Raised> {
        let asked = |names| Arguments::new(method, names, by_place, by_name);
        // Marks the client as used, whatever it asks for.
        self.face.with(client, |_| ()).ok_or_else(|| Raised::opc(format!("{method}: the client was closed")))?;
        let (face, asker) = (&*self.face, &self.asker);
        let is_stream = method.starts_with('i') && !matches!(method, "info");
        let (rows, is_alone) = match method {
            "read" | "iread" => read::read(face, asker, client, &asked(read::NAMES)?).await?,
            "write" | "iwrite" => {
                let (rows, is_single) = write::write(face, asker, &asked(write::NAMES)?).await?;
                (rows, is_single && dialect == Dialect::Pyro4)
            }
            "list" | "ilist" => (list::list(face, asker, &asked(list::NAMES)?)?, false),
            "properties" | "iproperties" => properties::properties(face, asker, &asked(properties::NAMES)?, dialect)?,
            other => return self.administer(client, other, &asked).map(Outcome::Value),
        };
        if is_stream {
            return Ok(Outcome::Stream(rows));
        }
        Ok(Outcome::Value(if is_alone {
            rows.into_iter().next().unwrap_or(Literal::None)
        } else {
            Literal::List(rows)
        }))
    }

    fn administer<'a>(
        &self,
        client: &str,
        method: &str,
        asked: &impl Fn(&'static [&'static str]) -> Result<Arguments<'a>, Raised>,
    ) -> Result<Literal, Raised> {
        let face = &self.face;
        match method {
            "connect" => self.open(client, &asked(&["opc_server", "opc_host"])?).map(|()| Literal::None),
            "servers" => {
                Ok(Literal::List(face.settings.names.iter().map(|name| Literal::text(name.as_str())).collect()))
            }
            "close" => {
                if client == SHARED {
                    face.with(client, |client| client.server = None);
                } else {
                    face.release(client);
                }
                Ok(Literal::None)
            }
            "info" => Ok(self.info(client)),
            "ping" => Ok(Literal::Bool(true)),
            "groups" => {
                let names = face.with(client, |client| client.group_names()).unwrap_or_default();
                Ok(Literal::List(names.into_iter().map(Literal::Text).collect()))
            }
            "remove" => {
                let (names, _) = asked(&["groups"])?.names("groups")?;
                face.with(client, |client| names.iter().for_each(|name| client.remove_group(name)));
                Ok(Literal::None)
            }
            "GUID" => Ok(Literal::Text(self.address(client))),
            // A trace would have to be called back.
            _ => Ok(Literal::None),
        }
    }

    /// Connects a client to this server under one of its names, the first of a `;` list that it has.
    fn open(&self, client: &str, asked: &Arguments<'_>) -> Result<(), Raised> {
        let names = &self.face.settings.names;
        let own = names.first().cloned().unwrap_or_default();
        let found = match asked.text("opc_server")? {
            None | Some("") => Some(own),
            Some(list) => {
                let is_named = |wanted: &&str| names.iter().any(|name| name.eq_ignore_ascii_case(wanted));
                list.split(';').map(str::trim).find(is_named).map(str::to_owned)
            }
        };
        let Some(found) = found else {
            let known = names.join(", ");
            let asked = asked.text("opc_server")?.unwrap_or_default();
            return Err(Raised::opc(format!("Connect: there is no server {asked:?} here, but {known}")));
        };
        self.face.with(client, |client| {
            client.server = Some(found);
            client.groups.clear();
        });
        Ok(())
    }

    fn info(&self, client: &str) -> Literal {
        let server = self.face.with(client, |client| client.server.clone()).flatten();
        let server = server.or_else(|| self.face.settings.names.first().cloned()).unwrap_or_default();
        let text = |text: &str| Literal::text(text);
        let rows = [
            ("Protocol", text("OpenOPC")),
            ("Gateway Host", Literal::Text(self.local.to_string())),
            ("Gateway Version", text(env!("CARGO_PKG_VERSION"))),
            ("Class", text("tagwire")),
            ("Client Name", text("OpenOPC")),
            ("OPC Host", text("localhost")),
            ("OPC Server", Literal::Text(server)),
            ("State", text("Running")),
            ("Version", text(env!("CARGO_PKG_VERSION"))),
            ("Browser", text("Hierarchical")),
            ("Start Time", crate::value::time(self.face.started)),
            ("Current Time", crate::value::time((self.face.clock)())),
            ("Vendor", text("tagwire")),
        ];
        Literal::List(rows.into_iter().map(|(name, value)| Literal::Tuple(vec![text(name), value])).collect())
    }
}

/// The name in an address, or in the proxy that stands for an object.
fn object_name(literal: &Literal) -> Option<String> {
    let address = match literal {
        Literal::Text(text) => text,
        proxy => proxy.get("state")?.elements()?.first()?.as_text()?,
    };
    let name = address.strip_prefix("PYRO:").unwrap_or(address);
    Some(name.split('@').next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests;
