import type { Parameter } from '../../api/types';
import { ParameterControl } from '../../shared/ui/ParameterControl';
import { seedTyped, type FormChange, type FormState } from './form';

interface Props {
  row: Parameter;
  form: FormState;
  onChange: (changes: FormChange) => void;
}

// The seed, with a switch that keeps it for the next picture.
export function SeedControl({ row, form, onChange }: Props) {
  return (
    <ParameterControl
      row={row}
      value={form.chosen['seed'] ?? ''}
      aside={
        <label className="flex items-center gap-1.5 text-xs text-stone-400">
          <input
            type="checkbox" className="accent-amber-500" checked={form.seedLocked}
            onChange={(event) => onChange({ seedLocked: event.target.checked })}
          />
          keep
        </label>
      }
      onChange={(text) => onChange(seedTyped(text))}
    />
  );
}
