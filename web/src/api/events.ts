// A job's events as they happen. The stream ends with the job; EventSource reconnects by itself in
// between and the station replays what was missed (Last-Event-ID).
import type { Job } from './types';

const eventTypes = ['state', 'progress', 'preview', 'result', 'error'];
const isTerminal = (job: Job) => ['succeeded', 'failed', 'cancelled'].includes(job.state);

export function watchJob(id: string, onJob: (job: Job) => void, onLost: () => void): () => void {
  const source = new EventSource(`/api/v1/jobs/${encodeURIComponent(id)}/events`);
  const take = (event: Event) => {
    const data: unknown = (event as MessageEvent).data;
    if (typeof data !== 'string') return; // a connection error carries the name "error" too
    const job = (JSON.parse(data) as { job: Job }).job;
    if (isTerminal(job)) source.close();
    onJob(job);
  };
  for (const type of eventTypes) source.addEventListener(type, take);
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) onLost();
  };
  return () => source.close();
}
