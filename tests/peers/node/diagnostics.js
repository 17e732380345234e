"use strict";
// Finds a session by its name below SessionsDiagnosticsSummary, as an administrator, and reads what is told of it.

const { opcua, run, securedSession } = require("./run.js");

const [url, certificateFile, privateKeyFile, userName, password, wanted] = process.argv.slice(2);
const SUMMARY = "ns=0;i=3706";

async function main() {
  const asked = { url, certificateFile, privateKeyFile, userName, password, pki: "node-pki" };
  const { client, session } = await securedSession({ opcua, OPCUACertificateManager: opcua.OPCUACertificateManager }, asked);

  async function below(nodeId) {
    const found = await session.browse({
      nodeId,
      referenceTypeId: "HasComponent",
      includeSubtypes: true,
      browseDirection: opcua.BrowseDirection.Forward,
      resultMask: 63,
    });
    if (!found.statusCode.isGood()) throw new Error(`browse: ${found.statusCode}`);
    return found.references;
  }

  const named = (references, name) => references.find((reference) => reference.browseName.name === name).nodeId;
  const parts = await below(named(await below(SUMMARY), wanted));
  const whole = named(parts, "SessionDiagnostics");
  const fields = await below(whole);
  const values = await session.read(
    fields.map(({ nodeId }) => ({ nodeId, attributeId: opcua.AttributeIds.Value })),
  );
  const structure = (await session.read({ nodeId: whole, attributeId: opcua.AttributeIds.Value })).value.value;
  console.log(
    JSON.stringify({
      parts: parts.map((reference) => reference.browseName.name).sort(),
      name: structure.sessionName,
      uri: structure.clientDescription.applicationUri,
      fields: fields.length,
      bad: values.filter((value) => !value.statusCode.isGood()).map((value) => value.statusCode.name),
    }),
  );
  await session.close();
  await client.disconnect();
}

run(main);
