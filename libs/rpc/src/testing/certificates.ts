// Certificates for tests: an authority of its own, and what it vouches for.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import forge from "node-forge";

const DAY_MS = 24 * 60 * 60_000;

export interface KeyAndCertificate {
  key: string;
  cert: string;
}

export class Authority {
  readonly cert: string;
  readonly #key: string;
  readonly #name: string;

  constructor(name = "Test Authority") {
    this.#name = name;
    this.#key = newKey();
    const extensions = [{ name: "basicConstraints", cA: true, critical: true }];
    this.cert = certificate({ subject: name, issuer: name, key: this.#key, signingKey: this.#key, extensions });
  }

  /** `names`: DNS names and addresses it stands for. */
  issue(names: readonly string[], { isExpired = false } = {}): KeyAndCertificate {
    const key = newKey();
    const altNames = names.map((name) => (isIP(name) ? { type: 7, ip: name } : { type: 2, value: name }));
    const cert = certificate({
      subject: names[0] ?? "nobody",
      issuer: this.#name,
      key,
      signingKey: this.#key,
      extensions: [{ name: "subjectAltName", altNames }],
      isExpired,
    });
    return { key, cert };
  }
}

interface Parts {
  subject: string;
  issuer: string;
  key: string;
  signingKey: string;
  extensions: object[];
  isExpired?: boolean;
}

function certificate({ subject, issuer, key, signingKey, extensions, isExpired = false }: Parts): string {
  const made = forge.pki.createCertificate();
  const privateKey = forge.pki.privateKeyFromPem(key);
  made.publicKey = forge.pki.setRsaPublicKey(privateKey.n, privateKey.e);
  // A leading zero bit keeps the number positive.
  made.serialNumber = `0${randomBytes(8).toString("hex").slice(1)}`;
  const nowMs = Date.now();
  made.validity.notBefore = new Date(nowMs - 2 * DAY_MS);
  made.validity.notAfter = new Date(nowMs + (isExpired ? -DAY_MS : DAY_MS));
  made.setSubject([{ name: "commonName", value: subject }]);
  made.setIssuer([{ name: "commonName", value: issuer }]);
  made.setExtensions(extensions);
  made.sign(forge.pki.privateKeyFromPem(signingKey), forge.md.sha256.create());
  return forge.pki.certificateToPem(made);
}

function newKey(): string {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return privateKey.export({ type: "pkcs1", format: "pem" }).toString();
}

/** A folder of certificate files that goes away with the test. Files are replaced whole, as mounted secrets are. */
export class CertificateFolder {
  readonly path = mkdtempSync(join(tmpdir(), "chimera-tls-"));

  put(name: string, contents: string): string {
    const file = join(this.path, name);
    writeFileSync(`${file}.new`, contents);
    renameSync(`${file}.new`, file);
    return file;
  }

  /** The files of one service. */
  putAll({ key, cert }: KeyAndCertificate, ca?: string): { certFile: string; keyFile: string; caFile?: string } {
    const files = { certFile: this.put("cert.pem", cert), keyFile: this.put("key.pem", key) };
    return ca === undefined ? files : { ...files, caFile: this.put("ca.pem", ca) };
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
