import type { Parameter } from '../../api/types';
import { Field, inputLook } from '../../shared/ui/Field';
import { choicesOf } from './form';

interface Props {
  parameter: Parameter;
  value: string;
  onChange: (value: string) => void;
}

// One control of the model's card: a slider with its number, a list, a switch or a line of text.
export function ParameterControl({ parameter, value, onChange }: Props) {
  if (parameter.kind === 'boolean') {
    return (
      <label className="flex items-center gap-2 text-sm text-stone-300" title={parameter.help}>
        <input
          type="checkbox"
          className="accent-amber-500"
          checked={value === 'true'}
          onChange={(event) => onChange(String(event.target.checked))}
        />
        {parameter.title}
      </label>
    );
  }
  if (parameter.kind === 'choice') {
    return (
      <Field label={parameter.title} help={parameter.help}>
        {(id) => (
          <select id={id} className={inputLook} value={value} onChange={(e) => onChange(e.target.value)}>
            {choicesOf(parameter, value).map((choice) => (
              <option key={choice} value={choice}>
                {choice ? choice.charAt(0).toUpperCase() + choice.slice(1) : 'Automatic'}
              </option>
            ))}
          </select>
        )}
      </Field>
    );
  }
  if (parameter.kind === 'string') {
    return (
      <Field label={parameter.title} help={parameter.help}>
        {(id) => <input id={id} className={inputLook} value={value} onChange={(e) => onChange(e.target.value)} />}
      </Field>
    );
  }
  return <NumberControl parameter={parameter} value={value} onChange={onChange} />;
}

// A slider cannot serve 1..1000 well: it covers the everyday range, the number beside it takes all.
const sliderEnd: Record<string, number> = { steps: 60, guidance: 15, batch: 8, clip_skip: 4 };

function NumberControl({ parameter, value, onChange }: Props) {
  const step = parameter.step ?? (parameter.kind === 'integer' ? 1 : 0.05);
  const minimum = parameter.minimum ?? 0;
  const maximum = parameter.maximum ?? 100;
  return (
    <Field
      label={parameter.title}
      help={parameter.help}
      aside={
        <input
          type="number"
          aria-label={`${parameter.title}, exact value`}
          className="w-20 rounded bg-transparent px-1 text-right text-sm tabular-nums text-stone-200"
          value={value}
          min={minimum}
          max={maximum}
          step={step}
          onChange={(event) => onChange(event.target.value)}
        />
      }
    >
      {(id) => (
        <input
          id={id}
          type="range"
          className="w-full accent-amber-500"
          value={Number(value || minimum)}
          min={minimum}
          max={Math.min(maximum, sliderEnd[parameter.name] ?? maximum)}
          step={step}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}
