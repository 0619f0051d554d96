// Consent to the notice: what this package shows is what is agreed to, by its version.

import { Problem } from "@/service/request";
import { call } from "@/service/session";
import type { Consents } from "@/service/types";
import { NOTICE_VERSION } from "@/words/notice";
import { app, setConsented } from "./app";

/** Whether the current notice has been agreed to. Throws Problem. */
export async function lookUpConsent(): Promise<boolean> {
  const { current, given } = await call<Consents>("GET", "/me/consents");
  setConsented(given.some((one) => one.version === current));
  return app.consented;
}

/** Agrees to the version shown. Throws Problem, also when the service has a newer notice than this package. */
export async function agree(): Promise<void> {
  const { current } = await call<Consents>("GET", "/me/consents");
  if (current !== NOTICE_VERSION) {
    throw new Problem(0, { code: "package_outdated", detail: "个人信息保护说明已更新，请先更新小程序，再阅读新的说明。" });
  }
  await call("POST", "/me/consents", { version: NOTICE_VERSION });
  setConsented(true);
}
