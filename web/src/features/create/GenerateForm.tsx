import type { Ref } from 'react';

import type { ModelCard, Parameter } from '../../api/types';
import { Button } from '../../shared/ui/Button';
import { Field, inputLook } from '../../shared/ui/Field';
import { ParameterForm } from '../../shared/ui/ParameterForm';
import { PictureInput } from '../../shared/ui/PictureInput';
import { SubmitButton } from '../../shared/ui/SubmitButton';
import { attachedTo, formProblem, groupRows, rowOf, seedRowOf, valuesOf, type FormChange, type FormState } from './form';
import { ModelControl } from './ModelControl';
import { SeedControl } from './SeedControl';
import { SizeControl } from './SizeControl';
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
  onFile: (file: File) => void; // the picture to start from
  onRemove: () => void;
}

export function GenerateForm({
  ref, form, cards, card, noModel, refresh, busy, onChange, onModel, onSubmit, onFile, onRemove,
}: Props) {
  const problem = formProblem(form, card, noModel);
  const values = valuesOf(form, card);
  const submitOnCtrlEnter = (event: React.KeyboardEvent) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && !problem) onSubmit();
  };
  const groups = card ? groupRows(card) : { source: [], everyday: [], further: [] };
  const draw = (rows: Parameter[]) => (
    <ParameterForm
      rows={rows} values={values} attached={attachedTo(form)}
      onChange={(name, value) => onChange({ chosen: { [name]: value } })}
    />
  );
  return (
    <form
      ref={ref}
      noValidate // problems are shown by the page, in sentences
      aria-label="Create a picture"
      className="flex w-full shrink-0 flex-col gap-4 border-stone-800 p-5 md:w-88 md:scroll-pb-36 md:overflow-y-auto md:border-r"
      onSubmit={(event) => {
        event.preventDefault();
        if (!problem) onSubmit();
      }}
      onKeyDown={submitOnCtrlEnter}
    >
      <PromptFields form={form} card={card} onChange={onChange} />
      <PictureInput
        label="Picture to start from" invitation="Drop a picture to start from, or choose one"
        caption={(name) => `Starts from ${name}`} picture={form.source} onFile={onFile} onRemove={onRemove}
      >
        <MaskLine form={form} onChange={onChange} />
        {draw(groups.source)}
      </PictureInput>
      <ModelControl cards={cards} card={card} refresh={refresh} onModel={onModel} />
      {card && (
        <SizeControl
          card={card}
          width={values['width'] ?? ''}
          height={values['height'] ?? ''}
          exact={values['exact_size'] === 'true'}
          onChange={(chosen) => onChange({ chosen })}
        />
      )}
      {draw(groups.everyday)}
      <SeedControl row={seedRowOf(card)} form={form} onChange={onChange} />
      {groups.further.length > 0 && (
        <details className="text-sm">
          <summary className="cursor-pointer text-xs font-medium text-stone-300">More settings</summary>
          <div className="mt-3 flex flex-col gap-4">{draw(groups.further)}</div>
        </details>
      )}
      <div className="sticky bottom-0 z-10 -mx-5 -mb-5 border-t md:-bottom-5 border-stone-800 bg-stone-950 p-5">
        <SubmitButton label={busy ? 'Create another' : 'Create'} problem={problem} />
      </div>
    </form>
  );
}

function PromptFields({ form, card, onChange }: Pick<Props, 'form' | 'card' | 'onChange'>) {
  const negative = rowOf(card, 'negative_prompt');
  return (
    <>
      <Field label={rowOf(card, 'prompt')?.title ?? 'Prompt'} title={rowOf(card, 'prompt')?.help}>
        {(attributes) => (
          <textarea
            {...attributes} rows={4} className={inputLook} value={form.prompt}
            placeholder="a red circle on a blue background"
            onChange={(event) => onChange({ prompt: event.target.value })}
          />
        )}
      </Field>
      <Field label={negative?.title ?? 'Negative prompt'} title={negative?.help}>
        {(attributes) => (
          <textarea
            {...attributes} rows={2} className={inputLook} value={form.negativePrompt}
            placeholder="what the picture must not show (optional)"
            onChange={(event) => onChange({ negativePrompt: event.target.value })}
          />
        )}
      </Field>
    </>
  );
}

// The mask of the picture whose settings are used. Masks cannot be drawn here, only removed.
function MaskLine({ form, onChange }: Pick<Props, 'form' | 'onChange'>) {
  if (!form.mask) return null;
  return (
    <div className="flex items-center justify-between gap-3 text-sm text-stone-300">
      <img src={form.mask.dataUrl} alt="" className="size-14 rounded object-cover" />
      <p className="min-w-0 flex-1">Uses the same mask</p>
      <Button onClick={() => onChange({ mask: null })}>Remove mask</Button>
    </div>
  );
}
