// Prints a line for each incident and score. Usage: consumer.ts BROKERS GROUP [LINES]
import { type CloudEvent, Kafka as CloudEvents } from "cloudevents";
import { Kafka, logLevel } from "kafkajs";

function incident(it: any): string {
  return `${it.session} incident ${it.type} ${it.state} ${it.severity}: ${it.reason.text}`;
}

function score(it: any): string {
  const integrity = it.integrity === null ? "grey" : `${it.integrity} ${it.band}`;
  const reasons = it.contributions.map((each: any) => `${each.type} -${each.applied_milli / 1000}`);
  return `${it.session} score ${it.status} ${integrity}: ${reasons.join(", ") || "nothing found"}`;
}

const kinds = new Map([["invigilator.incident.v1", incident], ["invigilator.score.v1", score]]);
const [brokers = "", groupId = "", lines = "-1"] = process.argv.slice(2);
const kafka = new Kafka({ brokers: brokers.split(","), logLevel: logLevel.ERROR });
const consumer = kafka.consumer({ groupId, readUncommitted: false });
let left = Number(lines);
await consumer.connect();
await consumer.subscribe({ topics: ["exam.incidents", "exam.scores"], fromBeginning: true });
await consumer.run({ eachMessage: async ({ message: { key, value, headers = {} } }) => {
  if (value === null || left === 0) return;
  const texts = Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, String(text)]));
  const event = CloudEvents.toEvent({ key: String(key), value, headers: texts } as any) as CloudEvent<any>;
  const line = kinds.get(event.type)?.(event.data);
  if (line !== undefined) console.log(line);
  if (line !== undefined && --left === 0) void consumer.disconnect();
} });
