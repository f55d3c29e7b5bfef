import { sentence } from '../../shared/lib/format';
import { useStatus } from '../../shared/lib/useStatus';
import { problemsOf } from './pill';

// Messages of the station and of its workers, for example that another program uses its usual port.
export function Notices() {
  const status = useStatus();
  const sentences = status.data ? [...status.data.notices, ...problemsOf(status.data)] : [];
  if (sentences.length === 0) return null;
  return (
    <ul className="border-b border-amber-900 bg-amber-950/50 px-5 py-2 text-sm text-amber-100">
      {sentences.map((each) => (
        <li key={each}>{sentence(each)}</li>
      ))}
    </ul>
  );
}
