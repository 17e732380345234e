"use strict";
// A foreign client for the tests; the words and what it does are those of open62541-client.

const fs = require("node:fs");
const path = require("node:path");
const { opcua, run } = require("./run.js");

const [url, mode, certificateFile, privateKeyFile, user, password, folder, variable, counter] = process.argv.slice(2);

const MODES = {
  none: opcua.MessageSecurityMode.None,
  sign: opcua.MessageSecurityMode.Sign,
  encrypt: opcua.MessageSecurityMode.SignAndEncrypt,
};

async function manager() {
  const made = new opcua.OPCUACertificateManager({
    automaticallyAcceptUnknownCertificate: true,
    rootFolder: path.join(path.dirname(certificateFile), "node-pki"),
  });
  await made.initialize();
  return made;
}

function identity() {
  if (user === "-") return undefined;
  const [kind, file] = user.split("=");
  if (file === undefined) return { type: opcua.UserTokenType.UserName, userName: user, password };
  // node-opcua has no identity of this kind and says so.
  if (kind === "token") return { type: opcua.UserTokenType.IssuedToken, tokenData: Buffer.from(password) };
  return {
    type: opcua.UserTokenType.Certificate,
    certificateData: fs.readFileSync(file),
    privateKey: fs.readFileSync(password, "utf8"),
  };
}

async function main() {
  const [modeWord, policyWord] = mode.split(":");
  const securityMode = MODES[modeWord];
  const securityPolicy = opcua.SecurityPolicy[modeWord === "none" ? "None" : policyWord || "Basic256Sha256"];
  const options = {
    applicationUri: "urn:tagwire:tests:client",
    endpointMustExist: false,
    securityMode,
    securityPolicy,
    connectionStrategy: { maxRetry: 0, initialDelay: 100 },
    requestedSessionTimeout: 60000,
    certificateFile,
    privateKeyFile,
  };
  options.clientCertificateManager = await manager();
  const client = opcua.OPCUAClient.create(options);
  await client.connect(url);
  const session = await client.createSession(identity());

  const browsed = await session.browse({
    nodeId: `ns=2;s=${folder}`,
    referenceTypeId: "HierarchicalReferences",
    includeSubtypes: true,
    browseDirection: opcua.BrowseDirection.Forward,
    resultMask: 63,
  });
  if (!browsed.statusCode.isGood()) throw new Error(`browse: ${browsed.statusCode}`);
  console.log(`children ${browsed.references.length}`);

  const written = await session.write({
    nodeId: `ns=2;s=${variable}`,
    attributeId: opcua.AttributeIds.Value,
    value: { value: { dataType: opcua.DataType.Double, value: 42.25 } },
  });
  if (!written.isGood()) throw new Error(`write: ${written}`);
  const read = await session.read({ nodeId: `ns=2;s=${variable}`, attributeId: opcua.AttributeIds.Value });
  if (!read.statusCode.isGood() || read.value.value !== 42.25) throw new Error(`read: ${read}`);
  console.log(`value ${read.value.value}`);

  const subscription = await session.createSubscription2({
    requestedPublishingInterval: 100,
    requestedLifetimeCount: 1000,
    requestedMaxKeepAliveCount: 10,
    maxNotificationsPerPublish: 0,
    publishingEnabled: true,
    priority: 0,
  });
  const item = await subscription.monitor(
    { nodeId: `ns=2;s=${counter}`, attributeId: opcua.AttributeIds.Value },
    { samplingInterval: 50, queueSize: 10, discardOldest: true },
    opcua.TimestampsToReturn.Both,
  );
  let seen = 0;
  await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`only ${seen} changes in 20 s`)), 20000);
    item.on("changed", () => {
      seen += 1;
      if (seen === 5) {
        clearTimeout(timer);
        resolve();
      }
    });
  });
  console.log(`changes ${seen}`);
  await subscription.terminate();
  await session.close();
  await client.disconnect();
}

run(main);
