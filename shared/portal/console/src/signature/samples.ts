import goPlain from "./samples/plain/main.go.txt";
import javaPlain from "./samples/plain/Receiver.java.txt";
import nodePlain from "./samples/plain/receiver.mjs.txt";
import phpPlain from "./samples/plain/receiver.php.txt";
import pythonPlain from "./samples/plain/receiver.py.txt";
import goStandard from "./samples/standard/main.go.txt";
import javaStandard from "./samples/standard/Receiver.java.txt";
import nodeStandard from "./samples/standard/receiver.mjs.txt";
import phpStandard from "./samples/standard/receiver.php.txt";
import pythonStandard from "./samples/standard/receiver.py.txt";

export type Way = "standard" | "plain";

/** Languages with a whole receiver for each way to verify. localstack/receivers runs every one of them. */
export const languages = {
  node: { name: "Node", standard: nodeStandard, plain: nodePlain },
  python: { name: "Python", standard: pythonStandard, plain: pythonPlain },
  go: { name: "Go", standard: goStandard, plain: goPlain },
  php: { name: "PHP", standard: phpStandard, plain: phpPlain },
  java: { name: "Java", standard: javaStandard, plain: javaPlain },
} as const;

export type Language = keyof typeof languages;
