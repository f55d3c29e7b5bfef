import { useId, type ReactNode } from 'react';

import type { Parameter } from '../../api/types';
import { choicesOf, choiceTitle, helpText, problemOf, sliderRange } from '../lib/parameters';
import { Field, FieldNotes, inputLook, type ControlAttributes } from './Field';

export interface ControlProps {
  row: Parameter;
  value: string;
  onChange: (value: string) => void;
  aside?: ReactNode; // beside the label
}

// The control of one row of a parameter table, by its kind.
export function ParameterControl(props: ControlProps) {
  switch (props.row.kind) {
    case 'integer':
    case 'number':
      return <NumberControl {...props} />;
    case 'boolean':
      return <BooleanControl {...props} />;
    case 'choice':
    case 'model':
      return <ChoiceControl {...props} />;
    case 'seed':
      return <SeedControl {...props} />;
    case 'text':
      return <TextControl {...props} />;
  }
}

function RowField({ row, value, aside, children }: Omit<ControlProps, 'onChange'> & {
  children: (attributes: ControlAttributes) => ReactNode;
}) {
  return (
    <Field label={row.title} help={helpText(row)} problem={problemOf(row, value)} aside={aside}>
      {children}
    </Field>
  );
}

function ChoiceControl({ row, value, aside, onChange }: ControlProps) {
  return (
    <RowField row={row} value={value} aside={aside}>
      {(attributes) => (
        <select {...attributes} className={inputLook} value={value} onChange={(e) => onChange(e.target.value)}>
          {choicesOf(row, value).map((choice) => (
            <option key={choice} value={choice}>
              {choiceTitle(row, choice)}
            </option>
          ))}
        </select>
      )}
    </RowField>
  );
}

function TextControl({ row, value, aside, onChange }: ControlProps) {
  return (
    <RowField row={row} value={value} aside={aside}>
      {(attributes) => (
        <textarea
          {...attributes} rows={1} className={`${inputLook} field-sizing-content resize-y`} value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </RowField>
  );
}

function SeedControl({ row, value, aside, onChange }: ControlProps) {
  return (
    <RowField row={row} value={value} aside={aside}>
      {(attributes) => (
        <input
          {...attributes} inputMode="numeric" className={inputLook} value={value} placeholder="random"
          onChange={(event) => onChange(event.target.value.trim())}
        />
      )}
    </RowField>
  );
}

function BooleanControl({ row, value, aside, onChange }: ControlProps) {
  const id = useId();
  return (
    <div>
      <div className="flex items-center justify-between gap-2">
        <label className="flex items-center gap-2 text-sm text-stone-300">
          <input
            type="checkbox" className="accent-amber-500" checked={value === 'true'}
            aria-describedby={row.help ? `${id}-help` : undefined}
            onChange={(event) => onChange(String(event.target.checked))}
          />
          {row.title}
        </label>
        {aside}
      </div>
      <FieldNotes id={id} help={row.help} problem={null} />
    </div>
  );
}

// A slider with a field for the exact value; a field alone where the row has no range.
function NumberControl({ row, value, onChange }: ControlProps) {
  const slider = sliderRange(row);
  const field = (attributes: Partial<ControlAttributes>, label: string | undefined, look: string) => (
    <input
      {...attributes} type="number" aria-label={label} className={look} value={value} placeholder={row.default_value}
      min={row.minimum ?? undefined} max={row.maximum ?? undefined} step={slider?.step ?? row.step ?? 'any'}
      onChange={(event) => onChange(event.target.value)}
    />
  );
  if (!slider) {
    return (
      <RowField row={row} value={value}>
        {(attributes) => field(attributes, undefined, inputLook)}
      </RowField>
    );
  }
  const look = 'w-24 rounded bg-transparent px-1 text-right text-sm tabular-nums text-stone-200 aria-invalid:text-red-300';
  return (
    <Field
      label={row.title} help={helpText(row)} problem={problemOf(row, value)}
      aside={(attributes) => field(attributes, `${row.title}, exact value`, look)}
    >
      {({ id, 'aria-describedby': described }) => (
        <input
          id={id} aria-describedby={described} type="range" className="block w-full accent-amber-500"
          value={Number(value || row.default_value || slider.minimum)}
          min={slider.minimum} max={slider.maximum} step={slider.step}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}
