import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bytes, compareQuantities, formatQuantity, parseQuantity, QuantityError, quantityOf } from "./quantity.ts";

const SUFFIXES = [
  "",
  "n",
  "u",
  "m",
  "k",
  "M",
  "G",
  "T",
  "P",
  "E",
  "Ki",
  "Mi",
  "Gi",
  "Ti",
  "Pi",
  "Ei",
  "e3",
  "e-3",
  "E6",
];

const quantityText = fc
  .tuple(
    fc.constantFrom("", "+", "-"),
    fc.stringMatching(/^\d{1,20}$/),
    fc.option(fc.stringMatching(/^\d{0,12}$/), { nil: undefined }),
    fc.constantFrom(...SUFFIXES),
  )
  .map(([sign, whole, fraction, suffix]) => `${sign}${whole}${fraction === undefined ? "" : `.${fraction}`}${suffix}`);

describe("parseQuantity", () => {
  it.each([
    ["0", 0n],
    ["100", 100n],
    ["1k", 1000n],
    ["128974848", 128974848n],
    ["129e6", 129000000n],
    ["129M", 129000000n],
    ["128974848000m", 128974848n],
    ["123Mi", 128974848n],
    ["1Ki", 1024n],
    ["1.5Gi", 1610612736n],
    [".5Ki", 512n],
    ["1.Ki", 1024n],
    ["+2Ti", 2199023255552n],
    ["7Ei", 8070450532247928832n],
    ["1E", 10n ** 18n],
    ["1E3", 1000n],
    ["1e-3", 1n],
    ["-1Gi", -1073741824n],
    ["9223372036854775808", 2n ** 63n],
  ])("reads %s as %i bytes", (text, expected) => {
    expect(bytes(text)).toBe(expected);
  });

  it.each([
    "",
    " 1",
    "1 ",
    ".",
    "-",
    "Mi",
    "1.1.M",
    "1+1.0M",
    "0.1mi",
    "0.1am",
    "aoeu",
    ".5i",
    "1i",
    "1K",
    "-3.01i",
    "-3.01e-",
    "1e",
    "1e1.5",
    "0x10",
    "1_000",
    "1Mi5",
    "1e1001",
    "１Gi",
    "Infinity",
    "NaN",
  ])("refuses %j with the text in the message", (text) => {
    expect(() => parseQuantity(text)).toThrow(QuantityError);
    expect(() => parseQuantity(text)).toThrow(JSON.stringify(text));
  });

  it("rounds what is finer than a nano-unit away from zero", () => {
    expect(parseQuantity("0.1n").nano).toBe(1n);
    expect(parseQuantity("-0.1n").nano).toBe(-1n);
    expect(parseQuantity("1.0000000001").nano).toBe(1000000001n);
    expect(parseQuantity("1e-1000").nano).toBe(1n);
  });

  it("caps binary quantities at the largest 64-bit number and leaves decimal ones", () => {
    expect(bytes("8Ei")).toBe(2n ** 63n - 1n);
    expect(bytes("-900Ei")).toBe(-(2n ** 63n - 1n));
    expect(bytes("100E")).toBe(10n ** 20n);
  });
});

describe("formatQuantity", () => {
  // Pairs of k8s.io/apimachinery: what its String() makes of them.
  it.each([
    ["0Gi", "0"],
    ["1024Mi", "1Gi"],
    ["1023Mi", "1023Mi"],
    ["1.5Gi", "1536Mi"],
    ["1000Ki", "1000Ki"],
    ["1000", "1k"],
    ["1000000000000", "1T"],
    ["1024", "1024"],
    ["0.5Ki", "512"],
    ["0.1Ki", "102400m"],
    ["1.1Ki", "1126400m"],
    ["1500m", "1500m"],
    ["2000m", "2"],
    ["0.001", "1m"],
    ["0.1", "100m"],
    ["1e3", "1e3"],
    ["100e3", "100e3"],
    ["12e-1", "1200e-3"],
    ["1E", "1E"],
    ["-1024Ki", "-1Mi"],
    ["0.000000001Ki", "1024n"],
  ])("writes %s as %s", (text, expected) => {
    expect(formatQuantity(parseQuantity(text))).toBe(expected);
  });

  it("never loses the amount: what is written reads back equal, and is written the same again", () => {
    fc.assert(
      fc.property(quantityText, (text) => {
        const quantity = parseQuantity(text);
        const written = formatQuantity(quantity);
        const again = parseQuantity(written);
        expect(compareQuantities(again, quantity)).toBe(0);
        expect(formatQuantity(again)).toBe(written);
        expect(written).not.toContain(".");
      }),
    );
  });

  it("writes whole bytes with the largest binary suffix that is exact", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), (size) => {
        const text = formatQuantity(quantityOf(size));
        expect(bytes(text)).toBe(size);
        expect(/^[0-9]+([KMGTPE]i|[kMGTPE])?$/.test(text)).toBe(true);
      }),
    );
  });
});

describe("compareQuantities", () => {
  it("compares across formats exactly", () => {
    const order = (a: string, b: string): number => compareQuantities(parseQuantity(a), parseQuantity(b));
    expect(order("1Gi", "1G")).toBe(1);
    expect(order("1Gi", "1073741824")).toBe(0);
    expect(order("9007199254740993", "9007199254740992")).toBe(1);
    expect(order("1m", "1.000001m")).toBe(-1);
    expect(order("-1", "1")).toBe(-1);
  });

  it("agrees with the order of whole numbers", () => {
    fc.assert(
      fc.property(fc.bigInt(), fc.bigInt(), (a, b) => {
        const order = compareQuantities(quantityOf(a), quantityOf(b, "decimalSI"));
        expect(order).toBe(a < b ? -1 : a > b ? 1 : 0);
      }),
    );
  });
});

describe("bytes", () => {
  it("rounds up to whole bytes, away from zero, and never down", () => {
    fc.assert(
      fc.property(quantityText, (text) => {
        const { nano } = parseQuantity(text);
        const whole = bytes(text) * 10n ** 9n;
        const over = nano < 0n ? nano - whole : whole - nano;
        expect(over >= 0n && over < 10n ** 9n).toBe(true);
      }),
    );
  });
});
