import { expect, test } from "vitest";
import { AddressBook } from "../../../src/adapters/kafkajs/address-book.ts";

const nodes = [
  { node: 1, address: "a:1" },
  { node: 2, address: "b:1" },
];

test("bootstrap addresses are asked until the cluster has named its brokers, and stay behind them", () => {
  const book = new AddressBook(["seed:1", "b:1"]);
  expect(book.inOrder()).toEqual(["seed:1", "b:1"]);
  book.learn(nodes);
  expect(book.inOrder()).toEqual(["a:1", "b:1", "seed:1"]);
});

test("a broker that the cluster names no more is asked no more, and one that is new is", () => {
  const book = new AddressBook(["seed:1"]);
  book.learn(nodes);
  book.learn([{ node: 3, address: "c:1" }]);
  expect(book.of(1)).toBeUndefined();
  expect(book.of(3)).toBe("c:1");
  expect(book.inOrder()).toEqual(["c:1", "seed:1"]);
});

test("a node that has moved is asked where it is now", () => {
  const book = new AddressBook([]);
  book.learn(nodes);
  book.learn([nodes[0]!, { node: 2, address: "elsewhere:1" }]);
  expect(book.of(2)).toBe("elsewhere:1");
  expect(book.inOrder()).toEqual(["a:1", "elsewhere:1"]);
});

test("an answer that names no broker leaves what is known", () => {
  const book = new AddressBook(["seed:1"]);
  book.learn(nodes);
  book.learn([]);
  expect(book.of(1)).toBe("a:1");
});

test("a coordinator's address adds to those that are known", () => {
  const book = new AddressBook([]);
  book.learn(nodes);
  book.note(9, "i:1");
  expect(book.of(9)).toBe("i:1");
  expect(book.of(1)).toBe("a:1");
});

test("whoever failed goes last, the latest to fail at the very end, until it answers", () => {
  const book = new AddressBook(["seed:1"]);
  book.learn(nodes);
  book.failed("a:1");
  book.failed("b:1");
  expect(book.inOrder()).toEqual(["seed:1", "a:1", "b:1"]);
  book.failed("a:1");
  expect(book.inOrder()).toEqual(["seed:1", "b:1", "a:1"]);
  book.answered("b:1");
  expect(book.inOrder()).toEqual(["b:1", "seed:1", "a:1"]);
});

test("an address that failed and is the cluster's no more is not asked", () => {
  const book = new AddressBook(["seed:1"]);
  book.learn(nodes);
  book.failed("a:1");
  book.learn([nodes[1]!]);
  expect(book.inOrder()).toEqual(["b:1", "seed:1"]);
});
