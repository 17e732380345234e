//! One session with one server, and every operation on it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};
use tagwire_access::{Actor, Reason};
use tagwire_model::{Status, Timestamp, Value};
use tagwire_ua_client::{
    Aggregate, BrowseLimits, Client, ConnectOptions, Error, Held, HistorySpan, Identity, LinkState, Login, Mode,
    NodeId, Policy, Security, StatusName, Url, now, parse_node_id,
};

use crate::convert::{self, Tags};
use crate::fault::Fault;
use crate::fit::fit;
use crate::history::History;
use crate::named::{LastNamed, nodes};
use crate::node::Node;
use crate::pending::Pending;
use crate::sample::{self, Sample};
use crate::subscription::{EventStream, Subscription};

const BAD_TYPE_MISMATCH: Status = Status(0x8074_0000);
/// Most types remembered, so that writing ever new names does not fill the memory.
const MAX_HELD: usize = 100_000;

/// The connection that operations share.
struct Link {
    client: RwLock<Option<Arc<Client>>>,
    /// The types of the nodes written so far.
    held: Mutex<HashMap<NodeId, Held>>,
    pid: u32,
}

impl Link {
    fn client(&self) -> Result<Arc<Client>, Fault> {
        if self.pid != std::process::id() {
            return Err(Fault::usage("client belongs to the parent process; connect again after a fork"));
        }
        self.client.read().clone().ok_or_else(Fault::closed)
    }

    /// The types of nodes, from memory where they are known.
    async fn held_types(&self, client: &Client, nodes: &[NodeId]) -> Result<Vec<Result<Held, Status>>, Fault> {
        let mut types: Vec<Option<Result<Held, Status>>> = {
            let known = self.held.lock();
            nodes.iter().map(|node| known.get(node).copied().map(Ok)).collect()
        };
        let missing: Vec<NodeId> =
            nodes.iter().zip(&types).filter(|(_, found)| found.is_none()).map(|(node, _)| node.clone()).collect();
        if !missing.is_empty() {
            let mut asked = client.held_types(&missing).await?.into_iter();
            let mut known = self.held.lock();
            if known.len() + missing.len() > MAX_HELD {
                known.clear();
            }
            for (node, found) in nodes.iter().zip(&mut types).filter(|(_, found)| found.is_none()) {
                let answer = asked.next();
                if let Some(Ok(held)) = answer {
                    known.insert(node.clone(), held);
                }
                *found = answer;
            }
        }
        Ok(types.into_iter().map(|found| found.unwrap_or(Err(BAD_TYPE_MISMATCH))).collect())
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if self.pid != std::process::id() {
            // Its tasks and its socket belong to the parent.
            std::mem::forget(self.client.get_mut().take());
        }
    }
}

/// A session with a server.
#[pyclass(frozen, module = "tagwire._native")]
pub(crate) struct Session {
    link: Arc<Link>,
    last: LastNamed,
}

/// Opens a session.
#[pyfunction]
#[pyo3(signature = (url, *, user=None, password=None, security="auto", mode=None, timeout=10.0, trust=false,
    data_dir=None, reconnect=true, name="tagwire python"))]
#[expect(clippy::too_many_arguments, reason = "the keywords of a Python function")]
pub(crate) fn connect(
    py: Python<'_>,
    url: &str,
    user: Option<String>,
    password: Option<String>,
    security: &str,
    mode: Option<&str>,
    timeout: f64,
    trust: bool,
    data_dir: Option<PathBuf>,
    reconnect: bool,
    name: &str,
) -> PyResult<Pending> {
    let made = || -> Result<_, Fault> {
        let url: Url = url.parse().map_err(Error::Url)?;
        let timeout = seconds(timeout, "timeout")?;
        let login = match (user, password) {
            (Some(name), Some(password)) => Login::User { name, password },
            (None, None) => Login::Anonymous,
            (Some(_), None) => return Err(Fault::usage("user= is given without password=")),
            (None, Some(_)) => return Err(Fault::usage("password= is given without user=")),
        };
        Ok(ConnectOptions {
            security: chosen(security, mode)?,
            login,
            allow_plain_password: url.is_loopback(),
            connect_timeout: timeout,
            request_timeout: timeout,
            reconnect,
            session_name: name.to_owned(),
            ..ConnectOptions::new(url)
        })
    };
    let options = made().map_err(|fault| fault.into_exception(py))?;
    Ok(Pending::new(async move {
        let client = open(options, trust, data_dir).await?;
        let link =
            Link { client: RwLock::new(Some(Arc::new(client))), held: Mutex::default(), pid: std::process::id() };
        Ok(Session { link: Arc::new(link), last: LastNamed::default() })
    }))
}

fn seconds(seconds: f64, what: &str) -> Result<Duration, Fault> {
    Duration::try_from_secs_f64(seconds).map_err(|_| Fault::usage(format!("{what} is a number of seconds, 0 or more")))
}

fn chosen(security: &str, mode: Option<&str>) -> Result<Security, Fault> {
    let mode = match mode {
        None => None,
        Some("sign") => Some(Mode::Sign),
        Some("sign-and-encrypt") => Some(Mode::SignAndEncrypt),
        Some(other) => {
            return Err(Fault::usage(format!("mode is \"sign\" or \"sign-and-encrypt\", not \"{other}\"")));
        }
    };
    match (security, mode) {
        ("auto", None) => Ok(Security::Auto),
        ("best", None) => Ok(Security::Best),
        ("none", None) => Ok(Security::NONE),
        ("auto" | "best" | "none", Some(_)) => Err(Fault::usage("mode= goes with the name of a security policy")),
        (name, mode) => match Policy::from_name(name) {
            Some(policy) => Ok(Security::Exactly(policy, mode.unwrap_or(Mode::SignAndEncrypt))),
            None => {
                let known: Vec<&str> = Policy::ALL.iter().map(|policy| policy.name()).collect();
                Err(Fault::usage(format!("security is auto, best or one of {}, not \"{name}\"", known.join(", "))))
            }
        },
    }
}

/// Opens a session as the command line does: a key is made only where one is needed.
async fn open(mut options: ConnectOptions, trust: bool, data_dir: Option<PathBuf>) -> Result<Client, Fault> {
    let identity = || async move {
        let folder = data_dir.unwrap_or_else(Identity::user_folder);
        let opened = tokio::task::spawn_blocking(move || Identity::open(&folder, "tagwire client")).await;
        opened.unwrap_or_else(|_| Err(Error::Options("runtime is shutting down".to_owned())))
    };
    let may_do_without_key = options.security == Security::NONE
        || (options.security == Security::Auto && options.url.is_loopback() && options.login == Login::Anonymous);
    if may_do_without_key {
        match Client::connect(&options).await {
            Err(Error::Options(_)) if options.security == Security::Auto => {}
            outcome => return Ok(outcome?),
        }
    }
    options.identity = Some(identity().await?);
    match (Client::connect(&options).await, &options.identity) {
        (Err(Error::Untrusted(refusal)), Some(identity)) if trust && refusal.reason == Reason::Untrusted => {
            let Some(fingerprint) = refusal.fingerprint else { return Err(Error::Untrusted(refusal).into()) };
            let accepted = identity.trust().accept(fingerprint, now(), &Actor::default());
            accepted.map_err(|error| Fault::usage(format!("cannot trust the certificate: {error}")))?;
            Ok(Client::connect(&options).await?)
        }
        (outcome, _) => Ok(outcome?),
    }
}

fn samples(py: Python<'_>, tags: &Tags, found: Vec<tagwire_model::Sample>) -> PyResult<Py<PyAny>> {
    let samples = found.into_iter().enumerate().map(|(idx, sample)| Sample::new(Arc::clone(tags), idx, sample));
    PyList::new(py, samples)?.into_py_any(py)
}

fn statuses(py: Python<'_>, found: Vec<Status>) -> PyResult<Py<PyAny>> {
    found.into_iter().map(|status| sample::status(py, status)).collect::<PyResult<Vec<_>>>()?.into_py_any(py)
}

#[pymethods]
impl Session {
    /// Current values, one sample per tag; they may be `max_age` seconds old.
    #[pyo3(signature = (tags, max_age=0.0))]
    fn read(&self, py: Python<'_>, tags: Vec<Py<PyString>>, max_age: f64) -> PyResult<Pending> {
        let link = Arc::clone(&self.link);
        let named = self.last.get(py, tags)?;
        let shown = Arc::clone(&named.tags);
        let work = async move {
            let max_age = seconds(max_age, "max_age")?;
            Ok(link.client()?.read_aged(named.nodes()?, max_age).await?)
        };
        Ok(Pending::converted(work, move |py, found| samples(py, &shown, found)))
    }

    /// Current values alone, and the place and status of the first that is bad.
    fn values(&self, py: Python<'_>, tags: Vec<Py<PyString>>) -> PyResult<Pending> {
        let link = Arc::clone(&self.link);
        let named = self.last.get(py, tags)?;
        let work = async move { Ok(link.client()?.read_values(named.nodes()?).await?) };
        Ok(Pending::converted(work, |py, found| {
            let bad = found.iter().position(|(_, status)| status.is_bad());
            let bad = bad.map(|idx| Ok::<_, PyErr>((idx, sample::status(py, found[idx].1)?))).transpose()?;
            let values = found.iter().map(|(value, _)| convert::to_py(py, value)).collect::<PyResult<Vec<_>>>()?;
            (values, bad).into_py_any(py)
        }))
    }

    /// Attributes by their number, one sample per pair of tag and number.
    fn read_attributes(&self, wanted: Vec<(String, u32)>) -> Pending {
        let link = Arc::clone(&self.link);
        let (names, ids): (Vec<String>, Vec<u32>) = wanted.into_iter().unzip();
        let names: Tags = names.into();
        let shown = Arc::clone(&names);
        let work = async move {
            let wanted: Vec<_> = nodes(&names)?.into_iter().zip(ids).collect();
            Ok(link.client()?.read_attributes(&wanted).await?)
        };
        Pending::converted(work, move |py, found| samples(py, &shown, found))
    }

    /// Writes values in the types that the tags hold; one status per pair.
    fn write(&self, values: Vec<(String, Bound<'_, PyAny>)>) -> PyResult<Pending> {
        let link = Arc::clone(&self.link);
        let mut names = Vec::with_capacity(values.len());
        let mut wanted = Vec::with_capacity(values.len());
        for (name, value) in values {
            wanted.push(convert::from_py(&value)?);
            names.push(name);
        }
        let work = async move {
            let (client, nodes) = (link.client()?, nodes(&names)?);
            let types = link.held_types(&client, &nodes).await?;
            let fitted: Vec<Result<Value, Status>> =
                wanted.iter().zip(types).map(|(value, held)| fit(value, held?)).collect();
            let sent: Vec<(NodeId, Value)> = nodes
                .iter()
                .zip(&fitted)
                .filter_map(|(node, value)| Some((node.clone(), value.as_ref().ok()?.clone())))
                .collect();
            let mut written = client.write(&sent).await?.into_iter();
            let mut results = Vec::with_capacity(fitted.len());
            for (node, value) in nodes.iter().zip(fitted) {
                let status = match value {
                    Ok(_) => written.next().unwrap_or(BAD_TYPE_MISMATCH),
                    Err(status) => status,
                };
                if status.code() == BAD_TYPE_MISMATCH {
                    // The node may hold another type by now.
                    link.held.lock().remove(node);
                }
                results.push(status);
            }
            Ok(results)
        };
        Ok(Pending::converted(work, statuses))
    }

    /// The nodes below one, parents before children.
    fn browse(&self, node: String, depth: usize, max_nodes: usize) -> Pending {
        let link = Arc::clone(&self.link);
        let work = async move {
            let node = parse_node_id(&node)?;
            Ok(link.client()?.browse(&node, BrowseLimits { depth, max_nodes }).await?)
        };
        Pending::converted(work, |py, found| {
            let list = PyList::empty(py);
            for node in found {
                list.append(Node(node))?;
            }
            list.into_py_any(py)
        })
    }

    /// The engineering unit of each tag, `None` where there is none.
    fn units(&self, tags: Vec<String>) -> Pending {
        let link = Arc::clone(&self.link);
        Pending::new(async move { Ok(link.client()?.units(&nodes(&tags)?).await?) })
    }

    /// The URIs of the server's namespaces.
    fn namespaces(&self) -> Pending {
        let link = Arc::clone(&self.link);
        Pending::new(async move { Ok(link.client()?.namespace_array().await?) })
    }

    /// Watches tags, sampled and published every so many seconds.
    fn subscribe(&self, tags: Vec<String>, interval: f64) -> Pending {
        let link = Arc::clone(&self.link);
        Pending::new(async move {
            let interval = seconds(interval, "every")?;
            let feed = link.client()?.subscribe(&nodes(&tags)?, interval).await?;
            Ok(Subscription::new(feed, tags.into()))
        })
    }

    /// Listens to the events of a node.
    fn events(&self, source: String, fields: Vec<String>, interval: f64) -> Pending {
        let link = Arc::clone(&self.link);
        Pending::new(async move {
            let interval = seconds(interval, "every")?;
            let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
            let feed = link.client()?.events(&parse_node_id(&source)?, &fields, interval).await?;
            Ok(EventStream::new(feed))
        })
    }

    /// What was: as it was stored, or one value per interval of so many seconds.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a Python method")]
    fn history(
        &self,
        py: Python<'_>,
        tags: Vec<String>,
        start: Option<Bound<'_, PyAny>>,
        end: Option<Bound<'_, PyAny>>,
        max: usize,
        aggregate: Option<&str>,
        interval: f64,
    ) -> PyResult<Pending> {
        let time =
            |time: Option<Bound<'_, PyAny>>| time.map_or(Ok(Timestamp::NONE), |time| convert::time_from_py(&time));
        let span = HistorySpan { start: time(start)?, end: time(end)?, max };
        let made = || -> Result<Option<Aggregate>, Fault> {
            let interval = seconds(interval, "every")?;
            aggregate
                .map(|name| {
                    let function = match Aggregate::named(name) {
                        Some(function) => function,
                        // A server's own function by its node id.
                        None if name.contains('=') => parse_node_id(name)?,
                        None => return Err(Fault::usage(format!("there is no aggregate \"{name}\""))),
                    };
                    Ok(Aggregate { function, interval })
                })
                .transpose()
        };
        let aggregate = made().map_err(|fault| fault.into_exception(py))?;
        let link = Arc::clone(&self.link);
        Ok(Pending::new(async move {
            let (client, nodes) = (link.client()?, nodes(&tags)?);
            let found = match &aggregate {
                Some(aggregate) => client.history_processed(&nodes, span, aggregate).await?,
                None => client.history_raw(&nodes, span).await?,
            };
            History::new(tags.into(), found)
        }))
    }

    /// Calls a method; gives the status, the statuses of the arguments and what it gave back.
    fn call(&self, object: String, method: String, inputs: Vec<Bound<'_, PyAny>>) -> PyResult<Pending> {
        let link = Arc::clone(&self.link);
        let inputs = inputs.iter().map(convert::from_py).collect::<PyResult<Vec<Value>>>()?;
        let work = async move {
            let client = link.client()?;
            let (object, method) = (parse_node_id(&object)?, parse_node_id(&method)?);
            let parameters = client.parameters(&method).await?.unwrap_or_default();
            let mut sent = Vec::with_capacity(inputs.len());
            for (idx, input) in inputs.into_iter().enumerate() {
                let parameter = parameters.get(idx);
                let held = parameter.and_then(|parameter| {
                    Some(Held { data_type: parameter.data_type?, rank: usize::from(parameter.is_array) })
                });
                sent.push(match (held, parameter) {
                    (Some(held), Some(parameter)) => fit(&input, held).map_err(|_| {
                        let array = if parameter.is_array { "[]" } else { "" };
                        let wanted = held.data_type.name();
                        Fault::usage(format!("argument {} does not fit {wanted}{array}: {input}", parameter.name))
                    })?,
                    _ => input,
                });
            }
            Ok(client.call(&object, &method, &sent).await?)
        };
        Ok(Pending::converted(work, |py, called| {
            let outputs: Vec<_> =
                called.outputs.iter().map(|output| convert::to_py(py, output)).collect::<PyResult<_>>()?;
            let status = sample::status(py, called.status)?;
            (status, statuses(py, called.argument_statuses)?, outputs).into_py_any(py)
        }))
    }

    /// What becomes of the link: `connected`, `reconnecting` or `closed`.
    #[getter]
    fn state(&self) -> &'static str {
        match self.link.client() {
            Ok(client) => match client.state() {
                LinkState::Connecting | LinkState::Reconnecting(_) => "reconnecting",
                LinkState::Connected => "connected",
                LinkState::Closed(_) => "closed",
            },
            Err(_) => "closed",
        }
    }

    /// Policy, mode and address of the endpoint in use.
    #[getter]
    fn endpoint(&self, py: Python<'_>) -> PyResult<(String, String, String)> {
        let client = self.link.client().map_err(|fault| fault.into_exception(py))?;
        let endpoint = client.endpoint();
        let policy = endpoint.policy().map_or_else(|| endpoint.policy_uri().to_owned(), |policy| policy.to_string());
        let mode = endpoint.mode().map_or_else(|| "invalid".to_owned(), |mode| mode.to_string());
        Ok((policy, mode, endpoint.url().to_owned()))
    }

    /// Why the link is down; `None` while it is not.
    #[getter]
    fn problem(&self) -> Option<String> {
        match self.link.client().ok()?.state() {
            LinkState::Reconnecting(status) | LinkState::Closed(status) => Some(StatusName::plain(status)),
            LinkState::Connecting | LinkState::Connected => None,
        }
    }

    /// Closes the session; a second time does nothing.
    fn close(&self) -> Pending {
        let link = Arc::clone(&self.link);
        Pending::new(async move {
            if link.pid != std::process::id() {
                return Ok(());
            }
            let client = link.client.write().take();
            // An operation under way in another thread holds the session a little longer.
            if let Some(client) = client.and_then(Arc::into_inner) {
                client.close().await;
            }
            Ok(())
        })
    }
}
