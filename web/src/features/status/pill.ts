// The text about the station in the header, without React.
import type { StationStatus } from '../../api/types';

export function stateText(status: Pick<StationStatus, 'workers' | 'running' | 'queued'>): string {
  const worker = status.workers[0];
  if (!worker) return 'starting';
  if (worker.problem) return 'worker not ready';
  const counts = [
    status.running > 0 && `${status.running} running`,
    status.queued > 0 && `${status.queued} waiting`,
  ].filter(Boolean);
  if (counts.length === 0) return worker.state === 'busy' ? 'idle' : worker.state; // its job has just ended
  return [...(worker.state === 'starting' ? ['starting'] : []), ...counts].join(' · ');
}
