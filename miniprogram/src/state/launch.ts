// What the app was opened with: a scanned code's `scene`, which may carry an invitation code, or the code of a console's sign-in page; in the
// demo's browser `openid` too.

import { choose } from "@/service/signin";

const INVITATION = /^[A-Z0-9]{4}(-[A-Z0-9]{4}){2}$/;
// As backend/console_scans.py makes it: the second it was shown, and a hundred bits.
const CONSOLE = /^IN[0-9A-F]{8}[A-Z2-7]{20}$/;

let invitation = "";
let consoleCode = "";
let taken = "";

/** Remembers what a scanned code carries; in the demo's browser also who holds the phone. */
export function noteLaunch(query: Record<string, string | undefined>): void {
  const scene = decoded(query.scene ?? "").trim().toUpperCase();
  if (INVITATION.test(scene)) invitation = scene;
  // WeChat tells the same again whenever the app comes back to the front.
  if (CONSOLE.test(scene) && scene !== taken) consoleCode = scene;
  // #ifdef H5
  if (query.openid) choose(query.openid);
  // #endif
}

/** As WeChat hands a scene over; what somebody else has made of it is no code of ours, and ends nothing. */
function decoded(scene: string): string {
  try {
    return decodeURIComponent(scene);
  } catch {
    return "";
  }
}

export const scannedInvitation = (): string => invitation;

export const hasConsoleCode = (): boolean => consoleCode !== "";

/** The code of a console's sign-in page, once; empty where none was scanned. */
export function takeConsoleCode(): string {
  const code = consoleCode;
  if (code) taken = code;
  consoleCode = "";
  return code;
}
