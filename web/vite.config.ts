import { defineConfig } from 'vite';

/** The page, from web to dist/web: files that the API serves as they are. */
export default defineConfig({
  root: import.meta.dirname,
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    target: 'es2023',
    // Nothing is written into the page itself: its policy runs files of the service alone.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // Vega is large, and loaded when the first chart is drawn.
    chunkSizeWarningLimit: 1500,
  },
});
