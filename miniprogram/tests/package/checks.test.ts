// @vitest-environment node
// What WeChat's own tools say of the built package, without WeChat and without a network.

import { generateKeyPairSync } from "node:crypto";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";

const PACKAGE = resolve(__dirname, "../../dist/build/mp-weixin");
const MOST_BYTES = 1024 * 1024;
const require = createRequire(import.meta.url);
const checks = createRequire(resolve(__dirname, "../../checks/package.json"));
const compiler = require("miniprogram-compiler") as { wxmlToJs(folder: string): string; wxssToJs(folder: string): string };
const ci = checks("miniprogram-ci") as {
  Project: new (options: object) => { attr(): Promise<unknown> };
  getCompiledResult(options: object): Promise<Record<string, string | Buffer>>;
};
const { DefaultProjectAttr } = checks("miniprogram-ci/dist/config/config") as { DefaultProjectAttr: unknown };

const scratch = mkdtempSync(join(tmpdir(), "daka-package-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** What would be uploaded, by the path in the package. Nothing is asked of WeChat: the key is thrown away, the account is the default. */
async function compiled(folder: string): Promise<Record<string, string | Buffer>> {
  const key = join(scratch, "key.pem");
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048, privateKeyEncoding: { type: "pkcs1", format: "pem" }, publicKeyEncoding: { type: "pkcs1", format: "pem" } });
  writeFileSync(key, privateKey);
  const project = new ci.Project({ appid: "wx0000000000000000", type: "miniProgram", projectPath: folder, privateKeyPath: key, ignores: ["node_modules/**/*"] });
  project.attr = async () => DefaultProjectAttr;
  return ci.getCompiledResult({ project, version: "0.1.0", desc: "", setting: { es6: true, minify: false }, onProgressUpdate: () => undefined });
}

/** A copy of the package in which one file was changed. */
function spoilt(file: string, change: (text: string) => string): string {
  const folder = join(scratch, file.replace(/\W/g, "-"));
  cpSync(PACKAGE, folder, { recursive: true });
  writeFileSync(join(folder, file), change(readFileSync(join(folder, file), "utf-8")));
  return folder;
}

const files = (folder: string): string[] =>
  readdirSync(folder, { recursive: true }).map((name) => join(folder, String(name))).filter((path) => statSync(path).isFile());

test("miniprogram-ci compiles every page of app.json", async () => {
  const { pages } = JSON.parse(readFileSync(join(PACKAGE, "app.json"), "utf-8")) as { pages: string[] };
  const found = Object.keys(await compiled(PACKAGE));
  for (const page of pages) expect(found).toEqual(expect.arrayContaining([`${page}.js`, `${page}.wxml`, `${page}.json`]));
}, 120_000);

test("it refuses a page that is not there, and a setting of a wrong kind", async () => {
  await expect(compiled(spoilt("app.json", (text) => text.replace("pages/today/today", "pages/nowhere/nowhere")))).rejects.toThrow();
  await expect(compiled(spoilt("pages/me/me.json", () => '{"navigationBarTitleText": 5}'))).rejects.toThrow();
}, 120_000);

test("WeChat's compilers take every template and every style", () => {
  expect(compiler.wxmlToJs(PACKAGE)).toContain("pages/today/today.wxml");
  expect(compiler.wxssToJs(PACKAGE)).toContain("app.wxss");
});

test("they refuse a template and a style with a fault in them", () => {
  expect(() => compiler.wxmlToJs(spoilt("pages/me/me.wxml", (text) => `${text}<view wx:if="{{a">`))).toThrow();
  expect(() => compiler.wxssToJs(spoilt("app.wxss", (text) => `${text} .broken { color: `))).toThrow();
});

test("the package stays under 1 MB", () => {
  const size = files(PACKAGE).reduce((sum, path) => sum + statSync(path).size, 0);
  expect(size).toBeGreaterThan(100_000);
  expect(size).toBeLessThan(MOST_BYTES);
});

test("nothing of the sandbox, which signs in anybody, is in the package but the name of no page", () => {
  for (const path of files(PACKAGE).filter((one) => one.endsWith(".js"))) expect(readFileSync(path, "utf-8"), path).not.toContain("/sandbox/");
});
