import { defineConfig, type Plugin } from "vite";
import uni from "@dcloudio/vite-plugin-uni";

const isBrowser = process.env.UNI_PLATFORM === "h5";

/** The framework's own styles fetch pictures from its maker; a page of ours asks nobody outside. */
const nothingFromOutside: Plugin = {
  name: "nothing-from-outside",
  enforce: "post",
  generateBundle(_options, bundle) {
    for (const file of Object.values(bundle)) {
      if (file.type === "asset" && file.fileName.endsWith(".css")) {
        file.source = String(file.source).replace(/url\(["']?https?:[^)]*\)/g, "none");
      }
    }
  },
};

/** A browser's `role` is called `aria-role` in WeChat. */
const rolesForWeChat: Plugin = {
  name: "roles-for-wechat",
  enforce: "pre",
  transform: (code, id) => (!isBrowser && id.endsWith(".vue") ? code.replace(/(\s:?)role=/g, "$1aria-role=") : undefined),
};

export default defineConfig({
  plugins: [rolesForWeChat, uni(), nothingFromOutside],
  build: isBrowser
    ? // One file: with the network away a page that was never opened must open all the same.
      { rollupOptions: { output: { inlineDynamicImports: true } } }
    : {},
});
