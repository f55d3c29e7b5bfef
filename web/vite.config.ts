import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

// The station serves web/dist itself; `vite dev` passes API calls on to a running station.
const station = process.env['ATELIER_URL'] ?? 'http://127.0.0.1:2020';

export default defineConfig({
  plugins: [react(), tailwindcss()],
  // No inline scripts: the station's Content-Security-Policy forbids them.
  build: { target: 'es2022', modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
  server: { proxy: { '/api': station, '/v1': station, '/health': station } },
  test: { environment: 'jsdom' },
});
