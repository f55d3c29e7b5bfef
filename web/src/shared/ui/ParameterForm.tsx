import type { Parameter } from '../../api/types';
import { isShown, valueOf, type Attached, type Values } from '../lib/parameters';
import { ParameterControl } from './ParameterControl';

interface Props {
  rows: Parameter[];
  values: Values;
  attached: Attached; // rows that need an absent attachment are not shown
  onChange: (name: string, value: string) => void;
}

// The form of any task, drawn from its parameter table.
export function ParameterForm({ rows, values, attached, onChange }: Props) {
  return rows
    .filter((row) => isShown(row, attached))
    .map((row) => (
      <ParameterControl
        key={row.name} row={row} value={valueOf(row, values)} onChange={(value) => onChange(row.name, value)}
      />
    ));
}
