import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ConfigError, readSettings, redacted, setting, settingsHelp } from "./index.ts";

const fields = {
  host: setting("DEMO_HOST", "Address to listen on", z.string().default("127.0.0.1")),
  port: setting(
    "DEMO_PORT",
    "Port to listen on, 0 picks a free one",
    z.coerce.number().int().min(0).max(65535).default(7100),
  ),
  token: setting("DEMO_TOKEN", "Password of the store", z.string().min(8).optional(), { secret: true }),
  nats: setting("DEMO_NATS", "Address of NATS", z.string().optional()),
};

describe("readSettings", () => {
  it("fills defaults, converts, and treats an empty variable as unset", () => {
    const config = readSettings("demo", fields, { DEMO_PORT: "9000", DEMO_HOST: "" });
    expect(config).toMatchObject({ host: "127.0.0.1", port: 9000 });
    expect(Object.isFrozen(config)).toBe(true);
  });

  it("names every wrong variable at once, and hides a secret's value", () => {
    const start = () => readSettings("demo", fields, { DEMO_PORT: "99999", DEMO_TOKEN: "abc" });
    expect(start).toThrow(ConfigError);
    expect(start).toThrow(/DEMO_PORT = "99999": .*65535/);
    expect(start).toThrow(/DEMO_TOKEN \(hidden\)/);
    expect(start).not.toThrow(/abc/);
  });
});

describe("redacted", () => {
  it("hides secrets and passwords inside addresses", () => {
    const values = readSettings("demo", fields, { DEMO_TOKEN: "hunter22222", DEMO_NATS: "nats://me:pw@host:4222" });
    const printed = JSON.stringify(redacted(fields, values));
    expect(printed).not.toContain("hunter22222");
    expect(printed).not.toContain("pw");
    expect(printed).toContain("//[redacted]@host:4222");
  });
});

describe("settingsHelp", () => {
  it("lists every variable with its default", () => {
    const help = settingsHelp("demo", fields);
    for (const field of Object.values(fields)) expect(help).toContain(field.env);
    expect(help).toContain("default 7100");
  });
});
