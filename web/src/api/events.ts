// Follows the events of a job. The last one is `end`, whatever the outcome. Before it EventSource reconnects by itself
// and the station sends what was missed (Last-Event-ID); after it the station answers 204.
import { jobOf } from './replies';
import type { Job, Schemas } from './types';

const eventTypes = ['state', 'progress', 'preview', 'end'];

export function watchJob(id: string, onJob: (job: Job) => void, onLost: () => void): () => void {
  const source = new EventSource(`/api/v1/jobs/${encodeURIComponent(id)}/events`);
  const take = (event: Event) => {
    if (event.type === 'end') source.close();
    onJob(jobOf((JSON.parse((event as MessageEvent<string>).data) as Schemas['EventView']).job));
  };
  for (const type of eventTypes) source.addEventListener(type, take);
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) onLost();
  };
  return () => source.close();
}
