import { hostname } from "node:os";
import { describe, expect, it } from "vitest";
import { publicUrl } from "./public-url.ts";

describe("the address in load reports", () => {
  it("is the one that was set, else the one it listens on, and never one that nobody can call", () => {
    expect(publicUrl({ publicUrl: "https://gpu-3.example:8443/", host: "0.0.0.0" }, 1)).toBe(
      "https://gpu-3.example:8443",
    );
    expect(publicUrl({ host: "127.0.0.1" }, 7102)).toBe("http://127.0.0.1:7102");
    expect(publicUrl({ host: "::1" }, 7102)).toBe("http://[::1]:7102");
    expect(publicUrl({ host: "10.0.0.7", tlsCertFile: "cert.pem" }, 7102)).toBe("https://10.0.0.7:7102");
    for (const host of ["0.0.0.0", "::"]) expect(publicUrl({ host }, 7102)).toBe(`http://${hostname()}:7102`);
  });
});
