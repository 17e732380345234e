use std::time::Instant;

use tagwire_access::{Anonymous, ChannelSecurity, Face as FaceKind, NoAudit, Origin, Peer, Policy, Role, RoleSet};
use tagwire_hub::{FolderId, FolderKind, Hub, LinkId, NewTag, Route, RouteFuture};
use tagwire_model::{Access, DataType, Status, TagId, Timestamp, Update, Value, ValueType};

use super::*;
use crate::Settings;

struct Table(Arc<Hub>);

impl Route for Table {
    fn write(&self, writes: Vec<(TagId, Value)>) -> RouteFuture<Vec<Status>> {
        let statuses = vec![Status::GOOD; writes.len()];
        apply(&self.0, writes);
        Box::pin(async move { statuses })
    }

    fn refresh(&self, _: Vec<TagId>) -> RouteFuture<()> {
        Box::pin(async {})
    }
}

fn time() -> Timestamp {
    Timestamp::parse_rfc3339("2022-11-22T13:58:58Z").expect("time")
}

fn apply(hub: &Hub, values: Vec<(TagId, Value)>) {
    let update = |(tag, value)| Update {
        tag,
        value: Some(value),
        status: Status::GOOD,
        source_time: time(),
        server_time: time(),
    };
    let mut batch: Vec<Update> = values.into_iter().map(update).collect();
    hub.apply(&mut batch, Instant::now());
}

fn face(roles: &'static [Role]) -> Arc<Face> {
    let hub = Arc::new(Hub::new(Instant::now()));
    let items = hub.folder(FolderId::ROOT, "Simulation Items", FolderKind::Link).expect("folder");
    hub.folder(FolderId::ROOT, "Configured Aliases", FolderKind::Link).expect("folder");
    let random = hub.folder(items, "Random", FolderKind::Device).expect("folder");
    let tag = |name, data_type, access| NewTag {
        folder: random,
        name,
        value_type: ValueType::scalar(data_type),
        access,
        link: LinkId(1),
        address: "",
        scan_ms: 100,
        is_system: false,
        on_demand: false,
        extra: None,
    };
    let both = Access { read: true, write: true };
    let only = Access { read: true, write: false };
    let tags =
        [tag("Int4", DataType::Int32, both), tag("Real8", DataType::Double, both), tag("Fixed", DataType::Int32, only)];
    let ids = hub.add_tags(tags.into_iter(), time());
    let ids = ids.into_iter().map(|id| id.expect("tag"));
    hub.set_route(LinkId(1), Some(Arc::new(Table(Arc::clone(&hub)))));
    apply(&hub, ids.zip([Value::Int32(41), Value::Double(0.5), Value::Int32(7)]).collect());
    let rights = Box::new(move |peer| {
        let policy = Arc::new(Policy::new(Anonymous::None));
        let origin = Origin { face: FaceKind::OpenOpc, peer: Some(peer), security: ChannelSecurity::None };
        let principal = policy.principal(Peer::user("openopc"), RoleSet::of(roles), origin);
        (policy, principal)
    });
    let settings =
        Settings { names: vec!["Matrikon.OPC.Simulation.1".to_owned()], max_clients: 2, ..Settings::default() };
    Arc::new(Face::new(hub, settings, rights, Arc::new(NoAudit), Arc::new(time)))
}

struct Peer2(Conversation, Dialect);

impl Peer2 {
    async fn open(face: &Arc<Face>, dialect: Dialect, object: &str) -> Self {
        let address = "192.0.2.1:7766".parse().expect("address");
        let mut conversation = Conversation::new(Arc::clone(face), address, address);
        let data = format!("# serpent utf-8 python3.2\n{{'handshake':'hello','object':'{object}'}}").into_bytes();
        let flags = if dialect == Dialect::Pyro4 { wire::META } else { 0 };
        let hello = Message { flags, ..message(dialect, Kind::Connect, data) };
        let answer = conversation.handle(&hello).await.expect("answer");
        assert_eq!((answer.kind, answer.flags), (Kind::ConnectOk, flags));
        assert!(text(&answer).starts_with("{'handshake':'hello','meta':{'methods':['"), "{}", text(&answer));
        Self(conversation, dialect)
    }

    async fn raw(&mut self, payload: &str) -> Message {
        let data = payload.as_bytes().to_vec();
        self.0.handle(&message(self.1, Kind::Invoke, data)).await.expect("answer")
    }

    async fn call(&mut self, payload: &str) -> String {
        text(&self.raw(payload).await)
    }
}

fn message(dialect: Dialect, kind: Kind, data: Vec<u8>) -> Message {
    Message { dialect, kind, flags: 0, sequence: 7, correlation: [0; 16], stream: None, data }
}

fn text(message: &Message) -> String {
    let text = String::from_utf8(message.data.clone()).expect("text");
    text.strip_prefix("# serpent utf-8 python3.2\n").expect("head").to_owned()
}

const READERS: &[Role] = &[Role::OBSERVER];
const WRITERS: &[Role] = &[Role::OBSERVER, Role::OPERATOR];

async fn client(face: &Arc<Face>) -> (Peer2, String) {
    let mut service = Peer2::open(face, Dialect::Pyro4, "opc").await;
    let made = service.call("('opc','create_client',(),{})").await;
    let state = made.strip_prefix("{'__class__':'Pyro4.core.Proxy','state':('PYRO:").expect("proxy");
    let (name, rest) = state.split_once('@').expect("address");
    assert_eq!(rest, "192.0.2.1:7766',(),(),(),0.0,None,'hello',0,None)}");
    (Peer2::open(face, Dialect::Pyro4, name).await, name.to_owned())
}

#[tokio::test]
async fn the_measured_conversation_gives_the_measured_answers() {
    let face = face(WRITERS);
    let (mut peer, name) = client(&face).await;
    let item = "Simulation Items.Random.Int4";
    let at = "'2022-11-22 13:58:58+00:00'";
    for (call, expected) in [
        ("'connect',('Matrikon.OPC.Simulation.1',),{}", "None".to_owned()),
        ("'connect',('Other;matrikon.opc.simulation.1','localhost'),{}", "None".to_owned()),
        ("'servers',(),{}", "['Matrikon.OPC.Simulation.1']".to_owned()),
        (&format!("'read',('{item}',),{{}}"), format!("(41,'Good',{at})")),
        (&format!("'read',(['{item}','x'],),{{}}"), format!("[('{item}',41,'Good',{at}),('x',None,'Error',None)]")),
        (&format!("'read',('{item}',),{{'include_error':True}}"), format!("(41,'Good',{at},'')")),
        (&format!("'read',(),{{'tags':['{item}'],'group':'g'}}"), format!("[('{item}',41,'Good',{at})]")),
        ("'read',(),{'group':'g'}", format!("[('{item}',41,'Good',{at})]")),
        ("'groups',(),{}", "['g']".to_owned()),
        ("'remove',('g',),{}", "None".to_owned()),
        ("'groups',(),{}", "[]".to_owned()),
        (&format!("'write',(('{item}',42),),{{}}"), "'Success'".to_owned()),
        (&format!("'write',([('{item}',43),('x',1)],),{{}}"), format!("[('{item}','Success'),('x','Error')]")),
        (
            &format!("'write',(('{item}','text'),True),{{'include_error':True}}"),
            "('Error','BadTypeMismatch')".to_owned(),
        ),
        (&format!("'properties',('{item}',1),{{}}"), "'VT_I4'".to_owned()),
        (&format!("'properties',('{item}',[2,0]),{{}}"), format!("[(0,'{item}'),(2,43)]")),
        (&format!("'properties',(['{item}'],),{{'id':5}}"), format!("[('{item}','Read/Write')]")),
        ("'list',(),{}", "['Simulation Items','Configured Aliases']".to_owned()),
        (
            "'list',('simulation items/random',),{'include_type':True}",
            format!(
                "[('{item}','Leaf'),('Simulation Items.Random.Real8','Leaf'),('Simulation Items.Random.Fixed','Leaf')]"
            ),
        ),
        ("'list',('*Int4',),{'flat':True}", format!("['{item}']")),
        ("'ping',(),{}", "True".to_owned()),
        ("'GUID',(),{}", format!("'PYRO:{name}@192.0.2.1:7766'")),
        ("'close',(),{}", "None".to_owned()),
    ] {
        assert_eq!(peer.call(&format!("('{name}',{call})")).await, expected, "{call}");
    }
    let gone = peer.raw(&format!("('{name}','ping',(),{{}})")).await;
    assert_eq!(gone.flags, wire::EXCEPTION);
    assert!(text(&gone).contains("'RuntimeError'") && text(&gone).contains("the client was closed"), "{}", text(&gone));
}

#[tokio::test]
async fn a_generator_is_a_stream_of_rows() {
    let face = face(READERS);
    let (mut peer, name) = client(&face).await;
    let answer = peer.raw(&format!("('{name}','iread',(['Simulation Items.Random.Int4','x'],),{{}})")).await;
    assert_eq!(answer.flags, wire::EXCEPTION | Dialect::Pyro4.stream_flag());
    let stream = answer.stream.expect("stream");
    let next = format!("('Pyro.Daemon','get_next_stream_item',('{stream}',),{{}})");
    assert!(peer.call(&next).await.starts_with("('Simulation Items.Random.Int4',41,'Good'"));
    assert_eq!(peer.call(&next).await, "('x',None,'Error',None)");
    assert!(peer.call(&next).await.contains("'StopIteration'"));
    for _ in 0..MAX_STREAMS {
        peer.call(&format!("('{name}','ilist',(),{{}})")).await;
    }
    assert!(peer.call(&format!("('{name}','ilist',(),{{}})")).await.contains("too many streams"));
}

#[tokio::test]
async fn nothing_is_written_without_a_role_that_may() {
    let face = face(READERS);
    let (mut peer, name) = client(&face).await;
    let write = format!("('{name}','write',(('Simulation Items.Random.Int4',1),),{{'include_error':True}})");
    assert_eq!(peer.call(&write).await, "('Error','BadUserAccessDenied')");
    let read = format!("('{name}','read',('Simulation Items.Random.Int4',),{{}})");
    assert!(peer.call(&read).await.starts_with("(41,"));
    let strangers = self::face(&[]);
    let (mut peer, name) = client(&strangers).await;
    assert_eq!(
        peer.call(&format!("('{name}','read',('Simulation Items.Random.Int4',),{{}})")).await,
        "(None,'Error',None)"
    );
    assert_eq!(peer.call(&format!("('{name}','list',(),{{}})")).await, "[]");
}

#[tokio::test]
async fn what_makes_no_sense_raises_what_python_raises() {
    let face = face(READERS);
    let (mut peer, name) = client(&face).await;
    for (payload, class) in [
        (format!("('{name}','read',(5,),{{}})"), "TypeError"),
        (format!("('{name}','read',(),{{}})"), "TypeError"),
        (format!("('{name}','read',('a',),{{'tags':'b'}})"), "TypeError"),
        (format!("('{name}','read',('a',),{{'other':1}})"), "TypeError"),
        (format!("('{name}','write',('a',),{{}})"), "TypeError"),
        (format!("('{name}','read',(['a','@MemFree'],),{{}})"), "TypeError"),
        (format!("('{name}','__init__',(),{{}})"), "AttributeError"),
        (format!("('{name}','connect',('Unknown.Server',),{{}})"), "RuntimeError"),
        (format!("('{name}','properties',('unknown',),{{}})"), "RuntimeError"),
        ("('obj_unknown','read',('a',),{})".to_owned(), "RuntimeError"),
        ("('opc','eval',('1',),{})".to_owned(), "AttributeError"),
        ("5".to_owned(), "TypeError"),
        ("__import__('os')".to_owned(), "RuntimeError"),
    ] {
        let answer = peer.raw(&payload).await;
        assert_eq!(answer.flags, wire::EXCEPTION, "{payload}");
        assert!(
            text(&answer).starts_with(&format!("{{'__class__':'{class}','__exception__':True,")),
            "{payload}: {}",
            text(&answer)
        );
    }
}

#[tokio::test]
async fn a_client_must_begin_with_its_handshake_and_an_object() {
    let face = face(READERS);
    let address = "127.0.0.1:1".parse().expect("address");
    let mut early = Conversation::new(Arc::clone(&face), address, address);
    let answer = early.handle(&message(Dialect::Pyro4, Kind::Invoke, b"('opc','get_clients',(),{})".to_vec())).await;
    assert!(answer.is_none() && early.is_over(&answer));
    for payload in ["{'object':'obj_none'}", "{}", "x", "{'object':5}"] {
        let answer = early.handle(&message(Dialect::Pyro5, Kind::Connect, payload.as_bytes().to_vec())).await;
        assert!(answer.as_ref().is_some_and(|answer| answer.kind == Kind::ConnectFail) && early.is_over(&answer));
    }
}

#[tokio::test]
async fn clients_are_counted_listed_and_released() {
    let face = face(READERS);
    let (_, first) = client(&face).await;
    let (_, second) = client(&face).await;
    let mut service = Peer2::open(&face, Dialect::Pyro4, "opc").await;
    assert!(service.call("('opc','create_client',(),{})").await.contains("2 clients live here already"));
    let listed = service.call("('opc','get_clients',(),{})").await;
    assert!(listed.contains(&first) && listed.contains(&second) && listed.contains("1669125538.0"), "{listed}");
    assert_eq!(service.call(&format!("('opc','release_client',('PYRO:{first}@h:1',),{{}})")).await, "None");
    assert!(!service.call("('opc','get_clients',(),{})").await.contains(&first));
}

#[tokio::test]
async fn openopc2_shares_one_client_and_gets_objects() {
    let face = face(READERS);
    let mut peer = Peer2::open(&face, Dialect::Pyro5, "OpcDaClient").await;
    assert_eq!(peer.call("('OpcDaClient','connect',('Matrikon.OPC.Simulation.1',),{})").await, "None");
    let item = "Simulation Items.Random.Int4";
    assert!(
        peer.call(&format!("('OpcDaClient','read',(['{item}'],),{{}})")).await.starts_with(&format!("[('{item}',41,"))
    );
    let properties = peer.call(&format!("('OpcDaClient','properties',('{item}',),{{}})")).await;
    assert!(
        properties
            .starts_with(&format!("[{{'__class__':'opc_types.TagProperties','tag_name':'{item}','data_type':'VT_I4'")),
        "{properties}"
    );
    let raised = peer.call("('OpcDaClient','properties',('x',),{})").await;
    assert!(raised.starts_with("{'__class__':'exceptions.OPCError','__exception__':True"), "{raised}");
    assert!(raised.ends_with("'custom_message':'properties: x: BadNodeIdUnknown'}"), "{raised}");
    let stream = peer.raw("('OpcDaClient','ilist',(),{})").await;
    assert_eq!((stream.flags, stream.stream.as_deref()), (wire::EXCEPTION | 16, Some("s1")));
}
