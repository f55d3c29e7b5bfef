import type { Ref } from 'react';

import type { ModelCard, Parameter } from '../../api/types';
import { Button } from '../../shared/ui/Button';
import { Field, inputLook } from '../../shared/ui/Field';
import { drawnParameters, formProblem, groupParameters, seedTyped, valuesOf, type FormChange, type FormState } from './form';
import { ModelControl } from './ModelControl';
import { ParameterControl } from './ParameterControl';
import { carriedWords } from './reuse';
import { SizeControl } from './SizeControl';
import { SourceControl } from './SourceControl';
import type { ModelRefresh } from './useModels';

interface Props {
  ref: Ref<HTMLFormElement>;
  form: FormState;
  cards: ModelCard[];
  card: ModelCard | undefined;
  noModel: string; // why there is no card
  refresh: ModelRefresh;
  busy: boolean;
  onChange: (changes: FormChange) => void;
  onModel: (id: string) => void;
  onSubmit: () => void;
  onFile: (file: File) => void; // to start from
  onRemove: () => void;
}

export function GenerateForm({
  ref, form, cards, card, noModel, refresh, busy, onChange, onModel, onSubmit, onFile, onRemove,
}: Props) {
  const problem = formProblem(form, card, noModel);
  const values = valuesOf(form, card);
  const setValue = (name: string, value: string) => onChange({ chosen: { [name]: value } });
  const submitOnCtrlEnter = (event: React.KeyboardEvent) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && !problem) onSubmit();
  };
  const groups = groupParameters(card ? drawnParameters(card, form.source !== null) : []);
  const draw = (parameters: Parameter[]) =>
    parameters.map((parameter) => (
      <ParameterControl
        key={parameter.name}
        parameter={parameter}
        value={values[parameter.name] ?? ''}
        onChange={(value) => setValue(parameter.name, value)}
      />
    ));
  return (
    <form
      ref={ref}
      aria-label="Create a picture"
      className="flex w-full shrink-0 flex-col gap-4 border-stone-800 p-5 md:w-88 md:scroll-pb-36 md:overflow-y-auto md:border-r"
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
      <SourceControl source={form.source} onFile={onFile} onRemove={onRemove}>
        {draw(groups.source)}
      </SourceControl>
      <ModelControl cards={cards} card={card} refresh={refresh} onModel={onModel} />
      {card && (
        <SizeControl
          card={card}
          width={values['width'] ?? ''}
          height={values['height'] ?? ''}
          exact={form.carried['exact_size'] === true}
          onChange={(chosen) => onChange({ chosen })}
        />
      )}
      {draw(groups.everyday)}
      <SeedControl form={form} onChange={onChange} />
      {groups.further.length > 0 && (
        <details className="text-sm">
          <summary className="cursor-pointer text-xs font-medium text-stone-400">More settings</summary>
          <div className="mt-3 flex flex-col gap-4">{draw(groups.further)}</div>
        </details>
      )}
      <Carried form={form} onChange={onChange} />
      <div className="sticky bottom-0 z-10 -mx-5 -mb-5 border-t md:-bottom-5 border-stone-800 bg-stone-950 p-5">
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

// What a picture's settings hold beyond the controls above: named, and taken away with one press.
function Carried({ form, onChange }: Pick<Props, 'form' | 'onChange'>) {
  const words = carriedWords(form.carried);
  if (!words) return null;
  return (
    <div className="flex items-center justify-between gap-3 text-xs text-stone-300">
      <p>Also as in that picture: {words}</p>
      <Button onClick={() => onChange({ carried: {} })}>Forget</Button>
    </div>
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
          onChange={(event) => onChange(seedTyped(event.target.value))}
        />
      )}
    </Field>
  );
}
