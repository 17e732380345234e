//! `tagwire trust`: through the running server, or on the files when none runs.

use tagwire_gateway::control::Request;
use tagwire_gateway::data_dir::DataDir;
use tagwire_gateway::{renewal, trust};

use crate::args::TrustCommand;
use crate::command::control::{ask, load, own_uid, show};
use crate::failure::{Exit, Failure};

pub(crate) fn run(command: &TrustCommand) -> Result<(), Failure> {
    let (args, request) = match command {
        TrustCommand::List(args) => (args, Request::TrustList {}),
        TrustCommand::Renew(args) => (args, Request::TrustRenew {}),
        TrustCommand::Accept { time, which } => {
            let seconds = time.map(|time| time.as_secs().max(1));
            (&which.config, Request::TrustAccept { certificate: which.certificate.clone(), seconds })
        }
        TrustCommand::Reject(which) => (&which.config, Request::TrustReject { certificate: which.certificate.clone() }),
        TrustCommand::Block(which) => (&which.config, Request::TrustBlock { certificate: which.certificate.clone() }),
    };
    let config = load(&args.config)?;
    match ask(&config, &request) {
        Err(failure) if failure.exit == Exit::Connect => {}
        answer => return show(&answer?, args.json),
    }
    let _held = DataDir::open(&config.data_dir()).map_err(|error| {
        Failure::new(Exit::Failed, error.to_string(), "stop that process, or use its configuration")
    })?;
    let answer = match request {
        Request::TrustRenew {} => renewal::renew_files(&config, own_uid()),
        request => trust::carry_out_on_files(&config, &request, own_uid()),
    };
    if answer.ok { show(&answer, args.json) } else { Err(Failure::new(Exit::Failed, answer.error, answer.fix)) }
}
