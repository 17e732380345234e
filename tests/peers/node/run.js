"use strict";
// node-opcua as the tests install it, and how their programs end: with code 0, or with the error and code 1.

const path = require("node:path");
const { createRequire } = require("node:module");

const opcua = createRequire(path.join(process.env.TAGWIRE_PEERS_NODE, "package.json"))("node-opcua");

function run(main) {
  main().then(
    () => process.exit(0),
    (error) => {
      console.error(error.stack || String(error));
      process.exit(1);
    },
  );
}

/** Connects without security as nobody in particular, works with the session, and leaves. */
async function withSession(url, work) {
  const client = opcua.OPCUAClient.create({
    endpointMustExist: false,
    connectionStrategy: { maxRetry: 0, initialDelay: 100 },
  });
  await client.connect(url);
  const session = await client.createSession();
  await work(session);
  await session.close();
  await client.disconnect();
}

/** A session that is signed and encrypted with Basic256Sha256, made with these modules of node-opcua. */
async function securedSession({ opcua, OPCUACertificateManager }, { url, certificateFile, privateKeyFile, userName, password, pki }) {
  const clientCertificateManager = new OPCUACertificateManager({
    automaticallyAcceptUnknownCertificate: true,
    rootFolder: path.join(path.dirname(certificateFile), pki),
  });
  await clientCertificateManager.initialize();
  const client = opcua.OPCUAClient.create({
    applicationUri: "urn:tagwire:tests:client",
    endpointMustExist: false,
    securityMode: opcua.MessageSecurityMode.SignAndEncrypt,
    securityPolicy: opcua.SecurityPolicy.Basic256Sha256,
    connectionStrategy: { maxRetry: 0, initialDelay: 100 },
    certificateFile,
    privateKeyFile,
    clientCertificateManager,
  });
  await client.connect(url);
  const session = await client.createSession({ type: opcua.UserTokenType.UserName, userName, password });
  return { client, session };
}

module.exports = { opcua, run, securedSession, withSession };
