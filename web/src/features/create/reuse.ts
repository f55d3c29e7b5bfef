// "Use settings": the form that asks for a picture again, from the job that made it. Without React.
import type { Job, ModelCard } from '../../api/types';
import type { Carried, FormState, SourcePicture, Values } from './form';

// What a request may hold and no control shows.
const uncontrolled = ['exact_size', 'guidance_rescale', 'dtype', 'precise', 'tile_vae'] as const;
const onSomeCards = ['batch', 'strength', 'clip_skip'] as const;
const ofPicture = ['matte'] as const;
const plain: Partial<Record<string, number>> = { batch: 1, clip_skip: 0 };

export interface Pictures {
  source: SourcePicture | null;
  mask: SourcePicture | null;
}

// Everything that was chosen meanwhile is taken back: what is not named here is the model's default again.
export function formOf(job: Job, card: ModelCard, { source, mask }: Pictures): FormState {
  const used = job.result?.used;
  const { input } = job;
  return {
    prompt: used?.prompt ?? input.prompt,
    negativePrompt: used?.negative_prompt ?? input.negative_prompt ?? '',
    model: card.id,
    chosen: chosenOf(job, card, source !== null),
    seedLocked: true,
    source,
    carried: carriedOf(job, card, { source, mask }),
  };
}

function chosenOf({ input, result }: Job, card: ModelCard, withPicture: boolean): Values {
  const made: Record<string, unknown> = { ...input, ...result?.used };
  const chosen: Values = {};
  const take = (name: string, value: unknown) => {
    if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string') chosen[name] = String(value);
  };
  for (const { name } of card.parameters) take(name, made[name]);
  for (const name of ['width', 'height']) take(name, made[name]);
  take('seed', made['seed_text']); // the number is rounded
  for (const name of ['prompt', 'negative_prompt', 'sampler', 'schedule', 'strength']) delete chosen[name];
  if (withPicture) {
    take('fit', input.fit);
    take('strength', made['strength']);
  }
  // A sampler left to the model stays with it; one that was named comes back in the card's words.
  const sampler = choiceNamed(card, 'sampler', input.sampler, made['sampler']);
  const schedule = choiceNamed(card, 'schedule', input.schedule, made['schedule']);
  if (input.sampler) take('sampler', sampler);
  if (input.schedule || namesSchedule(input.sampler, sampler, schedule, card)) take('schedule', schedule);
  return chosen;
}

// What was asked for, or the name that the engine reports, whichever the card lists.
function choiceNamed(card: ModelCard, name: string, asked: string, used: unknown): string {
  const choices = card.parameters.find((parameter) => parameter.name === name)?.choices ?? [];
  return choices.includes(asked) && asked ? asked : String(used ?? asked);
}

// Other clients' sampler names ("dpmpp_2m_karras") name the schedule too.
function namesSchedule(asked: string, sampler: string, schedule: string, card: ModelCard): boolean {
  const own = card.parameters.find(({ name }) => name === 'schedule');
  return asked !== '' && asked !== sampler && (own?.choices.includes(schedule) ?? false);
}

function carriedOf({ input }: Job, card: ModelCard, { source, mask }: Pictures): Carried {
  const carried: Carried = {};
  for (const name of [...uncontrolled, ...onSomeCards, ...(source ? ofPicture : [])]) {
    const value = input[name];
    const controlled = card.parameters.some((parameter) => parameter.name === name);
    if (value && value !== plain[name] && !controlled) carried[name] = value;
  }
  if (input.negative_prompt === '') carried['negative_prompt'] = ''; // differs from none for some models
  if (mask) carried['mask'] = mask.dataUrl;
  if (mask && !input.keep_outside) carried['keep_outside'] = false;
  return carried;
}

// What is carried, in words; '' when a person need not know.
export const carriedWords = (carried: Carried): string =>
  Object.entries(carried)
    .filter(([name]) => name !== 'negative_prompt')
    .map(([name, value]) => {
      const words = name.replaceAll('_', ' ');
      if (name === 'mask' || value === true) return words;
      return `${words} ${value === false ? 'off' : value}`;
    })
    .join(', ');
