"use strict";
// Reads the history of a node from one time to another, raw and as averages over five seconds, and prints the values.

const { opcua, run, withSession } = require("./run.js");

const [url, nodeId, start, end] = process.argv.slice(2);

async function main(session) {
  const from = new Date(start);
  const to = new Date(end);
  const raw = await session.readHistoryValue({ nodeId }, from, to);
  if (!raw.statusCode.isGood()) throw new Error(`raw: ${raw.statusCode}`);
  console.log(`raw ${raw.historyData.dataValues.map((value) => value.value.value)}`);
  const average = opcua.AggregateFunction.Average;
  const processed = await session.readAggregateValue({ nodeId }, from, to, average, 5000);
  if (!processed.statusCode.isGood()) throw new Error(`processed: ${processed.statusCode}`);
  console.log(`processed ${processed.historyData.dataValues.map((value) => value.value.value)}`);
}

run(() => withSession(url, main));
