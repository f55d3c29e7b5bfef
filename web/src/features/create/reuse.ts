// "Use settings": the form that makes a picture again, from the job that made it. Without React.
import type { Job, ModelCard } from '../../api/types';
import { isShown, type Values } from '../../shared/lib/parameters';
import type { SourcePicture } from '../../shared/lib/readPicture';
import { attachedTo, rowOf, type Carried, type FormState } from './form';
import { inputOf, usedOf } from './generation';

// Members of a request that have no control.
const uncontrolled = ['exact_size', 'guidance_rescale', 'dtype', 'precise', 'tile_vae'] as const;
const onSomeCards = ['batch', 'strength', 'clip_skip'] as const;
const ofPicture = ['matte'] as const;
const plain: Partial<Record<string, number>> = { batch: 1, clip_skip: 0 };

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
    carried: carriedOf(job, card, pictures),
  };
}

const otherwise = new Set(['prompt', 'negative_prompt', 'seed', 'sampler', 'schedule']); // taken below, or above

function chosenOf(job: Job, card: ModelCard, pictures: Pictures): Values {
  const input = inputOf(job);
  const made: Record<string, unknown> = { ...job.input, ...usedOf(job) };
  const chosen: Values = {};
  const take = (name: string, value: unknown) => {
    if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string') chosen[name] = String(value);
  };
  const attached = attachedTo(pictures);
  for (const row of card.parameters) {
    if (!otherwise.has(row.name) && isShown(row, attached)) take(row.name, made[row.name]);
  }
  for (const name of ['width', 'height']) take(name, made[name]);
  take('seed', made['seed_text']); // the number is rounded
  // A default sampler stays the default; a chosen one is named as in the card.
  const sampler = choiceNamed(card, 'sampler', input.sampler ?? '', made['sampler']);
  const schedule = choiceNamed(card, 'schedule', input.schedule ?? '', made['schedule']);
  if (input.sampler) take('sampler', sampler);
  if (input.schedule || namesSchedule(input.sampler ?? '', sampler, schedule, card)) take('schedule', schedule);
  return chosen;
}

// The name in the request, or the one that the engine reports, whichever the card lists.
function choiceNamed(card: ModelCard, name: string, requested: string, used: unknown): string {
  const choices = rowOf(card, name)?.choices ?? [];
  return choices.includes(requested) && requested ? requested : String(used ?? requested);
}

// Sampler names of other clients ("dpmpp_2m_karras") include the schedule.
function namesSchedule(requested: string, sampler: string, schedule: string, card: ModelCard): boolean {
  return requested !== '' && requested !== sampler && (rowOf(card, 'schedule')?.choices.includes(schedule) ?? false);
}

function carriedOf(job: Job, card: ModelCard, { source, mask }: Pictures): Carried {
  const carried: Carried = {};
  for (const name of [...uncontrolled, ...onSomeCards, ...(source ? ofPicture : [])]) {
    const value = job.input[name] as string | number | boolean | null | undefined;
    if (value && value !== plain[name] && !rowOf(card, name)) carried[name] = value;
  }
  const input = inputOf(job);
  if (input.negative_prompt === '') carried['negative_prompt'] = ''; // differs from an absent one for some models
  if (mask && input.keep_outside === false && !rowOf(card, 'keep_outside')) carried['keep_outside'] = false;
  return carried;
}

// What is carried, in words; '' for nothing that a person needs to know.
export const carriedText = ({ carried, mask }: Pick<FormState, 'carried' | 'mask'>): string =>
  [
    ...(mask ? ['mask'] : []),
    ...Object.entries(carried)
      .filter(([name]) => name !== 'negative_prompt')
      .map(([name, value]) => {
        const words = name.replaceAll('_', ' ');
        return value === true ? words : `${words} ${value === false ? 'off' : value}`;
      }),
  ].join(', ');
