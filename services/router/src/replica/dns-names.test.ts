import { describe, expect, it } from "vitest";
import { type Address, DnsNames } from "./dns-names.ts";

const ipv4 = (...addresses: string[]): Address[] => addresses.map((address) => ({ address, family: 4 }));

describe("DnsNames", () => {
  it("makes a replica of each address, and leaves other addresses to others", async () => {
    const asked: string[] = [];
    const names = new DnsNames(["http://10.9.9.9:7102", "dns+http://inference.mesh.svc:7102"], async (host) => {
      asked.push(host);
      return ipv4("10.0.0.2", "10.0.0.1", "10.0.0.1");
    });
    expect([...(await names.resolve())]).toEqual(["http://10.0.0.1:7102", "http://10.0.0.2:7102"]);
    expect(asked).toEqual(["inference.mesh.svc"]);
    expect(names.isEmpty).toBe(false);
    expect(new DnsNames(["http://10.9.9.9:7102"], async () => []).isEmpty).toBe(true);
  });

  it("takes one family, so that a process with two addresses is one replica", async () => {
    const both = [{ address: "fd00::1", family: 6 }, ...ipv4("10.0.0.1")];
    expect([...(await new DnsNames(["dns+http://a:1"], async () => both).resolve())]).toEqual(["http://10.0.0.1:1"]);
    const six = new DnsNames(["dns+http://a:1"], async () => [{ address: "fd00::1", family: 6 }]);
    expect([...(await six.resolve())]).toEqual(["http://[fd00::1]:1"]);
  });

  it("keeps the protocol, and a port that goes without saying", async () => {
    const names = new DnsNames(["dns+https://a:7102", "dns+http://b"], async () => ipv4("10.0.0.1"));
    expect([...(await names.resolve())]).toEqual(["https://10.0.0.1:7102", "http://10.0.0.1"]);
  });

  it("keeps what it knew while the resolver fails", async () => {
    let answer: Address[] | Error = ipv4("10.0.0.1", "10.0.0.2");
    const names = new DnsNames(["dns+http://a:1"], async () => {
      if (answer instanceof Error) throw answer;
      return answer;
    });
    const before = [...(await names.resolve())];
    answer = new Error("SERVFAIL");
    expect([...(await names.resolve())]).toEqual(before);
    answer = ipv4("10.0.0.2");
    expect([...(await names.resolve())]).toEqual(["http://10.0.0.2:1"]);
  });

  it("does not ask again while a question is open", async () => {
    let asked = 0;
    const { promise, resolve } = Promise.withResolvers<Address[]>();
    const names = new DnsNames(["dns+http://a:1"], () => {
      asked += 1;
      return promise;
    });
    const first = names.resolve();
    expect([...(await names.resolve())]).toEqual([]);
    expect(asked).toBe(1);
    resolve(ipv4("10.0.0.1"));
    expect([...(await first)]).toEqual(["http://10.0.0.1:1"]);
  });

  it("leaves out addresses beyond its bound", async () => {
    const many = Array.from({ length: 1000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
    expect((await new DnsNames(["dns+http://a:1"], async () => ipv4(...many)).resolve()).size).toBe(256);
  });
});
