"use strict";
// Follows browse names from Objects to a variable of an imported model, reads it with its type and its data type, and
// prints what it found.

const { opcua, run, withSession } = require("./run.js");

async function main(session) {
  const namespaces = await session.readNamespaceArray();
  const index = namespaces.indexOf("urn:example:press");
  const found = await session.translateBrowsePath(
    opcua.makeBrowsePath("ObjectsFolder", `/${index}:Press1/${index}:Speed`),
  );
  const speed = found.targets[0].targetId;
  const value = await session.read({ nodeId: speed, attributeId: opcua.AttributeIds.Value });
  const up = await session.browse({ nodeId: speed, browseDirection: opcua.BrowseDirection.Inverse, resultMask: 63 });
  const parent = up.references[0];
  const type = await session.read({ nodeId: parent.typeDefinition, attributeId: opcua.AttributeIds.BrowseName });
  const down = await session.browse({
    nodeId: "i=58",
    referenceTypeId: "HasSubtype",
    includeSubtypes: true,
    browseDirection: opcua.BrowseDirection.Forward,
    resultMask: 63,
  });
  const subtypes = down.references.map((reference) => reference.browseName.toString());
  console.log(`${parent.browseName.name} ${type.value.value.name} ${value.value.value}`);
  console.log(subtypes.includes(`${index}:MachineType`) ? "MachineType is listed" : subtypes.join(" "));
}

run(() => withSession(process.argv[2], main));
