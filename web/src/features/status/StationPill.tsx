import { gigabytes } from '../../shared/lib/format';
import { useStatus } from '../../shared/lib/useStatus';
import { devicesOf, isStarting, isWell, problemsOf, stateText } from './pill';

// The state of the station in one line, with its memory; the tooltip names the device or its problem.
export function StationPill() {
  const status = useStatus();
  const well = !status.isError && status.data !== undefined && isWell(status.data);
  const starting = status.data !== undefined && isStarting(status.data);
  const busy = status.data !== undefined && status.data.running + status.data.queued > 0;
  const text = status.isError ? 'station does not answer' : status.data ? stateText(status.data) : 'starting';
  const memory =
    status.data && status.data.memory_total_mb > 0
      ? `${gigabytes(status.data.memory_used_mb)} of ${gigabytes(status.data.memory_total_mb)}`
      : '';
  return (
    <span
      role="status"
      className="flex items-center gap-2 text-stone-300"
      title={status.data && (problemsOf(status.data).join('\n') || devicesOf(status.data))}
    >
      <span
        aria-hidden
        className={`size-2 rounded-full ${well ? (busy || starting ? 'bg-amber-400' : 'bg-emerald-400') : 'bg-red-500'}`}
      />
      {text}
      {memory && <span className="hidden text-stone-400 sm:inline">{memory}</span>}
    </span>
  );
}
