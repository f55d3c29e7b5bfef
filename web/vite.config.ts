import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

// The station serves web/dist itself; `vite dev` passes API calls on to a running station.
const station = process.env['ATELIER_URL'] ?? 'http://127.0.0.1:2020';

// Swagger UI's own files, beside public/docs/index.html, which draws /openapi.json with them.
const swaggerUi = (): Plugin => ({
  name: 'swagger-ui',
  apply: 'build',
  generateBundle() {
    const { resolve } = createRequire(import.meta.url);
    const files = { 'swagger-ui.css': 'swagger-ui.css', 'swagger-ui-bundle.js': 'swagger-ui-bundle.js',
      LICENSE: 'LICENSE.txt', NOTICE: 'NOTICE.txt' };
    for (const [from, to] of Object.entries(files)) {
      const source = readFileSync(resolve(`swagger-ui-dist/${from}`));
      this.emitFile({ type: 'asset', fileName: `docs/${to}`, source });
    }
  },
});

export default defineConfig({
  plugins: [react(), tailwindcss(), swaggerUi()],
  // No inline scripts: the station's Content-Security-Policy forbids them.
  build: { target: 'es2022', modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
  server: { proxy: { '/api': station, '/v1': station, '/health': station } },
  test: { environment: 'jsdom' },
});
