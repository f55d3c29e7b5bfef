// The form's rules, without React: what the model's card offers, what a person typed, what is sent.
import type { ModelCard, NewJob, Parameter } from '../../api/types';
import { sentence } from '../../shared/lib/format';

export interface FormState {
  prompt: string;
  negativePrompt: string;
  model: string; // id; '' until the station has named its models
  chosen: Values; // what a person typed or picked; all else is the model's default
  seedLocked: boolean; // false: a new seed for each picture
  source: SourcePicture | null; // start from this picture
  carried: Carried; // asked for with a picture whose settings are used, and without a control here
}

export type Carried = NewJob['input'];

export type Values = Record<string, string>; // by parameter name, as typed

// A change names only what changes: the form may have changed meanwhile, for the station's answers arrive while
// somebody types. Values replace those of the same name.
export type FormChange = Partial<FormState>;

export const changed = (before: FormState, changes: FormChange): FormState => ({
  ...before,
  ...changes,
  chosen: { ...before.chosen, ...changes.chosen },
  carried: changes.carried ?? ('source' in changes ? withoutPicture(before.carried) : before.carried),
});

// These belong to one source picture; the station refuses a mask alone.
const ofOnePicture = new Set(['mask', 'keep_outside', 'matte']);
const withoutPicture = (carried: Carried): Carried =>
  Object.fromEntries(Object.entries(carried).filter(([name]) => !ofOnePicture.has(name)));

export interface SourcePicture {
  dataUrl: string;
  name: string;
}

export interface Size {
  width: number;
  height: number;
}

// Drawn by their own controls, or sent by other means.
const ownControls = new Set(['prompt', 'negative_prompt', 'seed', 'width', 'height', 'model']);
const onlyWithPicture = new Set(['strength', 'fit']);
const everyday = new Set(['steps', 'guidance', 'sampler', 'schedule']);

// Part of every request with a picture, whatever the model.
const fit: Parameter = {
  name: 'fit', kind: 'choice', title: 'Fit', help: 'How the picture meets a size of another shape',
  minimum: null, maximum: null, step: null, default_value: 'stretch', choices: ['stretch', 'cover', 'contain'],
};

export function drawnParameters(card: ModelCard, withPicture: boolean): Parameter[] {
  const known = card.parameters.some(({ name }) => name === fit.name) ? card.parameters : [...card.parameters, fit];
  return known.filter(
    (parameter) =>
      parameter.kind !== 'size' &&
      !ownControls.has(parameter.name) &&
      (withPicture || !onlyWithPicture.has(parameter.name)),
  );
}

// Where they are drawn: beside the source picture, in sight, or folded away.
export function groupParameters(parameters: Parameter[]) {
  const source = parameters.filter(({ name }) => onlyWithPicture.has(name));
  const rest = parameters.filter(({ name }) => !onlyWithPicture.has(name));
  return {
    source,
    everyday: rest.filter(({ name }) => everyday.has(name)),
    further: rest.filter(({ name }) => !everyday.has(name)),
  };
}

const roundTo8 = (value: number) => Math.max(64, Math.round(value / 8) * 8);

// What a list offers: the card's choices, the model's own where the card names none, and what is chosen already
// (another client's word may be none of the choices).
export function choicesOf(parameter: Parameter, value: string): string[] {
  return [...new Set([...(parameter.default_value === '' ? [''] : []), ...parameter.choices, value])];
}

// Sizes worth a button: the native pixel count in the usual aspect ratios.
export function sizePresets(card: ModelCard): (Size & { label: string })[] {
  const { native_width: w, native_height: h } = card;
  const area = w * h;
  const ratio = (x: number, y: number): Size => ({
    width: roundTo8(Math.sqrt((area * x) / y)),
    height: roundTo8(Math.sqrt((area * y) / x)),
  });
  return [
    { label: 'Square', width: w, height: h },
    { label: 'Landscape', ...ratio(3, 2) },
    { label: 'Portrait', ...ratio(2, 3) },
    { label: 'Wide', ...ratio(16, 9) },
  ];
}

// Above 4 times the native pixel count the station draws small and enlarges (engine/pipelines/sizes); below, the
// model draws more than it was trained on.
export function sizeHint(card: ModelCard, width: string, height: string, exact = false): string | null {
  const native = card.native_width * card.native_height;
  const asked = Number(width) * Number(height);
  if (!(asked > 1.5 * native) || (asked > 4 * native && !exact)) return null;
  const trained = `${card.native_width} × ${card.native_height}`;
  return `Larger than what the model was trained on (${trained}): its subject may repeat.`;
}

const titleOf = (card: ModelCard) => card.title || card.id;

// Two models may carry one title; their ids differ.
export const needsId = (card: ModelCard, cards: ModelCard[]) =>
  titleOf(card) !== card.id && cards.some((each) => each.id !== card.id && titleOf(each) === titleOf(card));

export function modelLabel(card: ModelCard, cards: ModelCard[]): string {
  return `${titleOf(card)}${needsId(card, cards) ? ` (${card.id})` : ''}${card.problem ? ': cannot be used' : ''}`;
}

export function defaultValues(card: ModelCard): Values {
  const values: Values = {};
  for (const parameter of card.parameters) values[parameter.name] = parameter.default_value;
  values['width'] = String(card.native_width);
  values['height'] = String(card.native_height);
  values['seed'] = '';
  values['fit'] ??= fit.default_value;
  return values;
}

// A card may spell its default otherwise than its choices; one that it does not list is left to the model.
export function withListedDefaults(card: ModelCard): ModelCard {
  const listed = ({ choices, default_value }: Parameter) =>
    choices.find((choice) => choice.toLowerCase() === default_value.toLowerCase()) ?? '';
  return {
    ...card,
    parameters: card.parameters.map((parameter) =>
      parameter.kind === 'choice' ? { ...parameter, default_value: listed(parameter) } : parameter),
  };
}

// What the controls show and what is sent: computed, never stored, so that no answer of the station overwrites
// what was typed before it came.
export function valuesOf(form: FormState, card: ModelCard | undefined): Values {
  return card ? { ...defaultValues(card), ...form.chosen } : form.chosen;
}

// Another model: what was chosen stays, and what equals the old model's default becomes the new one's.
export function withModel(form: FormState, id: string, previous: ModelCard | undefined): FormState {
  const earlier = previous ? defaultValues(previous) : {};
  const chosen = Object.entries(form.chosen).filter(([name, value]) => value !== earlier[name]);
  return { ...form, model: id, chosen: Object.fromEntries(chosen) };
}

// Why Create cannot work now, in a sentence; null when it can. `noModel` says why there is no card.
export function formProblem(form: FormState, card: ModelCard | undefined, noModel: string): string | null {
  if (!card) return noModel;
  if (card.problem) return sentence(card.problem);
  if (!form.prompt.trim()) return 'Write what you would like to see.';
  const values = valuesOf(form, card);
  for (const side of ['width', 'height'] as const) {
    const value = Number(values[side]);
    if (!Number.isInteger(value) || value % 8 !== 0 || value < 64 || value > 2048) {
      return `The ${side} must be a multiple of 8 between 64 and 2048.`;
    }
  }
  if (!isSeed(values['seed'] ?? '')) return 'The seed must be a whole number up to 18,446,744,073,709,551,615.';
  return null;
}

const isAnySeed = (text: string) => text === '' || text === '-1'; // as other programs write it
const isSeed = (text: string) => isAnySeed(text) || (/^\d{1,40}$/.test(text) && BigInt(text) < 1n << 64n);

// What typing in the seed's field changes: a seed that is named is kept.
export const seedTyped = (text: string): FormChange =>
  ({ chosen: { seed: text.trim() }, seedLocked: !isAnySeed(text.trim()) });

function typed(parameter: Parameter, text: string): string | number | boolean {
  if (parameter.kind === 'integer' || parameter.kind === 'number') return Number(text);
  if (parameter.kind === 'boolean') return text === 'true';
  return text;
}

export function toJob(form: FormState, card: ModelCard, drawSeed: () => number): NewJob {
  const values = valuesOf(form, card);
  const input: NewJob['input'] = { ...form.carried, prompt: form.prompt, model: card.id, preview_every: 1 };
  if (form.negativePrompt.trim()) input['negative_prompt'] = form.negativePrompt;
  for (const parameter of drawnParameters(card, form.source !== null)) {
    const text = values[parameter.name] ?? '';
    const value = typed(parameter, text);
    if (text !== '' && value !== typed(parameter, parameter.default_value)) input[parameter.name] = value;
  }
  // Beside a sampler that is named, the model's own schedule is no default: one that was chosen is sent.
  if (input['sampler'] && form.chosen['schedule']) input['schedule'] = form.chosen['schedule'];
  input['width'] = Number(values['width']);
  input['height'] = Number(values['height']);
  const seed = values['seed'] ?? '';
  input['seed_text'] = form.seedLocked && !isAnySeed(seed) ? seed : String(drawSeed());
  if (form.source) input['image'] = form.source.dataUrl;
  return { kind: 'generate', priority: 2, input };
}
