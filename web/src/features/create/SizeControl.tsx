import type { ModelCard } from '../../api/types';
import { inputLook } from '../../shared/ui/Field';
import { sizeHint, sizePresets, type Values } from './form';

interface Props {
  card: ModelCard;
  width: string;
  height: string;
  exact: boolean; // never made small and enlarged
  onChange: (changes: Values) => void; // only what changes
}

export function SizeControl({ card, width, height, exact, onChange }: Props) {
  return (
    <fieldset>
      <legend className="mb-1 text-xs font-medium text-stone-400">Size</legend>
      <div className="mb-2 flex flex-wrap gap-1.5">
        {sizePresets(card).map((preset) => {
          const chosen = width === String(preset.width) && height === String(preset.height);
          return (
            <button
              key={preset.label}
              type="button"
              aria-pressed={chosen}
              title={`${preset.width} × ${preset.height}`}
              className={`rounded-md px-2 py-1 text-xs ${
                chosen ? 'bg-amber-500 text-stone-950' : 'bg-stone-800 text-stone-300 hover:bg-stone-700'
              }`}
              onClick={() => onChange({ width: String(preset.width), height: String(preset.height) })}
            >
              {preset.label}
            </button>
          );
        })}
      </div>
      <div className="flex items-center gap-2">
        <input
          type="number" aria-label="Width in pixels" className={inputLook}
          min={64} max={2048} step={8} value={width}
          onChange={(event) => onChange({ width: event.target.value })}
        />
        <button
          type="button"
          aria-label="Swap width and height"
          className="rounded px-1 text-stone-400 hover:text-stone-100"
          onClick={() => onChange({ width: height, height: width })}
        >
          ⇄
        </button>
        <input
          type="number" aria-label="Height in pixels" className={inputLook}
          min={64} max={2048} step={8} value={height}
          onChange={(event) => onChange({ height: event.target.value })}
        />
      </div>
      <p role="status" className="mt-1.5 text-xs text-amber-300 empty:hidden">
        {sizeHint(card, width, height, exact)}
      </p>
    </fieldset>
  );
}
