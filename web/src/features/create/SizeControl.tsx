import { useId } from 'react';

import type { ModelCard } from '../../api/types';
import { problemOf, type Values } from '../../shared/lib/parameters';
import { FieldNotes, inputLook } from '../../shared/ui/Field';
import { rowOf, sizeHint, sizePresets } from './form';

interface Props {
  card: ModelCard;
  width: string;
  height: string;
  exact: boolean; // a small picture is never made and enlarged
  onChange: (changes: Values) => void; // only what changes
}

export function SizeControl({ card, width, height, exact, onChange }: Props) {
  const id = useId();
  const problems = [sideProblem(card, 'width', width), sideProblem(card, 'height', height)];
  const problem = problems.find(Boolean) ?? null;
  const side = (name: 'width' | 'height', value: string, invalid: boolean) => {
    const row = rowOf(card, name);
    return (
      <input
        type="number" aria-label={`${name === 'width' ? 'Width' : 'Height'} in pixels`} className={inputLook}
        min={row?.minimum ?? 1} max={row?.maximum ?? undefined} step={row?.step ?? 1} value={value}
        aria-invalid={invalid || undefined} aria-describedby={problem ? `${id}-problem` : undefined}
        onChange={(event) => onChange({ [name]: event.target.value })}
      />
    );
  };
  return (
    <fieldset>
      <legend className="mb-1 text-xs font-medium text-stone-300">Size</legend>
      <Presets card={card} width={width} height={height} onChange={onChange} />
      <div className="flex items-center gap-2">
        {side('width', width, problems[0] !== null)}
        <button
          type="button"
          aria-label="Swap width and height"
          className="rounded px-1 text-stone-400 hover:text-stone-100"
          onClick={() => onChange({ width: height, height: width })}
        >
          ⇄
        </button>
        {side('height', height, problems[1] !== null)}
      </div>
      <FieldNotes id={id} help="" problem={problem} />
      <p role="status" className="mt-1.5 text-xs text-amber-300 empty:hidden">
        {!problem && sizeHint(card, width, height, exact)}
      </p>
    </fieldset>
  );
}

function sideProblem(card: ModelCard, name: string, value: string): string | null {
  const row = rowOf(card, name);
  return row ? problemOf(row, value) : null;
}

function Presets({ card, width, height, onChange }: Omit<Props, 'exact'>) {
  return (
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
  );
}
