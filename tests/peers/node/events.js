"use strict";
// Listens for the failure of a device and prints type, source, severity and message of the first one.

const { opcua, run, withSession } = require("./run.js");

async function main(session) {
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
}

run(() => withSession(process.argv[2], main));
