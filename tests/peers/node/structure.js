"use strict";
// Reads a structure of tags as an object of the type that the server describes, writes one, changes it, and writes it
// back; prints the type and what was read after each write.

const { opcua, run, withSession } = require("./run.js");

const NODE = "ns=2;s=line1.press.M2";

async function main(session) {
  await session.extractNamespaceDataType();
  const kind = await session.read({ nodeId: NODE, attributeId: opcua.AttributeIds.DataType });
  const name = await session.read({ nodeId: kind.value.value, attributeId: opcua.AttributeIds.BrowseName });
  console.log(name.value.value.name);

  async function write(value) {
    const status = await session.write({
      nodeId: NODE,
      attributeId: opcua.AttributeIds.Value,
      value: { value: { dataType: opcua.DataType.ExtensionObject, value } },
    });
    if (!status.isGood()) throw new Error(`write: ${status}`);
    for (let tries = 0; ; tries += 1) {
      const found = await session.read({ nodeId: NODE, attributeId: opcua.AttributeIds.Value });
      if (!found.statusCode.isGood()) throw new Error(`read: ${found}`);
      const motor = found.value.value;
      if (motor.speed === value.speed || tries === 100) {
        console.log(`${motor.speed} ${motor.name} ${Array.from(motor.limits)} ${motor.drive.code}`);
        return motor;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  const made = await session.constructExtensionObject(kind.value.value, {
    speed: 42.5,
    running: true,
    name: "node",
    limits: [1, 2, 3],
    drive: { current: 1.5, code: 77 },
  });
  const motor = await write(made);
  motor.speed = 43.5;
  await write(motor);
}

run(() => withSession(process.argv[2], main));
