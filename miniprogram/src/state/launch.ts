// What the app was opened with: a scanned code's `scene`, which may carry an invitation code; in the demo's browser `openid` too.

import { choose } from "@/service/signin";

const INVITATION = /^[A-Z0-9]{4}(-[A-Z0-9]{4}){2}$/;

let invitation = "";

/** Remembers the invitation code of a scanned code; in the demo's browser also who holds the phone. */
export function noteLaunch(query: Record<string, string | undefined>): void {
  const scene = decodeURIComponent(query.scene ?? "").trim().toUpperCase();
  if (INVITATION.test(scene)) invitation = scene;
  // #ifdef H5
  if (query.openid) choose(query.openid);
  // #endif
}

export const scannedInvitation = (): string => invitation;
