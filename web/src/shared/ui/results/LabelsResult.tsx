import { labelsOf, percent } from '../../lib/labels';

// Labels with their scores as bars, the highest first.
export function LabelsResult({ value }: { value: unknown }) {
  const labels = labelsOf(value);
  if (labels.length === 0) return <p className="text-sm text-stone-400">No labels.</p>;
  return (
    <ul aria-label="Labels" className="grid max-w-xl grid-cols-[minmax(0,max-content)_1fr_max-content] items-center gap-x-4 gap-y-2 text-sm">
      {labels.map(({ name, score }) => (
        <li key={name} className="col-span-3 grid grid-cols-subgrid items-center">
          <span className="min-w-0 break-words">{name}</span>
          <span aria-hidden className="h-2 min-w-16 overflow-hidden rounded-full bg-stone-800">
            <span className="block h-full rounded-full bg-amber-500" style={{ width: `${100 * score}%` }} />
          </span>
          <span className="text-right tabular-nums text-stone-300">{percent(score)}</span>
        </li>
      ))}
    </ul>
  );
}
