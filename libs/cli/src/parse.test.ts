import { expect, it } from "vitest";
import { byteSize, decimal, integer, moment } from "./parse.ts";

it("takes an age as well as a time", () => {
  const parse = moment(() => 10 * 86_400_000);
  expect(parse("90s")).toBe(10 * 86_400_000 - 90_000);
  expect(parse("2d")).toBe(8 * 86_400_000);
  expect(parse("1970-01-02T00:00:00Z")).toBe(86_400_000);
  expect(() => parse("soon")).toThrow("ISO time");
});

it("refuses what is out of range or no number", () => {
  expect(integer(1, 5)("5")).toBe(5);
  for (const wrong of ["0", "6", "2.5", "-1", "1e0", ""]) expect(() => integer(1, 5)(wrong)).toThrow("from 1 to 5");
  expect(decimal(0, 2)("0.7")).toBe(0.7);
  for (const wrong of ["", " ", "2.01", "warm"]) expect(() => decimal(0, 2)(wrong)).toThrow("from 0 to 2");
});

it("takes sizes in bytes, decimal and binary units", () => {
  expect(["1000", "64MiB", "1.5GiB", "500MB", "2k"].map(byteSize)).toEqual([
    1000,
    64 * 1024 ** 2,
    1.5 * 1024 ** 3,
    500_000_000,
    2000,
  ]);
  for (const wrong of ["0", "-1", "big", "1TiB", ""]) expect(() => byteSize(wrong)).toThrow("such as 64MiB");
});
