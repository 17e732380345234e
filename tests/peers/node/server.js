"use strict";
// A server with variables, one of them a structure, and the operation limits of a small device: server.js PORT COUNT
// LIMIT. Says "ready".

const { opcua } = require("./run.js");

async function main() {
  const [port, count, limit] = process.argv.slice(2).map(Number);
  const operationLimits = {
    maxNodesPerRead: limit,
    maxNodesPerWrite: limit,
    maxNodesPerBrowse: limit,
    maxMonitoredItemsPerCall: limit,
    maxNodesPerTranslateBrowsePathsToNodeIds: limit,
  };
  const server = new opcua.OPCUAServer({
    port,
    hostname: "127.0.0.1",
    securityPolicies: [opcua.SecurityPolicy.None],
    securityModes: [opcua.MessageSecurityMode.None],
    allowAnonymous: true,
    serverCapabilities: new opcua.ServerCapabilities({ operationLimits, maxSessions: 100 }),
  });
  await server.initialize();
  const space = server.engine.addressSpace;
  const own = space.registerNamespace("urn:test:plant");
  const folder = own.addFolder("ObjectsFolder", { browseName: "Plant" });
  for (let n = 0; n < count; n += 1) {
    const name = `n${n}`;
    const variable = own.addVariable({ componentOf: folder, browseName: name, nodeId: `s=${name}`, dataType: "Int32" });
    variable.setValueFromSource({ dataType: opcua.DataType.Int32, value: n });
    variable.accessLevel = variable.userAccessLevel = opcua.makeAccessLevelFlag("CurrentRead | CurrentWrite");
  }
  const tick = own.addVariable({ componentOf: folder, browseName: "tick", nodeId: "s=tick", dataType: "UInt32" });
  let value = 0;
  setInterval(() => {
    value += 1;
    tick.setValueFromSource({ dataType: opcua.DataType.UInt32, value });
  }, 50);
  const axis = own.addVariable({
    componentOf: folder,
    browseName: "axis",
    nodeId: "s=axis",
    dataType: "AxisInformation",
    accessLevel: "CurrentRead | CurrentWrite",
    userAccessLevel: "CurrentRead | CurrentWrite",
  });
  const range = space.constructExtensionObject(space.findDataType("AxisInformation"), {
    engineeringUnits: { namespaceUri: "urn:units", unitId: 4408652, displayName: { text: "°C" }, description: { text: "warmth" } },
    euRange: { low: -10, high: 90 },
    title: { locale: "en", text: "oven" },
    axisScaleType: 1,
    axisSteps: [1.5, 2.5],
  });
  axis.setValueFromSource({ dataType: opcua.DataType.ExtensionObject, value: range });
  await server.start();
  console.log("ready");
}

main().catch((error) => {
  console.error(error.stack || String(error));
  process.exit(1);
});
