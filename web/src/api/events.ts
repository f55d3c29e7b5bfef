// A job's events as they happen; the last one is `end`, whatever the outcome. EventSource reconnects
// by itself before it, the station replays what was missed (Last-Event-ID), and answers 204 behind it.
import type { Job } from './types';

const eventTypes = ['state', 'progress', 'preview', 'end'];

export function watchJob(id: string, onJob: (job: Job) => void, onLost: () => void): () => void {
  const source = new EventSource(`/api/v1/jobs/${encodeURIComponent(id)}/events`);
  const take = (event: Event) => {
    if (event.type === 'end') source.close();
    onJob((JSON.parse((event as MessageEvent<string>).data) as { job: Job }).job);
  };
  for (const type of eventTypes) source.addEventListener(type, take);
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) onLost();
  };
  return () => source.close();
}
