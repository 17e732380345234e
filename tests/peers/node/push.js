"use strict";
// A foreign certificate manager: reads and changes the trust list, and gives the server a new certificate. It prints one
// JSON object per step; the certificate for its signing request comes as a line on the standard input.

const crypto = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const readline = require("node:readline");
const { createRequire } = require("node:module");
const { run, securedSession } = require("./run.js");

const peers = createRequire(path.join(process.env.TAGWIRE_PEERS_NODE, "package.json"));
const { ClientPushCertificateManagement } = peers("node-opcua-server-configuration");
// The library brings a client of its own version.
const own = createRequire(peers.resolve("node-opcua-server-configuration"));
const opcua = own("node-opcua-client");
const { OPCUACertificateManager } = own("node-opcua-certificate-manager");
const { TrustListDataType } = own("node-opcua-types");

const [url, certificateFile, privateKeyFile, user, password, addedFile] = process.argv.slice(2);

const tell = (object) => console.log(JSON.stringify(object));
const sha256 = (der) => crypto.createHash("sha256").update(der).digest("hex");

async function main() {
  const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const pki = `push-pki-${process.pid}`;
  const login = { url, certificateFile, privateKeyFile, userName: user, password, pki };
  const { client, session } = await securedSession({ opcua, OPCUACertificateManager }, login);
  const push = new ClientPushCertificateManagement(session);
  const group = await push.getApplicationGroup();
  const list = await group.getTrustList();
  const trusted = async () => {
    const read = await list.readTrustedCertificateList();
    if (!(read instanceof TrustListDataType)) throw new Error("no trust list");
    return (read.trustedCertificates || []).map(sha256).sort();
  };

  tell({
    trusted: await trusted(),
    formats: await push.getSupportedPrivateKeyFormats(),
    types: (await group.getCertificateTypes()).map((id) => `ns=${id.namespace};i=${id.value}`),
  });
  const added = fs.readFileSync(addedFile);
  const good = (status, what) => {
    if (!status.isGood()) throw new Error(`${what}: ${status}`);
  };
  good(await list.addCertificate(added, true), "AddCertificate");
  tell({ trusted: await trusted() });
  const thumbprint = crypto.createHash("sha1").update(added).digest("hex");
  good(await list.removeCertificate(thumbprint, true), "RemoveCertificate");
  tell({ trusted: await trusted() });

  const type = ClientPushCertificateManagement.rsaSha256ApplicationCertificateType;
  const nonce = crypto.randomBytes(32);
  const asked = await push.createSigningRequest("DefaultApplicationGroup", type, "CN=hall/O=plant", true, nonce);
  good(asked.statusCode, "CreateSigningRequest");
  tell({ request: asked.certificateSigningRequest.toString("hex") });
  const answer = JSON.parse((await lines.next()).value);
  const certificate = Buffer.from(answer.certificate, "hex");
  const issuers = answer.issuers.map((der) => Buffer.from(der, "hex"));
  const updated = await push.updateCertificate("DefaultApplicationGroup", type, certificate, issuers);
  tell({ update: updated.statusCode.name, applyChangesRequired: updated.applyChangesRequired });
  const lost = new Promise((resolve) => client.once("connection_lost", resolve).once("close", resolve));
  tell({ apply: (await push.applyChanges()).name });
  await lost;
  await client.disconnect().catch(() => {});

  const again = await securedSession({ opcua, OPCUACertificateManager }, login);
  tell({ seen: sha256(again.session.serverCertificate) });
  await again.session.close();
  await again.client.disconnect();
}

run(main);
