import { describe, expect, it } from 'vitest';

import type { StationStatus } from '../../api/types';
import { devicesOf, problemsOf, stateText } from './pill';

const worker: StationStatus['workers'][number] = {
  name: 'cpu', engine: 'cpu', device: 'CPU', state: 'idle', problem: '', pid: 1, restarts: 0, job: '',
  loaded_models: [], resident_bytes: 0,
};

describe('the line about the station', () => {
  it('counts running and waiting jobs', () => {
    const busy = { ...worker, state: 'busy' };
    expect(stateText({ workers: [busy], running: 1, queued: 0 })).toBe('1 running');
    expect(stateText({ workers: [busy], running: 1, queued: 2 })).toBe('1 running · 2 waiting');
    expect(stateText({ workers: [worker], running: 0, queued: 0 })).toBe('idle');
  });
  it('gives the reason why nothing runs', () => {
    expect(stateText({ workers: [], running: 0, queued: 1 })).toBe('starting');
    expect(stateText({ workers: [{ ...worker, state: 'starting' }], running: 0, queued: 1 })).toBe('starting · 1 waiting');
    expect(stateText({ workers: [{ ...worker, problem: 'no engine' }], running: 0, queued: 0 })).toBe('worker not ready');
  });
  it('works while one of several workers does', () => {
    const light = { ...worker, name: 'light', problem: 'it exited with code 1', state: 'lost' };
    const status = { workers: [worker, light], running: 1, queued: 0 };
    expect(stateText(status)).toBe('1 running');
    expect(problemsOf(status)).toEqual(["worker 'light': it exited with code 1"]);
    expect(devicesOf(status)).toBe('CPU');
    const starting = { ...light, problem: '', state: 'starting' };
    expect(stateText({ workers: [worker, starting], running: 0, queued: 0 })).toBe('idle');
  });
});
