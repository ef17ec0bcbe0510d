import { generateKeyPairSync } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { connectionFlags } from "../../../src/app/cli/command.ts";
import { describeFailure, exitCodeOf } from "../../../src/app/exit.ts";
import { type ConnectionFlags, connectionOf, type Environment, hookTokenOf } from "../../../src/app/settings.ts";

/** Made with openssl for this test; the key was thrown away. */
const certificate = `-----BEGIN CERTIFICATE-----
MIIBcjCCARmgAwIBAgIUSU28KBu9yaEEpwsxjpnyvMh3J64wCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAeFw0yNjExMjQxNDQyMDdaFw0zNjExMjExNDQyMDda
MA8xDTALBgNVBAMMBHRlc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARPMv1F
byw6y+svcqyWojOKJn25QGJRtyfLijpwv/4z/+dESMS74TgQ6Mx47AgEstP6A28K
JD0SWetpp5cKKv3Fo1MwUTAdBgNVHQ4EFgQUhaNW3KrpOgXMgTti0rRM1/M1AHIw
HwYDVR0jBBgwFoAUhaNW3KrpOgXMgTti0rRM1/M1AHIwDwYDVR0TAQH/BAUwAwEB
/zAKBggqhkjOPQQDAgNHADBEAiB+gzdV5pXqkCm4UGfWaJ7S32Ym34LAznFGC6JM
rl9FqAIgOjIoX1hUH+pxUvTLWm3FXZ3cWHmPg9jp0zR/E5e8YDo=
-----END CERTIFICATE-----
`;
const secret = "hunter2-is-no-path";
const folder = mkdtempSync(join(tmpdir(), "millrace-settings-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const lockedKey = privateKey.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: secret });
const files = {
  certificate: file("cert.pem", certificate),
  key: file("key.pem", String(privateKey.export({ type: "pkcs8", format: "pem" }))),
  lockedKey: file("locked.pem", String(lockedKey)),
  text: file("text.pem", "no certificate\n"),
  damaged: file("damaged.pem", `${certificate}${certificate.replace("MIIB", "MIIC")}`),
  password: file("password", "correct horse\n"),
  empty: file("empty", "\n"),
  lines: file("lines", `${secret}\nsecond\n`),
};
mkdirSync(join(folder, "folder"));

/** How a command would end: exit code and what is said. */
function ending(environment: Environment, flags: ConnectionFlags = {}): { code: number; text: string } {
  try {
    connectionOf(flags, environment);
  } catch (thrown) {
    return { code: exitCodeOf(thrown), text: describeFailure(thrown) };
  }
  return { code: 0, text: "" };
}

test("nothing set is nothing asked for", () => {
  expect(connectionOf({}, {})).toEqual({});
});

test("an empty variable counts as not set", () => {
  const names = ["TLS_CA", "TLS_CERT", "TLS_KEY", "SASL_MECHANISM", "SASL_USERNAME", "SASL_PASSWORD_FILE"];
  const registry = ["REGISTRY_USER", "REGISTRY_PASSWORD_FILE"];
  const environment = Object.fromEntries([...names, ...registry].map((name) => [`MILLRACE_${name}`, ""]));
  expect(connectionOf({}, environment)).toEqual({});
});

test("the brokers are a list with commas, spaces around them and addresses of IPv6 allowed", () => {
  expect(connectionOf({ brokers: "a.example:9092, [::1]:9093 ," }, {}).brokers).toEqual([
    "a.example:9092",
    "[::1]:9093",
  ]);
});

test("a password is all of its file but the end of the line", () => {
  const passwordOf = (text: string): string | undefined =>
    connectionOf(
      {},
      {
        MILLRACE_SASL_MECHANISM: "SCRAM-SHA-512",
        MILLRACE_SASL_USERNAME: "alice",
        MILLRACE_SASL_PASSWORD_FILE: file("one", text),
      },
    ).sasl?.password;
  expect(passwordOf("pass word")).toBe("pass word");
  expect(passwordOf("ends with a space \n")).toBe("ends with a space ");
  expect(passwordOf("windows\r\n")).toBe("windows");
  expect(passwordOf("pässword")).toBe("pässword");
});

test("mechanisms are known in either case", () => {
  const rest = { MILLRACE_SASL_USERNAME: "alice", MILLRACE_SASL_PASSWORD_FILE: files.password };
  for (const mechanism of ["plain", "PLAIN", "scram-sha-256", "SCRAM-SHA-512"]) {
    const { sasl } = connectionOf({}, { ...rest, MILLRACE_SASL_MECHANISM: mechanism });
    expect(sasl).toEqual({ mechanism: mechanism.toLowerCase(), username: "alice", password: "correct horse" });
  }
});

test("an authority alone asks for TLS without a certificate of the client", () => {
  expect(connectionOf({}, { MILLRACE_TLS_CA: files.certificate }).tls).toEqual({ ca: certificate });
});

test("system asks for TLS with the authorities that Node trusts, a file of that name is a path", () => {
  expect(connectionOf({}, { MILLRACE_TLS_CA: "system" }).tls).toEqual({});
  expect(ending({ MILLRACE_TLS_CA: "./system" }).text).toContain("MILLRACE_TLS_CA: there is no such file");
  const client = { MILLRACE_TLS_CERT: files.certificate, MILLRACE_TLS_KEY: files.key };
  expect(ending({ ...client, MILLRACE_TLS_CA: "system" }).text).toContain("the key does not belong to the certificate");
});

test("a registry is a folder, or a URL of http or https", () => {
  const registryOf = (registry: string): string | undefined => connectionOf({ registry }, {}).registry;
  expect(registryOf("some/folder")).toBe("some/folder");
  expect(registryOf("http.d")).toBe("http.d");
  expect(registryOf("HTTPS://registry.example/base")).toBe("https://registry.example/base");
});

describe("what is malformed ends with 64 and a sentence that names it", () => {
  const sasl = {
    MILLRACE_SASL_MECHANISM: "PLAIN",
    MILLRACE_SASL_USERNAME: "alice",
    MILLRACE_SASL_PASSWORD_FILE: files.password,
  };
  const client = { MILLRACE_TLS_CERT: files.certificate, MILLRACE_TLS_KEY: files.key };
  const account = { MILLRACE_REGISTRY_USER: "bob", MILLRACE_REGISTRY_PASSWORD_FILE: files.password };
  const path = "\n  the variable holds the path of a file, not what is in it";
  const cases: readonly (readonly [string, Environment, string])[] = [
    ["no such authority", { MILLRACE_TLS_CA: secret }, `MILLRACE_TLS_CA: there is no such file${path}`],
    ["a folder", { MILLRACE_TLS_CA: join(folder, "folder") }, `MILLRACE_TLS_CA: it names a folder, not a file${path}`],
    ["no PEM", { MILLRACE_TLS_CA: files.text }, "MILLRACE_TLS_CA: the file holds no certificate in PEM form"],
    [
      "a damaged authority behind a sound one",
      { MILLRACE_TLS_CA: files.damaged },
      "MILLRACE_TLS_CA: the file holds no certificate in PEM form that can be read",
    ],
    [
      "a key where the authority belongs",
      { MILLRACE_TLS_CA: files.key },
      "MILLRACE_TLS_CA: the file holds no certificate in PEM form",
    ],
    [
      "a certificate without its key",
      { MILLRACE_TLS_CERT: files.certificate },
      "MILLRACE_TLS_CERT and MILLRACE_TLS_KEY go together",
    ],
    [
      "a key without its certificate",
      { MILLRACE_TLS_KEY: files.key },
      "MILLRACE_TLS_CERT and MILLRACE_TLS_KEY go together",
    ],
    [
      "a key of another certificate",
      client,
      "MILLRACE_TLS_KEY: the key does not belong to the certificate of MILLRACE_TLS_CERT",
    ],
    [
      "an encrypted key",
      { ...client, MILLRACE_TLS_KEY: files.lockedKey },
      "MILLRACE_TLS_KEY: the key is encrypted, and this version does not take a passphrase",
    ],
    [
      "no key in its file",
      { ...client, MILLRACE_TLS_KEY: files.text },
      "MILLRACE_TLS_KEY: the file holds no private key in PEM form that can be read",
    ],
    [
      "the key itself where its path belongs",
      { ...client, MILLRACE_TLS_KEY: `-----BEGIN PRIVATE KEY-----\n${secret}` },
      `MILLRACE_TLS_KEY: there is no such file${path}`,
    ],
    [
      "an unknown mechanism",
      { ...sasl, MILLRACE_SASL_MECHANISM: "GSSAPI" },
      "MILLRACE_SASL_MECHANISM: the mechanism is not known; one of plain, scram-sha-256, scram-sha-512",
    ],
    [
      "a user without a mechanism",
      { MILLRACE_SASL_USERNAME: "alice" },
      "MILLRACE_SASL_USERNAME and MILLRACE_SASL_PASSWORD_FILE need MILLRACE_SASL_MECHANISM\n  one of plain, scram-sha-256, scram-sha-512",
    ],
    [
      "a mechanism without a user",
      { ...sasl, MILLRACE_SASL_USERNAME: "" },
      "MILLRACE_SASL_MECHANISM needs MILLRACE_SASL_USERNAME and MILLRACE_SASL_PASSWORD_FILE",
    ],
    [
      "a mechanism without a password",
      { ...sasl, MILLRACE_SASL_PASSWORD_FILE: "" },
      "MILLRACE_SASL_MECHANISM needs MILLRACE_SASL_USERNAME and MILLRACE_SASL_PASSWORD_FILE",
    ],
    [
      "a user of two lines",
      { ...sasl, MILLRACE_SASL_USERNAME: "alice\n" },
      "MILLRACE_SASL_USERNAME: a user's name has no line ends or other control characters",
    ],
    [
      "the password itself where its path belongs",
      { ...sasl, MILLRACE_SASL_PASSWORD_FILE: secret },
      `MILLRACE_SASL_PASSWORD_FILE: there is no such file${path}`,
    ],
    [
      "a NUL in a path",
      { ...sasl, MILLRACE_SASL_PASSWORD_FILE: `${secret}\0` },
      `MILLRACE_SASL_PASSWORD_FILE: the file cannot be read (ERR_INVALID_ARG_VALUE)${path}`,
    ],
    [
      "an empty password",
      { ...sasl, MILLRACE_SASL_PASSWORD_FILE: files.empty },
      "MILLRACE_SASL_PASSWORD_FILE: the file is empty",
    ],
    [
      "a password of two lines",
      { ...sasl, MILLRACE_SASL_PASSWORD_FILE: files.lines },
      "MILLRACE_SASL_PASSWORD_FILE: the file holds more than one line, or control characters",
    ],
    [
      "a registry's user without a password",
      { MILLRACE_REGISTRY_USER: "bob" },
      "MILLRACE_REGISTRY_USER and MILLRACE_REGISTRY_PASSWORD_FILE go together",
    ],
    [
      "a registry's password without a user",
      { MILLRACE_REGISTRY_PASSWORD_FILE: files.password },
      "MILLRACE_REGISTRY_USER and MILLRACE_REGISTRY_PASSWORD_FILE go together",
    ],
    [
      "a registry's user that basic authentication would cut",
      { ...account, MILLRACE_REGISTRY_USER: "bob:x" },
      "MILLRACE_REGISTRY_USER: a user's name has no colon",
    ],
    [
      "no file of the registry's password",
      { ...account, MILLRACE_REGISTRY_PASSWORD_FILE: secret },
      `MILLRACE_REGISTRY_PASSWORD_FILE: there is no such file${path}`,
    ],
  ];
  for (const [what, environment, sentence] of cases) {
    test(what, () => expect(ending(environment)).toEqual({ code: 64, text: `MR_USAGE ${sentence}` }));
  }
});

test("a broker that is not host:port is named, but not what may be its password", () => {
  const text = (brokers: string): string => ending({}, { brokers }).text;
  expect(text("localhost")).toBe('MR_USAGE --brokers: "localhost" is not host:port');
  expect(text("a:1,b:70000")).toBe('MR_USAGE --brokers: "b:70000" is not host:port');
  expect(text(" , ")).toBe("MR_USAGE --brokers: no broker is named");
  expect(text(`alice:${secret}@host:9092`)).toBe("MR_USAGE --brokers: an address with a user in it is not host:port");
});

test("a registry's address with a password in it is refused without quoting it", () => {
  const { code, text } = ending({}, { registry: `https://bob:${secret}@registry.example` });
  expect(code).toBe(64);
  expect(text).toContain("set MILLRACE_REGISTRY_USER and MILLRACE_REGISTRY_PASSWORD_FILE instead");
  expect(text).not.toContain(secret);
  expect(ending({}, { registry: `http://bob:${secret}@` })).toEqual({
    code: 64,
    text: "MR_USAGE --registry: the address is no URL",
  });
  expect(ending({}, { registry: "ftp://registry.example" }).code).toBe(64);
});

test("a namespace that no topic's name could begin with is refused", () => {
  for (const namespace of ["../x", "/etc", "a b", "-a", ".a", "a".repeat(101), "a\n"]) {
    expect(() => connectionFlags({ namespace }), namespace).toThrow(/^--namespace: .* is no namespace$/);
  }
  expect(connectionFlags({ namespace: "team-a.prod" })).toEqual({ namespace: "team-a.prod" });
  expect(connectionFlags({ namespace: "" })).toEqual({ namespace: "" });
});

test("a session is as long as its variable says, within what brokers allow", () => {
  const sessionMs = (text?: string) =>
    connectionOf({}, text === undefined ? {} : { MILLRACE_SESSION_TIMEOUT: text }).sessionMs;
  expect(sessionMs()).toBeUndefined();
  expect(sessionMs("")).toBeUndefined();
  expect([sessionMs("6s"), sessionMs("45s"), sessionMs("30min")]).toEqual([6_000, 45_000, 1_800_000]);
  for (const wrong of ["5999ms", "31min", "6", "soon"])
    expect(() => sessionMs(wrong)).toThrow(
      `MILLRACE_SESSION_TIMEOUT: a duration from 6s to 30min is needed, found "${wrong}"`,
    );
});

describe("the token of the webhook for alerts", () => {
  const name = "MILLRACE_HOOK_TOKEN_FILE";
  const token = "0123456789abcdef";
  const tokenFile = (text: string, mode: number): string => {
    const path = file(`token-${mode.toString(8)}-${text.length}`, text);
    chmodSync(path, mode);
    return path;
  };
  const refused = (path: string): string => {
    try {
      hookTokenOf({ [name]: path });
    } catch (thrown) {
      expect(exitCodeOf(thrown)).toBe(64);
      return describeFailure(thrown);
    }
    return "";
  };

  test("is the line of its file, which its owner or also its group may read, and none where no file is named", () => {
    for (const mode of [0o400, 0o600, 0o640])
      expect(hookTokenOf({ [name]: tokenFile(`${token}\n`, mode) })).toBe(token);
    expect([hookTokenOf({}), hookTokenOf({ [name]: "" })]).toEqual([undefined, undefined]);
  });

  test.each([0o604, 0o644, 0o602, 0o620, 0o660, 0o777])("is refused where others have the right %i", (mode) => {
    expect(refused(tokenFile(token, mode))).toContain(
      `${name}: others than the file's owner may read or change it (mode 0${mode.toString(8)})`,
    );
  });

  test("is refused where there is no file, or no token in it, and is never shown", () => {
    expect(refused(join(folder, secret))).toContain(`${name}: there is no such file`);
    expect(refused(join(folder, secret))).not.toContain(secret);
    expect(refused(files.empty)).toContain(`${name}: the file is empty`);
    expect(refused(files.lines)).toContain(`${name}: the file holds more than one line`);
    for (const text of [token.slice(1), `${token} x`, `${token}\u00e9`]) {
      expect(refused(tokenFile(text, 0o600))).toContain(`${name}: a token has 16 characters or more`);
      expect(refused(tokenFile(text, 0o600))).not.toContain(token.slice(1));
    }
  });
});
