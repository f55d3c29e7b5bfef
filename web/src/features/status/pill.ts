// The header's one line about the station, without React.
import type { StationStatus } from '../../api/types';

export function stateText(status: Pick<StationStatus, 'workers' | 'running' | 'queued'>): string {
  const worker = status.workers[0];
  if (!worker) return 'starting';
  if (worker.problem) return 'worker not ready';
  const counts = [
    status.running > 0 && `${status.running} drawing`,
    status.queued > 0 && `${status.queued} waiting`,
  ].filter(Boolean);
  if (counts.length === 0) return worker.state === 'busy' ? 'idle' : worker.state; // it has just ended its work
  return [...(worker.state === 'starting' ? ['starting'] : []), ...counts].join(' · ');
}
