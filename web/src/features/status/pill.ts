// The text about the station in the header, without React.
import type { StationStatus } from '../../api/types';

type Workers = Pick<StationStatus, 'workers'>;

// One worker that can work is enough for a station to accept jobs.
export function isWell(status: Workers): boolean {
  return status.workers.some((worker) => !worker.problem);
}

export function isStarting(status: Workers): boolean {
  return status.workers.every((worker) => worker.problem || worker.state === 'starting');
}

// A sentence per worker that cannot work, with its name where there are several.
export function problemsOf(status: Workers): string[] {
  return status.workers
    .filter((worker) => worker.problem)
    .map((worker) => (status.workers.length > 1 ? `worker '${worker.name}': ${worker.problem}` : worker.problem));
}

export function devicesOf(status: Workers): string {
  return [...new Set(status.workers.map((worker) => worker.device).filter(Boolean))].join(', ');
}

export function stateText(status: Pick<StationStatus, 'workers' | 'running' | 'queued'>): string {
  if (status.workers.length === 0) return 'starting';
  if (!isWell(status)) return 'worker not ready';
  const starting = isStarting(status);
  const counts = [
    status.running > 0 && `${status.running} running`,
    status.queued > 0 && `${status.queued} waiting`,
  ].filter(Boolean);
  if (counts.length === 0) return starting ? 'starting' : 'idle';
  return [...(starting ? ['starting'] : []), ...counts].join(' · ');
}
