// "Use settings": the form that makes a picture again, from the job that made it. Without React.
import type { Job, ModelCard, Parameter } from '../../api/types';
import { isNumeric, isShown, type Values } from '../../shared/lib/parameters';
import type { SourcePicture } from '../../shared/lib/readPicture';
import { attachedTo, rowOf, type FormState } from './form';
import { inputOf, usedOf } from './generation';

export interface Pictures {
  source: SourcePicture | null;
  mask: SourcePicture | null;
}

// Replaces everything that was chosen meanwhile: what the job does not name is the default of the model again.
export function formOf(job: Job, card: ModelCard, pictures: Pictures): FormState {
  const { prompt, negative_prompt } = { ...inputOf(job), ...usedOf(job) };
  return {
    prompt: prompt ?? '',
    negativePrompt: negative_prompt ?? '',
    model: card.id,
    chosen: chosenOf(job, card, pictures),
    seedLocked: true,
    ...pictures,
    emptyNegative: inputOf(job).negative_prompt === '',
  };
}

const otherwise = new Set(['prompt', 'negative_prompt', 'model', 'seed', 'sampler', 'schedule']); // by other rules

function chosenOf(job: Job, card: ModelCard, pictures: Pictures): Values {
  const made: Record<string, unknown> = { ...job.input, ...usedOf(job) };
  const chosen: Values = {};
  const take = (name: string, value: unknown) => {
    if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string') chosen[name] = String(value);
  };
  const attached = attachedTo(pictures);
  for (const row of card.parameters) {
    if (otherwise.has(row.name) || !isShown(row, attached)) continue;
    // Defaults of numbers may change with the model: the used ones are taken. Other defaults stay defaults.
    take(row.name, isNumeric(row) ? made[row.name] : job.input[row.name]);
  }
  take('seed', made['seed_text']); // the number is rounded
  return { ...chosen, ...samplingOf(job, card) };
}

// A default sampler stays the default, and so does its schedule. Names of other clients ("dpmpp_2m_karras") may include
// the schedule.
function samplingOf(job: Job, card: ModelCard): Values {
  const { sampler = '', schedule = '' } = inputOf(job);
  const used = usedOf(job);
  const chosen: Values = {};
  const own = choiceNamed(rowOf(card, 'sampler'), sampler);
  if (sampler) chosen['sampler'] = own ?? choiceNamed(rowOf(card, 'sampler'), used?.sampler ?? '') ?? sampler;
  const made = choiceNamed(rowOf(card, 'schedule'), schedule) ?? choiceNamed(rowOf(card, 'schedule'), used?.schedule ?? '');
  if (schedule || (sampler && own === undefined && made)) chosen['schedule'] = made ?? schedule;
  return chosen;
}

// The choice that a name or a title means.
function choiceNamed(row: Parameter | undefined, name: string): string | undefined {
  if (!row || !name) return undefined;
  const titled = row.choice_titles.findIndex((title) => title.toLowerCase() === name.toLowerCase());
  return row.choices.includes(name) ? name : row.choices[titled];
}
