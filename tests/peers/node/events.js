"use strict";
// Listens for the failure of a device and prints type, source, severity and message of the first one.

const path = require("node:path");
const { createRequire } = require("node:module");
const opcua = createRequire(path.join(process.env.TAGWIRE_PEERS_NODE, "package.json"))("node-opcua");

async function main() {
  const client = opcua.OPCUAClient.create({
    endpointMustExist: false,
    connectionStrategy: { maxRetry: 0, initialDelay: 100 },
  });
  await client.connect(process.argv[2]);
  const session = await client.createSession();
  const subscription = await session.createSubscription2({
    requestedPublishingInterval: 50,
    requestedLifetimeCount: 1000,
    requestedMaxKeepAliveCount: 10,
    publishingEnabled: true,
  });
  const filter = opcua.constructEventFilter(
    ["EventType", "SourceName", "Severity", "Message"],
    opcua.ofType("DeviceFailureEventType"),
  );
  const item = await subscription.monitor(
    { nodeId: "ns=2;s=line1.press", attributeId: opcua.AttributeIds.EventNotifier },
    { samplingInterval: 0, queueSize: 100, discardOldest: true, filter },
    opcua.TimestampsToReturn.Both,
  );
  const first = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error("no event in 40 s")), 40000);
    item.on("changed", resolve);
  });
  console.log("listening");
  const [type, source, severity, message] = (await first).map((field) => field.value);
  const name = type.value === 2131 ? "DeviceFailureEventType" : type.toString();
  console.log(`${name} ${source} ${severity} ${message.text}`);
  await subscription.terminate();
  await session.close();
  await client.disconnect();
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error.stack || String(error));
    process.exit(1);
  },
);
