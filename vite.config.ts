/** How the page is built into the package: one small bundle, hashed names, nothing from elsewhere. */
import { defineConfig } from 'vite';

export default defineConfig({
  root: 'dashboard',
  publicDir: false,
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../dist/dashboard',
    emptyOutDir: true,
    // What Debian 12 and its contemporaries ship.
    target: ['chrome111', 'firefox114', 'safari16.4'],
    // The policy of the page allows no data: scripts or styles.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});
