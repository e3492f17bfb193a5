import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{shared,edge-agent,hub,firmware-sim,dashboards,deploy,test}/**/*.test.ts'],
    // Two cores: the end-to-end tests start real servers, so more workers only make them wait for each other.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
