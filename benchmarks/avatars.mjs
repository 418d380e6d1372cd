import { createAvatar } from "@dicebear/core";
import * as collection from "@dicebear/collection";
import { createInterface } from "node:readline";
for await (const line of createInterface({ input: process.stdin })) {
  const { style, options } = JSON.parse(line);
  process.stdout.write(JSON.stringify(createAvatar(collection[style], options).toString()) + "\n");
}
