// The rules of the form, without React: what the card of the model offers, what the user typed, what is sent.
import type { Input, ModelCard, NewJob, Parameter } from '../../api/types';
import { sentence } from '../../shared/lib/format';
import { firstProblem, inputOf, isAnySeed, type Attached, type Values } from '../../shared/lib/parameters';
import type { SourcePicture } from '../../shared/lib/readPicture';
import { generateTask } from './generation';

export interface FormState {
  prompt: string;
  negativePrompt: string;
  model: string; // id; '' until the station has listed its models
  chosen: Values; // what the user typed or selected; everything else is the default of the model
  seedLocked: boolean; // false: a new seed for each picture
  source: SourcePicture | null; // the picture to start from
  mask: SourcePicture | null; // of a picture whose settings are used
  emptyNegative: boolean; // an empty negative prompt is sent, which for some models differs from none
}

export const emptyForm: FormState = {
  prompt: '', negativePrompt: '', model: '', chosen: {}, seedLocked: false, source: null, mask: null,
  emptyNegative: false,
};

// A change holds only the members that change: the form may have changed meanwhile, because replies of the station
// arrive while the user types. Values replace those of the same name.
export type FormChange = Partial<FormState>;

export const changed = (before: FormState, changes: FormChange): FormState => ({
  ...before,
  ...('source' in changes ? { mask: null } : {}),
  ...changes,
  chosen: { ...before.chosen, ...changes.chosen },
});

export const attachedTo = ({ source, mask }: Pick<FormState, 'source' | 'mask'>): Attached =>
  new Set([...(source ? ['image'] : []), ...(mask ? ['mask'] : [])]);

export interface Size {
  width: number;
  height: number;
}

export const rowOf = (card: ModelCard | undefined, name: string): Parameter | undefined =>
  card?.parameters.find((row) => row.name === name);

// The seed can be typed before the station has listed its models.
const seedRow: Parameter = {
  name: 'seed', kind: 'seed', title: 'Seed', help: 'The same seed and settings give the same picture', unit: '',
  minimum: null, maximum: null, exclusive_minimum: false, step: null, slider_maximum: null, bytes_max: null,
  default_value: '', choices: [], choice_titles: [], list: '', needs: '',
};
export const seedRowOf = (card: ModelCard | undefined): Parameter => rowOf(card, 'seed') ?? seedRow;

// Parameters with a control of their own, or set by the page.
const ownControls = new Set(['prompt', 'negative_prompt', 'model', 'width', 'height', 'seed', 'preview_every']);
const everyday = new Set(['steps', 'guidance', 'sampler', 'schedule']);

const plainRows = (card: ModelCard): Parameter[] => card.parameters.filter(({ name }) => !ownControls.has(name));

// Where the rows are drawn: beside the source picture, always visible, or folded.
export function groupRows(card: ModelCard) {
  const rows = plainRows(card);
  const rest = rows.filter(({ needs }) => needs === '');
  return {
    source: rows.filter(({ needs }) => needs !== ''),
    everyday: rest.filter(({ name }) => everyday.has(name)),
    further: rest.filter(({ name }) => !everyday.has(name)),
  };
}

// The nearest value that the row takes.
function fitted(row: Parameter | undefined, value: number): number {
  const step = row?.step ?? 1;
  const onGrid = Math.round(value / step) * step;
  return Math.min(row?.maximum ?? Infinity, Math.max(row?.minimum ?? step, onGrid));
}

// Sizes with a button: the native pixel count in common aspect ratios.
export function sizePresets(card: ModelCard): (Size & { label: string })[] {
  const { native_width: w, native_height: h } = card;
  const area = w * h;
  const ratio = (x: number, y: number): Size => ({
    width: fitted(rowOf(card, 'width'), Math.sqrt((area * x) / y)),
    height: fitted(rowOf(card, 'height'), Math.sqrt((area * y) / x)),
  });
  return [
    { label: 'Square', width: w, height: h },
    { label: 'Landscape', ...ratio(3, 2) },
    { label: 'Portrait', ...ratio(2, 3) },
    { label: 'Wide', ...ratio(16, 9) },
  ];
}

// Above 4 times the native pixel count the station makes a small picture and enlarges it (engine/pipelines/sizes);
// below, the model makes a picture larger than those of its training.
export function sizeHint(card: ModelCard, width: string, height: string, exact = false): string | null {
  const native = card.native_width * card.native_height;
  const pixels = Number(width) * Number(height);
  if (!(pixels > 1.5 * native) || (pixels > 4 * native && !exact)) return null;
  const trained = `${card.native_width} × ${card.native_height}`;
  return `Larger than the pictures that the model was trained on (${trained}): its subject may repeat.`;
}

const titleOf = (card: ModelCard) => card.title || card.id;

// Two models may have the same title; their ids differ.
export const needsId = (card: ModelCard, cards: ModelCard[]) =>
  titleOf(card) !== card.id && cards.some((each) => each.id !== card.id && titleOf(each) === titleOf(card));

export function modelLabel(card: ModelCard, cards: ModelCard[]): string {
  return `${titleOf(card)}${needsId(card, cards) ? ` (${card.id})` : ''}${card.problem ? ': cannot be used' : ''}`;
}

export function defaultValues(card: ModelCard): Values {
  return Object.fromEntries(card.parameters.map((row) => [row.name, row.default_value]));
}

// What the controls show and what is sent. It is computed and never stored, so that no reply of the station overwrites
// what was typed before it arrived.
export function valuesOf(form: FormState, card: ModelCard | undefined): Values {
  return card ? { ...defaultValues(card), ...form.chosen } : form.chosen;
}

// Another model: chosen values stay, and those that equal the default of the old model become the default of the new one.
export function withModel(form: FormState, id: string, previous: ModelCard | undefined): FormState {
  const earlier = previous ? defaultValues(previous) : {};
  const chosen = Object.entries(form.chosen).filter(([name, value]) => value !== earlier[name]);
  return { ...form, model: id, chosen: Object.fromEntries(chosen) };
}

// Why the form cannot be sent, in a sentence; null when it can. `noModel` says why there is no card.
export function formProblem(form: FormState, card: ModelCard | undefined, noModel: string): string | null {
  if (!card) return noModel;
  if (card.problem) return sentence(card.problem);
  if (!form.prompt.trim()) return 'Describe the picture.';
  const values = valuesOf(form, card);
  for (const side of ['width', 'height']) {
    if (!(Number(values[side]) > 0)) return `The ${side} is missing.`;
  }
  const rows = card.parameters.filter(({ kind }) => kind !== 'seed');
  const texts = { ...values, prompt: form.prompt, negative_prompt: form.negativePrompt };
  return firstProblem([...rows, seedRowOf(card)], texts, attachedTo(form));
}

// Typing a seed locks it.
export const seedTyped = (text: string): FormChange => ({ chosen: { seed: text }, seedLocked: !isAnySeed(text) });

export function toJob(form: FormState, card: ModelCard, drawSeed: () => number): NewJob {
  const values = valuesOf(form, card);
  const input: Input = {
    prompt: form.prompt, model: card.id, preview_every: 1, ...inputOf(plainRows(card), values, attachedTo(form)),
  };
  if (form.negativePrompt.trim() || form.emptyNegative) input['negative_prompt'] = form.negativePrompt;
  // The default schedule belongs to the default sampler: beside a chosen sampler a chosen schedule is always sent.
  if (input['sampler'] && form.chosen['schedule']) input['schedule'] = form.chosen['schedule'];
  input['width'] = Number(values['width']);
  input['height'] = Number(values['height']);
  const seed = values['seed'] ?? '';
  input['seed_text'] = form.seedLocked && !isAnySeed(seed) ? seed : String(drawSeed());
  const attachments: NewJob['attachments'] = {};
  if (form.source) attachments['image'] = form.source.dataUrl;
  if (form.mask) attachments['mask'] = form.mask.dataUrl;
  return { task: generateTask, input, attachments };
}
