import { beforeEach, expect, test, vi } from 'vitest';

import { watchJob } from './events';

class FakeEventSource extends EventTarget {
  static readonly CLOSED = 2;
  static last: FakeEventSource;
  readyState = 1;
  onerror: (() => void) | null = null;

  constructor(readonly url: string) {
    super();
    FakeEventSource.last = this;
  }
  close() {
    this.readyState = FakeEventSource.CLOSED;
  }
  send(type: string, state: string) {
    this.dispatchEvent(new MessageEvent(type, { data: JSON.stringify({ job: { id: 'a', state, progress: { text: '' } } }) }));
  }
  sendText(offset: number, text: string) {
    this.dispatchEvent(new MessageEvent('text', { data: JSON.stringify({ job: 'a', offset, text }) }));
  }
}

beforeEach(() => {
  vi.stubGlobal('EventSource', FakeEventSource);
});

test.each(['succeeded', 'failed', 'cancelled'])('a job that has %s is followed to its end', (state) => {
  const seen: string[] = [];
  watchJob('a', (job) => seen.push(job.state), vi.fn());
  const source = FakeEventSource.last;
  expect(source.url).toBe('/api/v1/jobs/a/events');
  source.send('state', 'running');
  source.send('progress', 'running');
  expect(source.readyState).toBe(1);
  source.send('end', state);
  expect(seen).toEqual(['running', 'running', state]);
  expect(source.readyState).toBe(FakeEventSource.CLOSED);
});

test('a stream that closes without an end is reported, one that reconnects is not', () => {
  const lost = vi.fn();
  watchJob('a', vi.fn(), lost);
  FakeEventSource.last.readyState = 0;
  FakeEventSource.last.onerror?.();
  expect(lost).not.toHaveBeenCalled();
  FakeEventSource.last.close(); // as at a 204
  FakeEventSource.last.onerror?.();
  expect(lost).toHaveBeenCalledTimes(1);
});

test('a job has the text that was streamed so far, until its end', () => {
  const seen: string[] = [];
  watchJob('a', (job) => seen.push(`${job.state}: ${job.progress.text}`), vi.fn());
  const source = FakeEventSource.last;
  source.send('state', 'running');
  source.sendText(0, 'Wört');
  source.sendText(5, 'chen');
  source.send('progress', 'running');
  source.sendText(0, ''); // the worker has ended: it starts again
  source.send('state', 'queued');
  source.sendText(0, 'W');
  source.send('end', 'succeeded');
  expect(seen).toEqual([
    'running: ', 'running: Wört', 'running: Wörtchen', 'running: Wörtchen', 'running: ', 'queued: ', 'queued: W', 'succeeded: ',
  ]);
});
