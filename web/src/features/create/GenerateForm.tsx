import type { ModelCard } from '../../api/types';
import { Button } from '../../shared/ui/Button';
import { Field, inputLook } from '../../shared/ui/Field';
import { drawnParameters, formProblem, splitParameters, valuesOf, type FormChange, type FormState } from './form';
import { ParameterControl } from './ParameterControl';
import { SizeControl } from './SizeControl';
import { SourceControl } from './SourceControl';

interface Props {
  form: FormState;
  cards: ModelCard[];
  card: ModelCard | undefined;
  noModel: string; // why there is no card
  busy: boolean;
  onChange: (changes: FormChange) => void;
  onModel: (id: string) => void;
  onSubmit: () => void;
  onProblem: (sentence: string) => void;
}

export function GenerateForm({ form, cards, card, noModel, busy, onChange, onModel, onSubmit, onProblem }: Props) {
  const problem = formProblem(form, card, noModel);
  const values = valuesOf(form, card);
  const setValue = (name: string, value: string) => onChange({ chosen: { [name]: value } });
  const submitOnCtrlEnter = (event: React.KeyboardEvent) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && !problem) onSubmit();
  };
  const [everyday, further] = splitParameters(card ? drawnParameters(card, form.source !== null) : []);
  return (
    <form
      aria-label="Create a picture"
      className="flex w-full shrink-0 flex-col gap-4 overflow-y-auto border-stone-800 p-5 md:w-88 md:border-r"
      onSubmit={(event) => {
        event.preventDefault();
        if (!problem) onSubmit();
      }}
      onKeyDown={submitOnCtrlEnter}
    >
      <Field label="Prompt">
        {(id) => (
          <textarea
            id={id} rows={4} className={inputLook} value={form.prompt}
            placeholder="a red circle on a blue background"
            onChange={(event) => onChange({ prompt: event.target.value })}
          />
        )}
      </Field>
      <Field label="Leave out" help="Negative prompt: what the picture should not show">
        {(id) => (
          <textarea
            id={id} rows={2} className={inputLook} value={form.negativePrompt}
            placeholder="negative prompt (optional)"
            onChange={(event) => onChange({ negativePrompt: event.target.value })}
          />
        )}
      </Field>
      <SourceControl source={form.source} onChange={(source) => onChange({ source })} onProblem={onProblem} />
      <Field label="Model" help={card?.description}>
        {(id) => (
          <select id={id} className={inputLook} value={form.model} onChange={(e) => onModel(e.target.value)}>
            {cards.map((each) => (
              <option key={each.id} value={each.id} disabled={Boolean(each.problem)}>
                {each.title || each.id}
              </option>
            ))}
          </select>
        )}
      </Field>
      {card && (
        <SizeControl
          card={card}
          width={values['width'] ?? ''}
          height={values['height'] ?? ''}
          onChange={(chosen) => onChange({ chosen })}
        />
      )}
      {everyday.map((parameter) => (
        <ParameterControl
          key={parameter.name}
          parameter={parameter}
          value={values[parameter.name] ?? ''}
          onChange={(value) => setValue(parameter.name, value)}
        />
      ))}
      <SeedControl form={form} onChange={onChange} />
      {further.length > 0 && (
        <details className="text-sm">
          <summary className="cursor-pointer text-xs font-medium text-stone-400">More settings</summary>
          <div className="mt-3 flex flex-col gap-4">
            {further.map((parameter) => (
              <ParameterControl
                key={parameter.name}
                parameter={parameter}
                value={values[parameter.name] ?? ''}
                onChange={(value) => setValue(parameter.name, value)}
              />
            ))}
          </div>
        </details>
      )}
      <div className="sticky -bottom-5 -mx-5 -mb-5 border-t border-stone-800 bg-stone-950 p-5">
        <Button
          look="primary" type="submit" className="w-full py-2.5" aria-disabled={problem !== null}
          title="Ctrl + Enter" aria-describedby="why-not"
        >
          {busy ? 'Create another' : 'Create'}
        </Button>
        {/* The button stays reachable when it cannot work, so that its reason is read with it. */}
        <p id="why-not" role="status" className="mt-2 min-h-5 text-sm text-stone-300">
          {problem}
        </p>
      </div>
    </form>
  );
}

function SeedControl({ form, onChange }: Pick<Props, 'form' | 'onChange'>) {
  return (
    <Field
      label="Seed"
      help="The same seed and settings give the same picture"
      aside={
        <label className="flex items-center gap-1.5 text-xs text-stone-400">
          <input
            type="checkbox"
            className="accent-amber-500"
            checked={form.seedLocked}
            onChange={(event) => onChange({ seedLocked: event.target.checked })}
          />
          keep
        </label>
      }
    >
      {(id) => (
        <input
          id={id} inputMode="numeric" className={inputLook} value={form.chosen['seed'] ?? ''}
          placeholder="a new one for each picture"
          onChange={(event) =>
            onChange({
              chosen: { seed: event.target.value.trim() },
              seedLocked: event.target.value.trim() !== '',
            })
          }
        />
      )}
    </Field>
  );
}
