import { defineConfig } from "vitest/config";

// The tests of the built package: `npm run build:mp-weixin` first, and the service at DAKA_BASE (tests/browser/member_package.py).
export default defineConfig({
  test: { environment: "jsdom", include: ["tests/package/**/*.test.ts"], testTimeout: 60_000 },
});
